import { access, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint, CheckpointRun } from "../checkpoint/checkpoint.ts";
import {
  assertStepMatches,
  findRunMismatch,
  mismatchError,
} from "../checkpoint/match-checkpoint.ts";
import { readCheckpoint } from "../checkpoint/read-checkpoint.ts";
import { writeCheckpoint } from "../checkpoint/write-checkpoint.ts";
import { TrainError } from "../errors.ts";
import type { TrainingStep } from "../step/training-step.ts";

/** The checkpoints of one run. */
export interface CheckpointFolder {
  writeLast(checkpoint: Checkpoint): Promise<void>;
  writeBest(checkpoint: Checkpoint): Promise<void>;
  /** `undefined` if there is none. */
  readLast(): Promise<Checkpoint | undefined>;
  /** The checkpoint of the best evaluation that `last` knows of; `undefined` if it is gone. */
  readBest(last: Checkpoint): Promise<Checkpoint | undefined>;
}

/**
 * Opens a folder for checkpoints, and makes it if it is absent.
 * @throws TrainError `file-access` if nothing can be written there.
 */
export async function openCheckpointFolder(folder: string): Promise<CheckpointFolder> {
  await assertWritable(folder);
  const last = join(folder, "last.ckpt");
  const best = join(folder, "best.ckpt");
  return {
    writeLast: (checkpoint) => writeCheckpoint(last, checkpoint),
    writeBest: (checkpoint) => writeCheckpoint(best, checkpoint),
    readLast: () => readIfThere(last),
    async readBest(checkpoint) {
      const { best: wanted, updates, microBatches } = checkpoint.progress;
      if (!wanted) return undefined;
      // A crash between the two files leaves the older best one.
      const isWhole = microBatches === updates * checkpoint.step.accumulate;
      if (isWhole && updates === wanted.update) return checkpoint;
      const found = await readIfThere(best);
      const stored = found?.progress.best;
      return found?.step.fingerprint === checkpoint.step.fingerprint &&
        stored?.update === wanted.update &&
        stored.metric === wanted.metric
        ? found
        : undefined;
    },
  };
}

/**
 * Reads the checkpoint that a run goes on from, if there is one.
 * @throws TrainError `checkpoint-mismatch` if it is of another model, data, seed or batch size;
 *   `invalid-checkpoint` if it is damaged; `file-access` if it is absent but required.
 */
export async function readResumePoint(
  files: CheckpointFolder,
  folder: string,
  step: TrainingStep,
  run: CheckpointRun,
  resume: "auto" | "require",
): Promise<Checkpoint | undefined> {
  const file = join(folder, "last.ckpt");
  const found = await files.readLast();
  if (!found) {
    if (resume === "auto") return undefined;
    throw new TrainError(
      "file-access",
      `train: there is no ${file} to go on from; give the folder of a run, or use resume: "auto"`,
      { file },
    );
  }
  assertStepMatches(found, step, "train", file);
  const mismatch = findRunMismatch(found.run, run);
  if (mismatch !== undefined) throw mismatchError("train", file, mismatch);
  return found;
}

async function readIfThere(path: string): Promise<Checkpoint | undefined> {
  try {
    await access(path);
  } catch {
    return undefined;
  }
  return readCheckpoint(path);
}

async function assertWritable(folder: string): Promise<void> {
  const probe = join(folder, `.writable-${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, "");
    await rm(probe);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new TrainError(
      "file-access",
      `train: checkpoints can't be written into ${folder} (${code ?? message}); give another folder`,
      { file: folder, cause },
    );
  }
}
