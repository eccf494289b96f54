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
export {
  BUILD_LATENCY_TABLE_DEFAULTS,
  type BuildLatencyTableOptions,
  buildLatencyTable,
} from "./latency-table/build-latency-table.ts";
export type {
  LatencyTable,
  LayerTime,
  LayerTimes,
  TableMachine,
} from "./latency-table/latency-table.ts";
export { layerTime } from "./latency-table/layer-time.ts";
export { listTimedLayers, type TimedLayerOptions } from "./latency-table/list-timed-layers.ts";
export {
  latencyCacheFolder,
  type OpenLatencyTableOptions,
  openLatencyTable,
} from "./latency-table/open-latency-table.ts";
export {
  type LatencyPrediction,
  type PredictedLayer,
  predictLatency,
} from "./latency-table/predict-latency.ts";
export { readLatencyTable, writeLatencyTable } from "./latency-table/table-file.ts";
export type { ChannelAxis, TimedLayer } from "./latency-table/timed-layer.ts";
export {
  createRuntime,
  describeMachine,
  listExecutionProviders,
  type MachineDescription,
  type RuntimeOptions,
} from "./node.ts";
export type { ModelProfile, NodeProfile, OpTypeProfile } from "./profile-events.ts";
export { type ProfileOptions, profileModel } from "./profile-model.ts";
export { float32Feed, tensorToFeed } from "./tensors.ts";
export type {
  Runtime,
  RuntimeTensor,
  Session,
  SessionOptions,
  SessionPort,
  TensorElements,
} from "./types.ts";
