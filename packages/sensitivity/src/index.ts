export {
  analyzeSensitivity,
  type PruneModel,
  SENSITIVITY_DEFAULTS,
  type SensitivityOptions,
} from "./analyze-sensitivity.ts";
export {
  SensitivityError,
  type SensitivityErrorCode,
  type SensitivityErrorDetails,
} from "./errors.ts";
export { hashModel } from "./hash-model.ts";
export { mergeSensitivities } from "./merge-sensitivities.ts";
export { parseSensitivities } from "./parse-sensitivities.ts";
export { countRemoved, listPoints, type PointSpec } from "./points.ts";
export {
  type RatiosByLossOptions,
  ratiosByLoss,
  ratiosByLossMonotone,
} from "./ratios-by-loss.ts";
export {
  computeLoss,
  type LossReference,
  type ReportHead,
  type SensitivityCurve,
  type SensitivityPoint,
  type SensitivityReport,
} from "./report.ts";
export { readSensitivities, writeSensitivities } from "./sensitivity-file.ts";
