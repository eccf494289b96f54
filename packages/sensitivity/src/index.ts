export {
  ABLATION_DEFAULTS,
  type AblationOptions,
  createAblation,
} from "./ablation/create-ablation.ts";
export type { ImageMetric, ImageOutputs } from "./ablation/image-metric.ts";
export {
  createParallelRuntime,
  type ParallelRuntime,
  type ParallelRuntimeOptions,
} from "./ablation/parallel-runtime.ts";
export {
  analyzeSensitivity,
  type PruneModel,
  SENSITIVITY_DEFAULTS,
  type SensitivityOptions,
} from "./analyze-sensitivity.ts";
export { formatCsv } from "./csv.ts";
export {
  SensitivityError,
  type SensitivityErrorCode,
  type SensitivityErrorDetails,
} from "./errors.ts";
export type { EstimateOptions } from "./estimates/estimate.ts";
export {
  type ActivationEnergies,
  type EstimateEnergyOptions,
  estimateEnergy,
} from "./estimates/estimate-energy.ts";
export {
  type EstimateFisherOptions,
  estimateFisher,
} from "./estimates/estimate-fisher.ts";
export type { MapDistance } from "./estimates/map-distance.ts";
export {
  type CreateOutputDistanceMetricOptions,
  createOutputDistanceMetric,
  type OutputDistanceMetric,
  type OutputDistanceMetricOptions,
  outputDistanceMetric,
} from "./estimates/output-distance.ts";
export { type RankCorrelation, rankCorrelation } from "./estimates/rank-correlation.ts";
export { hashModel } from "./hash-model.ts";
export { mergeSensitivities } from "./merge-sensitivities.ts";
export {
  listParameterNames,
  type MatchedCurves,
  type ParameterNameOptions,
  toLossCurves,
} from "./paddleslim/parameter-names.ts";
export {
  type PaddleSlimCurve,
  type PaddleSlimSensitivities,
  readPaddleSlimSensitivities,
} from "./paddleslim/read-paddleslim-sensitivities.ts";
export {
  formatPaddleSlimSensitivities,
  type WritePaddleSlimOptions,
  writePaddleSlimSensitivities,
} from "./paddleslim/write-paddleslim-sensitivities.ts";
export { parseSensitivities } from "./parse-sensitivities.ts";
export type { CreatePointMeasurer, PointMeasurer, PointResult } from "./point-measurer.ts";
export { countRemoved, listPoints, type PointSpec } from "./points.ts";
export {
  type RatiosByLossOptions,
  ratiosByLoss,
  ratiosByLossMonotone,
} from "./ratios-by-loss.ts";
export {
  computeLoss,
  type FailedPoint,
  type LossReference,
  type ReportHead,
  type SensitivityCurve,
  type SensitivityPoint,
  type SensitivityReport,
} from "./report.ts";
export {
  type AppendOptions,
  appendSensitivities,
  readSensitivities,
  writeSensitivities,
} from "./sensitivity-file.ts";
export { listMissing, type PointCost, planShards } from "./shards.ts";
export { suffixMacs } from "./suffix-macs.ts";
