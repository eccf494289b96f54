export {
  type Augmentation,
  type AugmentContext,
  type Augmenter,
  augment,
} from "./augment/augment.ts";
export {
  AUGMENTATION_DEFAULTS,
  type AugmentationSpec,
  createAugmentation,
} from "./augment/augmentation-spec.ts";
export {
  COLOR_JITTER_DEFAULTS,
  type ColorJitterOptions,
  colorJitter,
} from "./augment/color-jitter.ts";
export { type CopyPasteOptions, copyPaste } from "./augment/copy-paste.ts";
export {
  type DetectionBatches,
  type DetectionBatchOptions,
  type DetectionBatchRequest,
  detectionBatches,
} from "./augment/detection-batches.ts";
export { createDetectionData, type DetectionDataOptions } from "./augment/detection-data.ts";
export { drawTargets } from "./augment/draw-targets.ts";
export { type EastRandomCropOptions, eastRandomCrop } from "./augment/east-random-crop.ts";
export { flip, pad, rotate, scale } from "./augment/geometry.ts";
export type { LabelledImage, Recolor, Scene } from "./augment/scene.ts";
export type { DetectionBatch } from "./augment/write-batch.ts";
export { buildDbDetector } from "./builder/build-db-detector.ts";
export type {
  BackboneConfig,
  DbDetectorConfig,
  DbFpnConfig,
  DbHeadConfig,
  LkPanConfig,
  MobileNetV3Config,
  NeckConfig,
  ResNetVdConfig,
  RseFpnConfig,
} from "./builder/config.ts";
export type {
  PaddleDataSet,
  PaddleDetectionPlan,
  PaddleEvaluationSet,
  PaddleLossPlan,
  PaddleOptimizerPlan,
  PaddleSchedulePlan,
  PaddleTrainingSet,
} from "./config/paddle-plan.ts";
export {
  type ReadPaddleDetectionConfigOptions,
  readPaddleDetectionConfig,
} from "./config/read-paddle-detection-config.ts";
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
export {
  type LoadPaddleWeightsOptions,
  loadPaddleWeights,
} from "./paddle/load-paddle-weights.ts";
export { type PaddleWeights, readPdparams } from "./paddle/read-pdparams.ts";
export { encodePdparams, writePdparams } from "./paddle/write-pdparams.ts";
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
  type BorderMap,
  makeBorderMap,
} from "./targets/make-border-map.ts";
export { makeShrinkMap, type ShrinkMap } from "./targets/make-shrink-map.ts";
export { type DetectionTargets, makeTargets } from "./targets/make-targets.ts";
export { shrinkRatioAt } from "./targets/shrink-ratio.ts";
export { TARGET_DEFAULTS, type TargetOptions } from "./targets/target-options.ts";
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
