export { type CaptureOptions, captureValues } from "./capture.ts";
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
export { float32Feed, tensorToFeed } from "./tensors.ts";
export type {
  Runtime,
  RuntimeTensor,
  Session,
  SessionOptions,
  SessionPort,
  TensorElements,
} from "./types.ts";
