export { apoz } from "./criteria/apoz.ts";
export { type BatchNormScaleOptions, batchNormScale } from "./criteria/batch-norm-scale.ts";
export { flap } from "./criteria/flap.ts";
export { geometricMedian } from "./criteria/geometric-median.ts";
export { l1Norm } from "./criteria/l1-norm.ts";
export { l2Norm } from "./criteria/l2-norm.ts";
export { type LampOptions, lamp } from "./criteria/lamp.ts";
export { meanActivation } from "./criteria/mean-activation.ts";
export {
  byMax,
  byMean,
  bySum,
  gaussian,
  lampShare,
  type Normalization,
  none,
  standardize,
} from "./criteria/normalizations.ts";
export {
  type ScoreOptions,
  WEIGHT_SCORE_DEFAULTS,
  type WeightScoreOptions,
} from "./criteria/options.ts";
export { paddleGeometricMedian, paddleL1Norm, paddleL2Norm } from "./criteria/paddle.ts";
export { randomScores } from "./criteria/random-scores.ts";
export { first, max, mean, product, type Reduction, sum } from "./criteria/reductions.ts";
export {
  ACTIVATION_SCORE_DEFAULTS,
  type ActivationScoreOptions,
} from "./criteria/score-activations.ts";
export { wanda } from "./criteria/wanda.ts";
export {
  allWeights,
  consumers,
  firstProducer,
  type MemberSelector,
  producers,
  type WeightMember,
} from "./criteria/weight-members.ts";
export { PruneError, type PruneErrorCode, type PruneErrorDetails } from "./errors.ts";
export type {
  Allocation,
  AllocationCandidate,
  AllocationContext,
  AllocationResult,
} from "./plan/allocation.ts";
export { type BudgetOptions, budget } from "./plan/allocations/budget.ts";
export {
  type GlobalThresholdOptions,
  globalThreshold,
} from "./plan/allocations/global-threshold.ts";
export { ratioPerGroup, ratiosFromLoss } from "./plan/allocations/ratio-per-group.ts";
export type {
  BudgetQuantity,
  BudgetReport,
  BudgetTarget,
  CostTarget,
} from "./plan/allocations/target.ts";
export { uniformRatio } from "./plan/allocations/uniform-ratio.ts";
export { widthPerGroup } from "./plan/allocations/width-per-group.ts";
export type { CostFunction } from "./plan/cost-function.ts";
export { type CostModel, createCostModel, type PlanCost } from "./plan/cost-model.ts";
export {
  type IgnoreRule,
  ignoreFirstConvolutions,
  ignoreNames,
  ignoreSensitive,
} from "./plan/ignore.ts";
export {
  createLatencyModel,
  type LatencyModel,
  type LatencySource,
  type PlanLatency,
} from "./plan/latency-model.ts";
export { parsePlan } from "./plan/parse-plan.ts";
export { readPlan, writePlan } from "./plan/plan-files.ts";
export {
  type PlanLatencies,
  readPlanLatencies,
  withMeasuredLatency,
  withPredictedLatency,
} from "./plan/plan-latency.ts";
export { type PlanPruningOptions, planPruning } from "./plan/plan-pruning.ts";
export { createPlanner, type Planner } from "./plan/planner.ts";
export { PLAN_PRUNING_DEFAULTS, type PlannerOptions } from "./plan/planner-options.ts";
export {
  LIST_NEIGHBOURS_DEFAULTS,
  type ListNeighboursOptions,
  listNeighbours,
} from "./plan/search/list-neighbours.ts";
export { SEARCH_PLAN_DEFAULTS, searchPlan } from "./plan/search/search-plan.ts";
export type {
  MeasuredPlan,
  PlanMeasurement,
  PlanSearch,
  SearchOutcome,
  SearchPlanOptions,
  SearchTarget,
  UnmetCode,
} from "./plan/search/types.ts";
export type { WidthRules } from "./plan/widths.ts";
export { type PruneChannelsOptions, pruneChannels } from "./prune-channels.ts";
export {
  ANALYZE_RECONSTRUCTION_DEFAULTS,
  type AnalyzeReconstructionOptions,
  analyzeReconstruction,
  type ReconstructionAnalysis,
  reconstruction,
} from "./reconstruction/analyze-reconstruction.ts";
export { type Disagreement, measureDisagreement } from "./reconstruction/disagreement.ts";
export {
  POLISH_OUTPUT_DEFAULTS,
  type PolishOutputOptions,
  type PolishReport,
  polishOutput,
} from "./reconstruction/polish-output.ts";
export {
  RECONSTRUCT_DEFAULTS,
  type ReconstructionReport,
  type ReconstructOptions,
  reconstruct,
  reconstructLayers,
  reconstructModel,
} from "./reconstruction/reconstruct.ts";
export type { ReconstructedLayer } from "./reconstruction/reconstructed-layer.ts";
export { refineSelection } from "./reconstruction/refine-selection.ts";
export type { Compensation, Uncompensated } from "./recovery/compensate.ts";
export {
  type CompensateMeansOptions,
  compensateGroups,
  compensateMeans,
} from "./recovery/compensate-means.ts";
export {
  findConstantChannels,
  type PlanConstantChannelsOptions,
  planConstantChannels,
} from "./recovery/constant-channels.ts";
export {
  type FoldConstantChannelsOptions,
  foldConstantChannels,
} from "./recovery/fold-constant-channels.ts";
export {
  type RecalibrateBatchNormalizationOptions,
  recalibrateBatchNormalization,
} from "./recovery/recalibrate-batch-normalization.ts";
export type {
  ActivationStatistics,
  ChannelStatistics,
  ConsumerReading,
} from "./statistics/activation-statistics.ts";
export {
  type CollectActivationStatisticsOptions,
  collectActivationStatistics,
  type Feeds,
} from "./statistics/collect-activation-statistics.ts";
