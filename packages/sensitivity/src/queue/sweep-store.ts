import { type Job, Queue } from "bullmq";
import type { PointResult } from "../point-measurer.ts";
import type { PointSpec } from "../points.ts";
import type { RedisLink } from "./connect-redis.ts";
import type { SweepDescription } from "./sweep.ts";

/** What a job on the queue asks for; without points, the unpruned model's metric. */
export interface SweepJob {
  readonly points: readonly PointSpec[];
}

/** What became of a point. */
export type StoredResult =
  | { readonly kind: "measured"; readonly result: PointResult }
  | { readonly kind: "failed"; readonly reason: string };

/** The key of the unpruned model's metric among the results. */
export const BASELINE = "baseline";
export const JOB_NAME = "points";
/** Sweeps that nobody asks for any more disappear after a week. */
const LIFETIME_SECONDS = 7 * 24 * 3600;

/**
 * What Redis holds of a sweep: its description, a BullMQ queue of jobs (a few points each), and the
 * results by point. A result is written as soon as it is there, not when its job is done.
 */
export interface SweepStore {
  readonly queue: Queue<SweepJob>;
  readonly prefix: string;
  /** Makes the sweep known to workers. */
  publish(description: SweepDescription): Promise<void>;
  listResults(): Promise<readonly string[]>;
  readResults(ids: readonly string[]): Promise<ReadonlyMap<string, StoredResult>>;
  hasResult(id: string): Promise<boolean>;
  writeResult(id: string, result: StoredResult): Promise<void>;
  forgetResults(ids: readonly string[]): Promise<void>;
  /** Jobs that are waiting or being done. */
  countOpen(): Promise<number>;
  listFailedJobs(): Promise<readonly Job<SweepJob>[]>;
  /** Removes the sweep from Redis. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export function openSweepStore({ redis, namespace }: RedisLink, sweepId: string): SweepStore {
  const prefix = `${namespace}:sweep:${sweepId}`;
  const results = `${prefix}:results`;
  const queue = new Queue<SweepJob>(JOB_NAME, {
    connection: redis,
    prefix,
    // Who only looks leaves nothing behind.
    skipMetasUpdate: true,
  });
  // Requests that fail say so themselves.
  queue.on("error", () => {});
  return {
    queue,
    prefix,
    publish: async (description) => {
      await redis.set(prefix, JSON.stringify(description), "EX", LIFETIME_SECONDS);
      await redis.sadd(`${namespace}:sweeps`, sweepId);
    },
    listResults: () => redis.hkeys(results),
    readResults: async (ids) => {
      const texts = ids.length > 0 ? await redis.hmget(results, ...ids) : [];
      return new Map(
        texts.flatMap((text, index): [string, StoredResult][] => {
          const result = parseResult(text);
          return result ? [[ids[index] ?? "", result]] : [];
        }),
      );
    },
    hasResult: async (id) => (await redis.hexists(results, id)) === 1,
    writeResult: async (id, result) => {
      await redis.hset(results, id, JSON.stringify(result));
      await redis.expire(results, LIFETIME_SECONDS);
    },
    forgetResults: async (ids) => {
      if (ids.length > 0) await redis.hdel(results, ...ids);
    },
    countOpen: () => queue.getJobCountByTypes("waiting", "active", "delayed", "prioritized"),
    listFailedJobs: () => queue.getJobs(["failed"]),
    clear: async () => {
      await redis.srem(`${namespace}:sweeps`, sweepId);
      await queue.obliterate({ force: true });
      await redis.del(prefix, results);
    },
    close: () => queue.close(),
  };
}

/** Descriptions of the sweeps that are in Redis, by name. */
export async function listSweeps({
  redis,
  namespace,
}: RedisLink): Promise<ReadonlyMap<string, SweepDescription>> {
  const sweeps = new Map<string, SweepDescription>();
  for (const id of (await redis.smembers(`${namespace}:sweeps`)).toSorted()) {
    const text = await redis.get(`${namespace}:sweep:${id}`);
    if (text === null) await redis.srem(`${namespace}:sweeps`, id);
    else sweeps.set(id, JSON.parse(text) as SweepDescription);
  }
  return sweeps;
}

/** `undefined` for what no worker of this version writes. */
function parseResult(text: string | null | undefined): StoredResult | undefined {
  const stored = text ? (JSON.parse(text) as StoredResult) : undefined;
  if (stored?.kind === "failed" && typeof stored.reason === "string") return stored;
  const isNumber = stored?.kind === "measured" && Number.isFinite(stored.result.metric);
  return isNumber ? stored : undefined;
}
