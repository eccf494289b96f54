export {
  CALIBRATION_CROP_DEFAULTS,
  type CalibrationCropOptions,
  calibrationCrops,
} from "./data/calibration-crops.ts";
export { assertDisjointDatasets, checkDisjoint } from "./data/disjoint.ts";
export { readIcdarLabels } from "./data/icdar-labels.ts";
export {
  type ReadLabelsOptions,
  readPaddleLabels,
  writePaddleLabels,
} from "./data/paddle-labels.ts";
export { type ReadDatasetOptions, readDataset } from "./data/read-dataset.ts";
export type { Dataset, Point, Sample, TextRegion } from "./data/region.ts";
export {
  createDetector,
  type DetectionResult,
  type Detector,
  type DetectorOptions,
  type ProbabilityMap,
  type StageMilliseconds,
} from "./detector/detector.ts";
export {
  detectSamples,
  type EvalReport,
  evaluateDetector,
  type SampleDetections,
  type SampleEvaluation,
} from "./detector/evaluate-detector.ts";
export { OcrDetError, type OcrDetErrorCode, type OcrDetErrorDetails } from "./errors.ts";
export type { BgrImage } from "./images/bgr-image.ts";
export { DECODE_DEFAULTS, type DecodeOptions, decodeImage } from "./images/decode.ts";
export { type DrawOptions, drawDetections } from "./images/draw-detections.ts";
export { encodePng, writeImage } from "./images/encode.ts";
export {
  computeAgreement,
  type DetectionMetrics,
  type ImageDetections,
  type ImageMatch,
  matchDetections,
  type Outline,
  summarizeMatches,
} from "./metric/match-detections.ts";
export {
  computeIntersectionArea,
  computePolygonArea,
  computePolygonIou,
  isSimplePolygon,
} from "./metric/polygon.ts";
export { POSTPROCESS_DEFAULTS, type PostprocessOptions } from "./postprocess/options.ts";
export {
  createPostprocessor,
  type Detection,
  type Postprocessor,
} from "./postprocess/postprocessor.ts";
export {
  computeResize,
  DEFAULT_RESIZE,
  type ImageSize,
  type ResizeOptions,
} from "./preprocess/compute-resize.ts";
export { cropInput } from "./preprocess/crop-input.ts";
export {
  NORMALIZE_DEFAULTS,
  type NormalizeOptions,
  normalizeImage,
} from "./preprocess/normalize.ts";
export { type PreprocessedImage, preprocess } from "./preprocess/preprocess.ts";
export { resizeBilinear } from "./preprocess/resize-bilinear.ts";
export {
  createPageSource,
  type PageSource,
  type PageSourceOptions,
  type Teacher,
  type TrainingPage,
} from "./training/page-source.ts";
export {
  type TrainingCrop,
  type TrainingCropOptions,
  trainingCrop,
} from "./training/training-crop.ts";
