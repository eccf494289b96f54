export { type CaptureOptions, captureValues } from "./capture.ts";
export type {
  ChannelGradientOptions,
  ChannelGradients,
  MeasureChannelGradients,
} from "./channel-gradients.ts";
export {
  createRuntimeFrom,
  type OrtModule,
  type RuntimeFromOptions,
  type TemporaryModel,
} from "./create-runtime-from.ts";
export { RuntimeError, type RuntimeErrorCode, type RuntimeErrorDetails } from "./errors.ts";
export { assertFeeds, type Feeds, randomFeeds } from "./feeds.ts";
export {
  LATENCY_DEFAULTS,
  type LatencyOptions,
  type LatencyReport,
  type ModelLatency,
  measureLatency,
  quantile,
} from "./latency.ts";
export type {
  LatencyTable,
  LayerTime,
  LayerTimes,
  TableMachine,
} from "./latency-table/latency-table.ts";
export { layerTime } from "./latency-table/layer-time.ts";
export { listTimedLayers, type TimedLayerOptions } from "./latency-table/list-timed-layers.ts";
export {
  type LatencyPrediction,
  type PredictedLayer,
  predictLatency,
} from "./latency-table/predict-latency.ts";
export type { ChannelAxis, TimedLayer } from "./latency-table/timed-layer.ts";
export { float32Feed, tensorToFeed } from "./tensors.ts";
export type {
  Runtime,
  RuntimeTensor,
  Session,
  SessionOptions,
  SessionPort,
  TensorElements,
} from "./types.ts";
