import { createRunContext, type RunOptions } from "@ocrslim/graph";
import { type Job, WaitingError, Worker } from "bullmq";
import { messageOf } from "../errors.ts";
import type { PointMeasurer, PointResult } from "../point-measurer.ts";
import type { RedisLink } from "./connect-redis.ts";
import type { WorkerOptions } from "./run-worker.ts";
import { pointIdOf, type SweepDescription } from "./sweep.ts";
import {
  BASELINE,
  JOB_NAME,
  openSweepStore,
  type StoredResult,
  type SweepJob,
} from "./sweep-store.ts";

/** What a worker did for one sweep. */
export interface SweepOutcome {
  readonly measured: number;
  readonly failed: number;
  /** Why it does not work on it. */
  readonly refusal?: string;
}

/** Workers that a job may end before it is given up: any of them may be at fault. */
const MAX_STALLED_COUNT = 4;
const LOOK_MS = 200;

/** Takes jobs of a sweep until there are none, also none that another worker is at. */
export async function workOnSweep(
  link: RedisLink,
  sweepId: string,
  description: SweepDescription,
  options: WorkerOptions,
): Promise<SweepOutcome> {
  const { createMeasurer, concurrency = 1, lockMs = 15_000 } = options;
  const { head } = description;
  const { logger, onProgress, signal } = createRunContext(options);
  const runOptions: RunOptions = { logger, ...(signal ? { signal } : {}) };
  const store = openSweepStore(link, sweepId);
  let measurer: Promise<PointMeasurer> | undefined;
  let refusal: string | undefined;
  let [measured, failed] = [0, 0];

  const take = async (id: string, measure: () => Promise<PointResult>): Promise<void> => {
    if (await store.hasResult(id)) return;
    const result = await tryToMeasure(measure, signal);
    await store.writeResult(id, result);
    if (result.kind === "failed") failed++;
    else measured++;
    onProgress({ kind: "advance", task: "worker", done: measured + failed, unit: "points" });
  };

  const giveBack = async (job: Job<SweepJob>, token: string | undefined): Promise<never> => {
    await job.moveToWait(token);
    throw new WaitingError();
  };

  const work = async (job: Job<SweepJob>, token?: string): Promise<void> => {
    try {
      measurer ??= createMeasurer(description, runOptions);
      const made = await measurer;
      if (job.data.points.length === 0) await take(BASELINE, () => made.baseline(runOptions));
      for (const point of job.data.points) {
        await take(pointIdOf(head, point), () => made.measure(point, runOptions));
      }
    } catch (error) {
      if (!signal?.aborted && !link.isLost()) refusal ??= messageOf(error);
      // It would take what it gives back again.
      void worker.pause(true);
      await giveBack(job, token);
    }
  };

  const worker = new Worker<SweepJob>(JOB_NAME, work, {
    connection: link.redis,
    prefix: store.prefix,
    concurrency,
    lockDuration: lockMs,
    stalledInterval: lockMs / 2,
    maxStalledCount: MAX_STALLED_COUNT,
    drainDelay: 1,
  });
  worker.on("error", (error) => logger.debug(`runWorker: ${messageOf(error)}`));
  try {
    while (refusal === undefined && !signal?.aborted) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      if ((await store.countOpen()) === 0) break;
    }
  } finally {
    await worker.close(link.isLost()).catch(() => {});
    await (await measurer?.catch(() => undefined))?.dispose();
    if (!link.isLost()) await store.close();
  }
  return { measured, failed, ...(refusal === undefined ? {} : { refusal }) };
}

/** A failure is a result as well, unless the worker was told to stop. */
async function tryToMeasure(
  measure: () => Promise<PointResult>,
  signal: AbortSignal | undefined,
): Promise<StoredResult> {
  try {
    const result = await measure();
    signal?.throwIfAborted();
    if (Number.isFinite(result.metric)) return { kind: "measured", result };
    return {
      kind: "failed",
      reason: `the metric is ${result.metric}; an evaluator gives a finite number`,
    };
  } catch (error) {
    signal?.throwIfAborted();
    return { kind: "failed", reason: messageOf(error) };
  }
}
