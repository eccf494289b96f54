export { assertValidModel, checkModel } from "./check/check-model.ts";
export type { Issue } from "./check/issue.ts";
export { type DecodeModelOptions, decodeModel } from "./codec/decode-model.ts";
export type { ExternalDataLoader } from "./codec/decode-tensor.ts";
export { encodeModel } from "./codec/encode-model.ts";
export type { ChannelGroup, GroupMember, MemberRole } from "./contracts/channel-group.ts";
export type { Criterion, CriterionContext } from "./contracts/criterion.ts";
export type { Evaluate, Evaluation } from "./contracts/evaluate.ts";
export type { LossCurve, LossPoint } from "./contracts/loss-curve.ts";
export type { PlannedGroup, PruningPlan, SkippedGroup } from "./contracts/pruning-plan.ts";
export {
  createRandom,
  createRunContext,
  type Logger,
  type ProgressEvent,
  type RunContext,
  type RunOptions,
} from "./contracts/run-context.ts";
export type { Transform, TransformOutcome, TransformReport } from "./contracts/transform.ts";
export {
  type CostOptions,
  computeCost,
  type ModelCost,
  type NodeCost,
} from "./cost/compute-cost.ts";
export { type ExtractSubmodelOptions, extractSubmodel } from "./edit/extract-submodel.ts";
export { GraphError, type GraphErrorCode, type GraphErrorDetails } from "./errors.ts";
export type { ChannelRule, KeptChannels, Port, SpreadContext } from "./groups/channel-rule.ts";
export { channelRules } from "./groups/channel-rules.ts";
export { type FindChannelGroupsOptions, findChannelGroups } from "./groups/find-channel-groups.ts";
export {
  keptIndices,
  type RemoveChannelsOptions,
  removeChannels,
} from "./groups/remove-channels.ts";
export { readModel } from "./io/read-model.ts";
export { WRITE_MODEL_DEFAULTS, type WriteModelOptions, writeModel } from "./io/write-model.ts";
export {
  type Attribute,
  type AttributeContent,
  float,
  floats,
  graphAttribute,
  int,
  ints,
  string,
  strings,
  tensorAttribute,
} from "./ir/attribute.ts";
export { cloneModel } from "./ir/clone.ts";
export { constantTensor, setConstantTensor } from "./ir/constants.ts";
export {
  byteLength,
  type DataType,
  dataTypeBits,
  dataTypeCode,
  dataTypeFromCode,
  elementCount,
} from "./ir/data-type.ts";
export { Graph, listCaptures, listSubgraphs, type NodeInit } from "./ir/graph.ts";
export { Model } from "./ir/model.ts";
export type { Node } from "./ir/node.ts";
export { takeIndices } from "./ir/take.ts";
export {
  type ExternalLocation,
  Tensor,
  type TensorData,
  type TensorInit,
  type TensorStorage,
} from "./ir/tensor.ts";
export type { Dimension, Use, Value, ValueType } from "./ir/value.ts";
export { type EvaluateOptions, evaluateNode, kernels } from "./kernels/evaluate-node.ts";
export type { Kernel, KernelContext } from "./kernels/kernel.ts";
export { type InferShapesOptions, inferShapes } from "./shapes/infer-shapes.ts";
export { type InputShapeOptions, resolveInputShapes } from "./shapes/input-shapes.ts";
export type { InferredOutput, ShapeRule, ShapeRuleContext } from "./shapes/shape-rule.ts";
export { operatorName, shapeRules } from "./shapes/shape-rules.ts";
export type { ShapeInference } from "./shapes/types.ts";
export { constantsToInitializers } from "./transforms/constants-to-initializers.ts";
export { convertAffine } from "./transforms/convert-affine.ts";
export { deduplicateInitializers } from "./transforms/deduplicate-initializers.ts";
export { eliminateCommonSubexpressions } from "./transforms/eliminate-common-subexpressions.ts";
export { factorGatedResiduals } from "./transforms/factor-gated-residuals.ts";
export {
  FIT_RUNTIME_DEFAULTS,
  type FitCandidate,
  type FitRuntimeOptions,
  type FitTarget,
  fitRuntime,
} from "./transforms/fit-runtime/fit-runtime.ts";
export type { MicroModels } from "./transforms/fit-runtime/micro-models.ts";
export type { RewriteKind } from "./transforms/fit-runtime/rewrite.ts";
export { foldAffine } from "./transforms/fold-affine.ts";
export { foldBatchNormalization } from "./transforms/fold-batch-normalization.ts";
export {
  FOLD_CONSTANTS_DEFAULTS,
  type FoldConstantsOptions,
  foldConstants,
} from "./transforms/fold-constants.ts";
export { foldPads } from "./transforms/fold-pads.ts";
export { fuseGelu } from "./transforms/fuse-gelu.ts";
export { fuseHardSigmoid } from "./transforms/fuse-hard-sigmoid.ts";
export { fuseHardSwish } from "./transforms/fuse-hard-swish.ts";
export { mergeClips } from "./transforms/merge-clips.ts";
export { mergeReshapes } from "./transforms/merge-reshapes.ts";
export { removeIdentities } from "./transforms/remove-identities.ts";
export { removeInitializersFromInputs } from "./transforms/remove-initializers-from-inputs.ts";
export { removeUnused } from "./transforms/remove-unused.ts";
export { REPEAT_DEFAULTS, type RepeatOptions, repeat } from "./transforms/repeat.ts";
export { SIMPLIFY_DEFAULTS, type SimplifyOptions, simplify } from "./transforms/simplify.ts";
export { sortTopologically } from "./transforms/sort-topologically.ts";
export { type TransformOptions, transform } from "./transforms/transform.ts";
export { upgradeOpset } from "./transforms/upgrade-opset.ts";
export { useGlobalPooling } from "./transforms/use-global-pooling.ts";
