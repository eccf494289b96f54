export type {
  Batch,
  StepOptions,
  StepResult,
  TrainingEngine,
  TrainingSession,
} from "./engine/engine.ts";
export { createOrtEngine, type OrtEngineOptions } from "./engine/ort-engine.ts";
export { TrainError, type TrainErrorCode, type TrainErrorDetails } from "./errors.ts";
export { type BackpropagateOptions, backpropagate } from "./gradients/backpropagate.ts";
export {
  type GradientContext,
  type GradientRule,
  notCovered,
  outputGradient,
  requireInput,
} from "./gradients/gradient-rule.ts";
export { gradientRules } from "./gradients/gradient-rules.ts";
export type { Loss, LossContext } from "./losses/loss.ts";
export {
  createEmptyOps,
  createOps,
  type NodeAttributes,
  type Ops,
  type OpsCore,
  TRAINING_OPSET,
} from "./ops/ops.ts";
export type { Operand, Shorthands, SliceRange } from "./ops/shorthands.ts";
export type { Optimizer, UpdateContext, UpdateResult } from "./optimizers/optimizer.ts";
export type { Schedule } from "./optimizers/schedule.ts";
export { buildTrainingStep, type TrainingStepOptions } from "./step/build-training-step.ts";
export type { GradientClip } from "./step/build-update.ts";
export { type ExportModelOptions, exportModel } from "./step/export-model.ts";
export { findParameters, type ModelParameter, type ParameterRole } from "./step/find-parameters.ts";
export { type ParameterGroup, withoutDecay } from "./step/parameter-groups.ts";
export type {
  BatchInput,
  Parameter,
  StateVector,
  TrainingState,
  TrainingStep,
} from "./step/training-step.ts";
export type { BatchRequest, TrainingData } from "./trainer/training-data.ts";
