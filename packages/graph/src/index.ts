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
export { GraphError, type GraphErrorCode, type GraphErrorDetails } from "./errors.ts";
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
export {
  type ExternalLocation,
  Tensor,
  type TensorData,
  type TensorInit,
  type TensorStorage,
} from "./ir/tensor.ts";
export type { Dimension, Use, Value, ValueType } from "./ir/value.ts";
export type { ShapeInference } from "./shapes/types.ts";
