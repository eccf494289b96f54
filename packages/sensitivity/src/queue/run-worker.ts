import { createRunContext, type RunContext, type RunOptions } from "@ocrslim/graph";
import type { PointMeasurer } from "../point-measurer.ts";
import { connectRedis, type QueueOptions, type RedisLink } from "./connect-redis.ts";
import type { SweepDescription } from "./sweep.ts";
import { listSweeps, openSweepStore } from "./sweep-store.ts";
import { type SweepOutcome, workOnSweep } from "./work-on-sweep.ts";

/** Options of {@link runWorker}. */
export interface WorkerOptions extends RunOptions, QueueOptions {
  /**
   * Makes the measurer of a sweep, and makes sure that its model and data are those of `head`. If it
   * throws, this worker leaves the sweep to others.
   */
  readonly createMeasurer: (
    description: SweepDescription,
    options: RunOptions,
  ) => Promise<PointMeasurer>;
  /** Jobs done at the same time, by one measurer. Default: 1. */
  readonly concurrency?: number;
  /**
   * A worker that gave no sign of life for so long has lost its points to others, in milliseconds.
   * Default: 15,000.
   */
  readonly lockMs?: number;
  /** Ends after there was nothing to do for so long, in milliseconds. Default: never. */
  readonly idleMs?: number;
}

/** What a worker did. */
export interface WorkerSummary {
  readonly measured: number;
  readonly failed: number;
  /** Sweeps that it left to others, and why. */
  readonly refused: readonly { readonly sweepId: string; readonly reason: string }[];
}

/** How often an idle worker looks for sweeps. */
const LOOK_MS = 300;

/**
 * Measures points of the sweeps on a queue, whichever there are, until it is aborted (it then gives
 * back what it has not measured) or idle for `idleMs`. Any number of workers may run, on any machines.
 * The points of a worker that is killed are taken over by others.
 * @throws SensitivityError `queue-unreachable` if the connection cannot be made or is lost;
 * `signal.reason` if aborted.
 */
export async function runWorker(url: string, options: WorkerOptions): Promise<WorkerSummary> {
  const context = createRunContext(options);
  const link = await connectRedis("runWorker", url, options);
  const refused = new Map<string, string>();
  let measured = 0;
  let failed = 0;
  let idleSince = performance.now();
  try {
    for (;;) {
      context.signal?.throwIfAborted();
      const found = await findOpenSweep(link, refused);
      if (found) {
        context.logger.info(`working on sweep ${found.sweepId}`);
        const outcome = await workOnSweep(link, found.sweepId, found.description, options);
        measured += outcome.measured;
        failed += outcome.failed;
        noteRefusal(found.sweepId, outcome, refused, context);
        idleSince = performance.now();
        continue;
      }
      if (performance.now() - idleSince >= (options.idleMs ?? Number.POSITIVE_INFINITY)) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } catch (error) {
    throw link.isLost() && !context.signal?.aborted
      ? link.lost("its points go to other workers; start Redis and this worker again")
      : error;
  } finally {
    link.close();
  }
  return {
    measured,
    failed,
    refused: Array.from(refused, ([sweepId, reason]) => ({ sweepId, reason })),
  };
}

function noteRefusal(
  sweepId: string,
  { refusal }: SweepOutcome,
  refused: Map<string, string>,
  { logger }: RunContext,
): void {
  if (refusal === undefined) return;
  refused.set(sweepId, refusal);
  logger.error(`runWorker: sweep ${sweepId} is left to other workers: ${refusal}`);
}

async function findOpenSweep(
  link: RedisLink,
  refused: ReadonlyMap<string, string>,
): Promise<{ readonly sweepId: string; readonly description: SweepDescription } | undefined> {
  for (const [sweepId, description] of await listSweeps(link)) {
    if (refused.has(sweepId)) continue;
    const store = openSweepStore(link, sweepId);
    const count = await store.countOpen();
    await store.close();
    if (count > 0) return { sweepId, description };
  }
  return undefined;
}
