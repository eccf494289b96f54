import { createRunContext } from "@ocrslim/graph";
import type { Checkpoint, TrainingProgress } from "../checkpoint/checkpoint.ts";
import { TrainError } from "../errors.ts";
import type { TrainingStep } from "../step/training-step.ts";
import { createBatchOrder } from "./batch-order.ts";
import { createBatchQueue } from "./batch-queue.ts";
import { assertSchedule, assertTrainOptions } from "./check-options.ts";
import { openCheckpointFolder, readResumePoint } from "./checkpoint-folder.ts";
import { measureUpdate } from "./measure-update.ts";
import { planTotal } from "./plan-total.ts";
import { createProgressMeter } from "./progress-meter.ts";
import { isStale } from "./record-evaluation.ts";
import { evaluateRun, isEvaluationDue } from "./run-evaluation.ts";
import { describeRun, isWhole, type RunState, saveBest, saveLast } from "./run-state.ts";
import { runUpdate } from "./run-update.ts";
import {
  limitsOf,
  TRAIN_DEFAULTS,
  type TrainingResult,
  type TrainOptions,
} from "./train-options.ts";

/**
 * Trains: runs steps over the data until the limits are reached. The same step, data, options and
 * engine give the same bits, also if the run is interrupted and goes on from its last checkpoint
 * (with `minutes`: from the moment that there is one).
 *
 * Aborted by `signal`, it writes the last checkpoint and throws `signal.reason`. Any other error but
 * divergence leaves the last checkpoint at the latest state as well.
 * @example
 * const result = await train(step, {
 *   engine, data, batchSize: 4, schedule: cosineRate({ learningRate: 1e-3 }), epochs: 20,
 *   evaluate: async (state) => evaluateDetector(await exportModel(model, step, state)),
 *   checkpoint: { folder: "run" },
 * });
 * const trained = await exportModel(model, step, (result.best ?? result).state);
 * @throws TrainError `invalid-option`; `invalid-data`; `diverged` if loss, gradient or a weight is not
 *   finite, or the loss grows beyond `divergence`; `checkpoint-mismatch`, `invalid-checkpoint`,
 *   `file-access`. What data, engine and `evaluate` throw.
 */
export async function train(step: TrainingStep, options: TrainOptions): Promise<TrainingResult> {
  assertTrainOptions(options);
  const { engine, data, batchSize, signal, checkpoint } = options;
  const { seed = TRAIN_DEFAULTS.seed, resume = TRAIN_DEFAULTS.resume } = options;
  signal?.throwIfAborted();
  const startedAt = performance.now();
  const files = checkpoint && (await openCheckpointFolder(checkpoint.folder));
  const point =
    files && resume !== "never"
      ? await readResumePoint(files, checkpoint.folder, step, describeRun(options, seed, 1), resume)
      : undefined;
  await using session = await engine.load(step);
  if (point) await session.writeState(point.state);

  const earlierMs = point?.progress.elapsedMs ?? 0;
  const epochUpdates = Math.ceil(data.size / (batchSize * step.accumulate));
  const run: RunState = {
    step,
    options,
    context: createRunContext(options),
    session,
    requestOf: createBatchOrder({ size: data.size, batchSize, seed }),
    files,
    elapsedMs: () => earlierMs + performance.now() - startedAt,
    evaluateEvery: options.evaluateEvery ?? epochUpdates,
    checkpointEvery: checkpoint?.every ?? epochUpdates,
    progress: { ...(point?.progress ?? START), limits: limitsOf(options) },
    saved: undefined,
    best: undefined,
    isBestSaved: true,
  };
  if (point) await restoreBest(run, point);
  const total = await findTotal(run, point);
  run.progress = { ...run.progress, total };
  assertSchedule(options.schedule, total);
  if (point) warnOfChanges(run, point);
  // Once planned, the total is not to be planned anew.
  if (run.progress.limits.minutes !== undefined) await saveLast(run);
  await runUpdates(run);

  const { progress, best } = run;
  return {
    state: await session.readState(),
    ...(best ? { best } : {}),
    updates: progress.updates,
    epochs: (progress.microBatches * batchSize) / data.size,
    evaluations: progress.evaluations,
    stopped: progress.updates < total ? "early-stopping" : "complete",
    resumedFrom: point?.progress.updates ?? 0,
    elapsedMs: run.elapsedMs(),
  };
}

