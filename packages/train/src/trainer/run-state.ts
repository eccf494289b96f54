import type { RunContext } from "@ocrslim/graph";
import type { Checkpoint, CheckpointRun, TrainingProgress } from "../checkpoint/checkpoint.ts";
import { describeStep } from "../checkpoint/match-checkpoint.ts";
import type { TrainingSession } from "../engine/engine.ts";
import { TrainError } from "../errors.ts";
import type { TrainingState, TrainingStep } from "../step/training-step.ts";
import type { CheckpointFolder } from "./checkpoint-folder.ts";
import { findInState } from "./diagnose.ts";
import type { TrainingResult, TrainOptions } from "./train-options.ts";
import type { BatchRequest } from "./training-data.ts";

/** A run while it goes on. */
export interface RunState {
  readonly step: TrainingStep;
  readonly options: TrainOptions;
  readonly context: RunContext;
  readonly session: TrainingSession;
  readonly requestOf: (index: number) => BatchRequest;
  readonly files: CheckpointFolder | undefined;
  /** Time over all sessions of the run, up to now. */
  readonly elapsedMs: () => number;
  readonly evaluateEvery: number;
  readonly checkpointEvery: number;
  progress: TrainingProgress;
  /** What `last.ckpt` holds. */
  saved: TrainingProgress | undefined;
  best: TrainingResult["best"];
  isBestSaved: boolean;
}

/** What a checkpoint stores of how a run was started. */
export function describeRun(options: TrainOptions, seed: number, total: number): CheckpointRun {
  const { data, batchSize, engine, schedule } = options;
  const last = Math.max(total, 1) - 1;
  return {
    seed,
    batchSize,
    dataSize: data.size,
    ...(data.fingerprint === undefined ? {} : { dataFingerprint: data.fingerprint }),
    engine: engine.description,
    learningRates: Array.from({ length: 9 }, (_, point) =>
      schedule(Math.floor((last * point) / 8), last + 1),
    ),
  };
}

/** Whether no update is half done. */
export function isWhole({ step, progress }: RunState): boolean {
  return progress.microBatches === progress.updates * step.accumulate;
}

/**
 * Reads the state, if it can be gone on with.
 * @throws TrainError `diverged` if a weight is not finite: such a state must not replace a good one.
 */
export async function readFiniteState({
  step,
  session,
  progress,
}: RunState): Promise<TrainingState> {
  const state = await session.readState();
  const found = findInState(step, state);
  if (!found) return state;
  throw new TrainError(
    "diverged",
    `train: ${found.text} after update ${progress.updates}; lower the learning rate or clip the gradient`,
    { step: progress.updates, value: found.value },
  );
}

/** Writes `last.ckpt` unless it is up to date. */
export async function saveLast(run: RunState): Promise<void> {
  const { files, progress } = run;
  if (!files || run.saved === progress) return;
  await files.writeLast(checkpointOf(run, await readFiniteState(run)));
  run.saved = progress;
  run.context.logger.debug(`train: wrote last.ckpt after update ${progress.updates}`);
}

/** Writes `best.ckpt` if there is a new best state; `last.ckpt` before it, so that it never lags. */
export async function saveBest(run: RunState): Promise<void> {
  if (run.isBestSaved || !run.best) return;
  await saveLast(run);
  await run.files?.writeBest(checkpointOf(run, run.best.state));
  run.isBestSaved = true;
}

function checkpointOf(run: RunState, state: TrainingState): Checkpoint {
  const { step, options, progress } = run;
  return {
    step: describeStep(step),
    run: describeRun(options, options.seed ?? 0, progress.total),
    progress: { ...progress, elapsedMs: run.elapsedMs() },
    state,
  };
}
