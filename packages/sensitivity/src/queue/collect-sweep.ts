import {
  createRunContext,
  type RunContext,
  type RunOptions,
  type SkippedGroup,
} from "@ocrslim/graph";
import type { SensitivityReport } from "../report.ts";
import { connectRedis, type QueueOptions, type RedisLink } from "./connect-redis.ts";
import { addMissing, closeAll } from "./enqueue-sweep.ts";
import { pointIdOf, type Sweep, sweepIdOf } from "./sweep.ts";
import { openSweepCollection, type SweepCollection } from "./sweep-collection.ts";
import { BASELINE, openSweepStore, type StoredResult, type SweepStore } from "./sweep-store.ts";

/** Options of {@link collectSweep}. */
export interface CollectOptions extends RunOptions, QueueOptions {
  /**
   * Path of the sensitivity file: what comes in is added to it, and what it has already is not waited
   * for. Default: none.
   */
  readonly file?: string;
  /** Groups that are not measured, for the file. Default: none. */
  readonly skipped?: readonly SkippedGroup[];
  /** How often to look for results, in milliseconds. Default: 250. */
  readonly pollMs?: number;
}

/** If no worker has come for so long, the user is told. */
const LONELY_MS = 5_000;

/**
 * Waits for workers to measure a sweep, and collects what they find: one progress over all. Points
 * that are no longer on the queue (Redis was restarted, a job was removed) are put there again. When
 * all is there, the sweep is removed from Redis. Aborted, it leaves the sweep as it is: workers go
 * on, and collecting again finds what they measured.
 * @throws SensitivityError `queue-unreachable` if the connection cannot be made or is lost (what was
 * collected is in the file); `contradiction` if the file is of another sweep; `invalid-metric` if
 * the unpruned model could not be measured, or its metric is 0 and losses relate to it.
 */
export async function collectSweep(
  url: string,
  sweep: Sweep,
  options: CollectOptions = {},
): Promise<SensitivityReport> {
  const context = createRunContext(options);
  const { file, skipped = [], pollMs = 250 } = options;
  const collection = await openSweepCollection(sweep, file, skipped);
  if (collection.report && collection.listMissing().length === 0) return collection.report;
  const link = await connectRedis("collectSweep", url, options);
  const store = openSweepStore(link, sweepIdOf(sweep));
  try {
    const report = await collectAll(store, sweep, collection, context, { link, pollMs });
    await store.clear();
    return report;
  } catch (error) {
    if (!link.isLost()) throw error;
    const place = file === undefined ? "were collected" : `are in ${file}`;
    throw link.lost(
      `${collection.doneCount} of ${sweep.points.length} points ${place}; start Redis and collect again to go on`,
    );
  } finally {
    await closeAll(store, link);
  }
}

async function collectAll(
  store: SweepStore,
  sweep: Sweep,
  collection: SweepCollection,
  context: RunContext,
  { link, pollMs }: { readonly link: RedisLink; readonly pollMs: number },
): Promise<SensitivityReport> {
  const task = "sensitivity";
  const unit = "points";
  const total = sweep.points.length;
  const start = performance.now();
  let shown = 0;
  let isWarned = false;
  context.onProgress({ kind: "start", task, total, unit });
  for (;;) {
    context.signal?.throwIfAborted();
    // Counted before the results are read: what ends in between is among them.
    const openCount = await store.countOpen();
    const results = await readWanted(store, sweep, collection);
    await collection.add(results);
    const done = collection.doneCount;
    if (done > shown) context.onProgress({ kind: "advance", task, done, total, unit });
    shown = done;
    const missing = collection.listMissing();
    if (collection.report && missing.length === 0) break;
    if (openCount === 0) await addMissing(store, { ...sweep, points: missing });
    if (done === 0 && !isWarned && performance.now() - start > LONELY_MS) {
      isWarned = true;
      await warnIfLonely(store, link, context);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  context.onProgress({ kind: "end", task });
  return collection.report;
}

async function warnIfLonely(
  store: SweepStore,
  { address }: RedisLink,
  { logger }: RunContext,
): Promise<void> {
  if ((await store.queue.getWorkersCount()) > 0) return;
  logger.warn(
    `collectSweep: no worker takes points from Redis at ${address}; start some (ocrslim worker --queue ${address})`,
  );
}

/** Results that are waited for, and jobs that BullMQ gave up because they ended several workers. */
async function readWanted(
  store: SweepStore,
  { head }: Sweep,
  collection: SweepCollection,
): Promise<ReadonlyMap<string, StoredResult>> {
  const wanted = collection.listWanted();
  const failures = new Map<string, StoredResult>();
  for (const { data, failedReason } of await store.listFailedJobs()) {
    const ids = data.points.map((point) => pointIdOf(head, point));
    for (const id of ids.length > 0 ? ids : [BASELINE]) {
      const reason = `its workers ended: ${failedReason}`;
      if (wanted.has(id)) failures.set(id, { kind: "failed", reason });
    }
  }
  const ids = (await store.listResults()).filter((id) => wanted.has(id));
  return new Map([...failures, ...(await store.readResults(ids))]);
}
