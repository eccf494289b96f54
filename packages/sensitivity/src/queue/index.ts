export { type CollectOptions, collectSweep } from "./collect-sweep.ts";
export type { QueueOptions } from "./connect-redis.ts";
export { type EnqueueOptions, enqueueSweep } from "./enqueue-sweep.ts";
export {
  runWorker,
  type WorkerOptions,
  type WorkerSummary,
} from "./run-worker.ts";
export { type JsonValue, type Sweep, type SweepDescription, sweepIdOf } from "./sweep.ts";
