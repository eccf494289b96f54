export {
  type CreateChannelGradientsOptions,
  createChannelGradients,
} from "./channel-gradients/create-channel-gradients.ts";
export type {
  Checkpoint,
  CheckpointRun,
  CheckpointStep,
  EvaluationRecord,
  TrainingLimits,
  TrainingProgress,
} from "./checkpoint/checkpoint.ts";
export { readCheckpoint } from "./checkpoint/read-checkpoint.ts";
export { writeCheckpoint } from "./checkpoint/write-checkpoint.ts";
export { joinModels } from "./distillation/join-models.ts";
export type {
  Batch,
  StepOptions,
  StepResult,
  TrainingEngine,
  TrainingSession,
} from "./engine/engine.ts";
export { findBlockSize } from "./engine/find-block-size.ts";
export { createOrtEngine, type OrtEngineOptions } from "./engine/ort-engine.ts";
export { TrainError, type TrainErrorCode, type TrainErrorDetails } from "./errors.ts";
export { type BackpropagateOptions, backpropagate } from "./gradients/backpropagate.ts";
export { type DifferentiateOptions, differentiate } from "./gradients/differentiate.ts";
export {
  type GradientContext,
  type GradientRule,
  notCovered,
  outputGradient,
  requireInput,
} from "./gradients/gradient-rule.ts";
export { gradientRules } from "./gradients/gradient-rules.ts";
export {
  type BalancedBinaryCrossEntropyOptions,
  balancedBinaryCrossEntropy,
} from "./losses/balanced-binary-cross-entropy.ts";
export { type BalanceOptions, balancedMean } from "./losses/balanced-mean.ts";
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type ProbabilityLossOptions,
} from "./losses/binary-cross-entropy.ts";
export { type DbLossOptions, dbLoss } from "./losses/db-loss.ts";
export { type DiceOptions, dice } from "./losses/dice.ts";
export {
  type DiceFocalDbLossOptions,
  type DiceFocalOptions,
  diceFocal,
  diceFocalDbLoss,
} from "./losses/dice-focal.ts";
export { type DistillationOptions, distillation } from "./losses/distillation.ts";
export {
  type FeatureDistillationOptions,
  type FeaturePair,
  featureDistillation,
} from "./losses/feature-distillation.ts";
export { type FocalOptions, focal } from "./losses/focal.ts";
export {
  bernoulliKlDivergence,
  type SoftmaxKlDivergenceOptions,
  softmaxKlDivergence,
} from "./losses/kl-divergence.ts";
export type { Loss, LossContext } from "./losses/loss.ts";
export { maskedL1 } from "./losses/masked-l1.ts";
export { type MeanOptions, maskedMean } from "./losses/masked-mean.ts";
export { meanSquaredError } from "./losses/mean-squared-error.ts";
export { type MutualLearningOptions, mutualLearning } from "./losses/mutual-learning.ts";
export { type SmoothL1Options, smoothL1 } from "./losses/smooth-l1.ts";
export { weightedSum } from "./losses/weighted-sum.ts";
export {
  createEmptyOps,
  createOps,
  type NodeAttributes,
  type Ops,
  type OpsCore,
  TRAINING_OPSET,
} from "./ops/ops.ts";
export type { Operand, Shorthands, SliceRange } from "./ops/shorthands.ts";
export { adam } from "./optimizers/adam.ts";
export type { AdamOptions } from "./optimizers/adam-moments.ts";
export { adamW } from "./optimizers/adam-w.ts";
export { clipByNorm, clipByValue } from "./optimizers/clip-gradient.ts";
export { constantRate } from "./optimizers/constant-rate.ts";
export { cosineRate } from "./optimizers/cosine-rate.ts";
export type { Optimizer, UpdateContext, UpdateResult } from "./optimizers/optimizer.ts";
export { type PiecewiseRateOptions, piecewiseRate } from "./optimizers/piecewise-rate.ts";
export { type PolynomialRateOptions, polynomialRate } from "./optimizers/polynomial-rate.ts";
export type { Schedule } from "./optimizers/schedule.ts";
export { type SgdOptions, sgd } from "./optimizers/sgd.ts";
export { type StepRateOptions, stepRate } from "./optimizers/step-rate.ts";
export type { DecayOptions, ScheduleOptions, Span } from "./optimizers/warm-up.ts";
export { buildTrainingStep, type TrainingStepOptions } from "./step/build-training-step.ts";
export type { GradientClip } from "./step/build-update.ts";
export { type ExportModelOptions, exportModel } from "./step/export-model.ts";
export { findParameters, type ModelParameter, type ParameterRole } from "./step/find-parameters.ts";
export { type ParameterGroup, withoutDecay } from "./step/parameter-groups.ts";
export {
  type ReestimateOptions,
  reestimateBatchNormalization,
} from "./step/reestimate-batch-normalization.ts";
export type {
  BatchInput,
  Parameter,
  StateVector,
  TrainingState,
  TrainingStep,
} from "./step/training-step.ts";
export type { DivergenceOptions } from "./trainer/divergence.ts";
export { findNonFinite, type NonFiniteValue } from "./trainer/find-non-finite.ts";
export { train } from "./trainer/train.ts";
export {
  type CheckpointOptions,
  type EarlyStopping,
  type EvaluateState,
  TRAIN_DEFAULTS,
  type TrainingEvaluation,
  type TrainingEvent,
  type TrainingResult,
  type TrainOptions,
} from "./trainer/train-options.ts";
export type { BatchRequest, TrainingData } from "./trainer/training-data.ts";
export {
  createWorkerData,
  type WorkerData,
  type WorkerDataOptions,
} from "./trainer/worker-data.ts";
