import type { PointSpec } from "../points.ts";
import { connectRedis, type QueueOptions, type RedisLink } from "./connect-redis.ts";
import { jobIdOf, pointIdOf, type Sweep, sweepIdOf } from "./sweep.ts";
import { BASELINE, JOB_NAME, openSweepStore, type SweepStore } from "./sweep-store.ts";

/** Options of {@link enqueueSweep}. */
export interface EnqueueOptions extends QueueOptions {
  /**
   * Most points of one group that a worker takes at once. It runs what they have in common once, so
   * more is faster, as long as there are more groups than workers. Default: all of a group if there
   * are at least 12 groups, else 1.
   */
  readonly pointsPerJob?: number;
}

/** From so many groups on, workers take whole groups. */
const MANY_GROUPS = 12;

/**
 * Puts the points of a sweep on its queue, for any number of {@link runWorker}s to measure. What is
 * on the queue already, is being measured or was measured is not put there again; points that failed
 * are tried again.
 * @returns The name of the sweep, which is in the names of all its keys, and how many jobs are on
 * it.
 * @throws SensitivityError `invalid-option`, `queue-unreachable`.
 */
export async function enqueueSweep(
  url: string,
  sweep: Sweep,
  options: EnqueueOptions = {},
): Promise<{ readonly sweepId: string; readonly jobs: number }> {
  const link = await connectRedis("enqueueSweep", url, options);
  const sweepId = sweepIdOf(sweep);
  const store = openSweepStore(link, sweepId);
  try {
    await forgetFailures(store);
    return { sweepId, jobs: await addMissing(store, sweep, options.pointsPerJob) };
  } catch (error) {
    throw link.isLost() ? link.lost("start Redis and enqueue the sweep again") : error;
  } finally {
    await closeAll(store, link);
  }
}

/** Closes what is open, also if the connection was lost. */
export async function closeAll(store: SweepStore, link: RedisLink): Promise<void> {
  if (!link.isLost()) await store.close().catch(() => {});
  link.close();
}

async function forgetFailures(store: SweepStore): Promise<void> {
  const results = await store.readResults(await store.listResults());
  const failed = [...results].filter(([, { kind }]) => kind === "failed").map(([id]) => id);
  await store.forgetResults(failed);
  for (const job of await store.listFailedJobs()) await job.remove();
}

/** Adds what has no result and is not waiting. Returns how many jobs that makes. */
export async function addMissing(
  store: SweepStore,
  sweep: Sweep,
  pointsPerJob?: number,
): Promise<number> {
  const { head } = sweep;
  await store.publish({ head, job: sweep.job });
  const done = new Set(await store.listResults());
  const wanted = new Map(
    sweep.points
      .filter(({ removed }) => removed > 0)
      .map((point) => [pointIdOf(head, point), point] as const)
      .filter(([id]) => !done.has(id)),
  );
  const jobs = splitIntoJobs([...wanted.values()], pointsPerJob).map((points) => ({
    name: JOB_NAME,
    data: { points },
    opts: { jobId: jobIdOf(head, points), removeOnComplete: true },
  }));
  if (!done.has(BASELINE)) {
    const opts = { jobId: BASELINE, removeOnComplete: true };
    jobs.unshift({ name: JOB_NAME, data: { points: [] }, opts });
  }
  await store.queue.addBulk(jobs);
  return jobs.length;
}

function splitIntoJobs(
  points: readonly PointSpec[],
  pointsPerJob?: number,
): readonly (readonly PointSpec[])[] {
  const groups = new Map<string, PointSpec[]>();
  for (const point of points) {
    const ofGroup = groups.get(point.group);
    if (ofGroup) ofGroup.push(point);
    else groups.set(point.group, [point]);
  }
  const size = pointsPerJob ?? (groups.size < MANY_GROUPS ? 1 : points.length);
  return [...groups.values()].flatMap((ofGroup) =>
    Array.from({ length: Math.ceil(ofGroup.length / size) }, (_, index) =>
      ofGroup.slice(index * size, (index + 1) * size),
    ),
  );
}