const START: Omit<TrainingProgress, "limits"> = {
  updates: 0,
  microBatches: 0,
  total: 0,
  partial: { loss: 0, reports: {} },
  evaluations: [],
  losses: { latest: [] },
  elapsedMs: 0,
};

async function runUpdates(run: RunState): Promise<void> {
  const { options, context, step, evaluateEvery, checkpointEvery } = run;
  const { data, batchSize, signal, earlyStopping, prefetch = TRAIN_DEFAULTS.prefetch } = options;
  const { accumulate } = step;
  const { total } = run.progress;
  const queue = createBatchQueue(data, run.requestOf, prefetch, total * accumulate);
  const samplesPerUpdate = batchSize * accumulate;
  const meter = createProgressMeter({ context, total, samplesPerUpdate, evaluateEvery });
  meter.start();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { updates } = run.progress;
      if (updates > 0 && updates % checkpointEvery === 0 && isWhole(run)) await saveLast(run);
      if (isEvaluationDue(run)) meter.evaluated(await evaluateRun(run));
      await saveBest(run);
      if (updates >= total || isStale(run.progress, earlyStopping)) break;
      await runUpdate(run, queue, meter);
    }
    await saveLast(run);
  } catch (error) {
    const isFinal =
      error instanceof TrainError && (error.code === "diverged" || error.code === "file-access");
    if (isFinal) throw error;
    if (signal?.aborted) {
      await saveLast(run);
      throw signal.reason;
    }
    await saveLast(run).catch((failure) => context.logger.warn(String(failure)));
    throw error;
  } finally {
    meter.end();
  }
}

/** The total of a resumed run if its limits are the same; otherwise what the limits give now. */
async function findTotal(run: RunState, point: Checkpoint | undefined): Promise<number> {
  const { options, step, progress } = run;
  const { limits, updates } = progress;
  const before = point?.progress;
  // A run that was stopped before it had planned its total has none.
  if (before && before.total > 0 && JSON.stringify(before.limits) === JSON.stringify(limits)) {
    return before.total;
  }
  return planTotal({
    limits,
    updates,
    dataSize: options.data.size,
    samplesPerUpdate: options.batchSize * step.accumulate,
    async measure() {
      const left = (): number => (limits.minutes ?? 0) * 60_000 - run.elapsedMs();
      if (updates > 0) return { remainingMs: left(), updateMs: progress.elapsedMs / updates };
      const updateMs = await measureUpdate(run);
      return { remainingMs: left(), updateMs };
    },
  });
}

async function restoreBest(run: RunState, point: Checkpoint): Promise<void> {
  const { best, ...others } = run.progress;
  if (!best) return;
  const found = await run.files?.readBest(point);
  if (found) {
    run.best = { ...best, state: found.state };
    // `last.ckpt` may hold the best state while `best.ckpt` does not yet.
    run.isBestSaved = found !== point;
    return;
  }
  run.context.logger.warn(
    `train: best.ckpt of update ${best.update} is gone; the best state is looked for anew`,
  );
  run.progress = others;
}

function warnOfChanges(run: RunState, { run: before, progress }: Checkpoint): void {
  const { options, context } = run;
  const now = describeRun(options, before.seed, progress.total);
  if (before.engine !== now.engine) {
    context.logger.warn(
      `train: the run goes on with ${now.engine} after ${before.engine}; its bits will differ`,
    );
  }
  const isSameSchedule =
    before.learningRates.join() === now.learningRates.join() &&
    progress.total === run.progress.total;
  if (!isSameSchedule && progress.total > 0) {
    context.logger.warn(
      "train: the learning rates or the number of updates are not those that the run began with",
    );
  }
}
