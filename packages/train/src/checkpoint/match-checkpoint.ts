import { TrainError } from "../errors.ts";
import type { BatchInput, Parameter, TrainingStep } from "../step/training-step.ts";
import type { Checkpoint, CheckpointRun, CheckpointStep } from "./checkpoint.ts";

/** What a checkpoint stores of a training step. */
export function describeStep(step: TrainingStep): CheckpointStep {
  const { fingerprint, parameters, statistics, state, batch, accumulate } = step;
  return { fingerprint, parameters, statistics, state, batch, accumulate };
}

/**
 * Says what keeps a checkpoint from fitting a training step; `undefined` if it fits. Its state can
 * then be given to `TrainingSession.writeState` or `exportModel`.
 */
export function findStepMismatch(
  checkpoint: Pick<Checkpoint, "step">,
  step: TrainingStep,
): string | undefined {
  const stored = checkpoint.step;
  if (stored.fingerprint === step.fingerprint) return undefined;
  return (
    tensorMismatch("parameter", stored.parameters, step.parameters) ??
    tensorMismatch("batch normalization statistic", stored.statistics, step.statistics) ??
    tensorMismatch("batch input", stored.batch, step.batch) ??
    numberMismatch("accumulate", stored.accumulate, step.accumulate) ??
    vectorMismatch(stored, step) ??
    "the settings of optimizer, parameter groups or moving average differ"
  );
}

/** Says what keeps a run from going on where another one stopped; `undefined` if nothing does. */
export function findRunMismatch(stored: CheckpointRun, run: CheckpointRun): string | undefined {
  return (
    numberMismatch("seed", stored.seed, run.seed) ??
    numberMismatch("batchSize", stored.batchSize, run.batchSize) ??
    numberMismatch("the number of samples", stored.dataSize, run.dataSize) ??
    (stored.dataFingerprint !== undefined &&
    run.dataFingerprint !== undefined &&
    stored.dataFingerprint !== run.dataFingerprint
      ? `the data are others (fingerprint ${run.dataFingerprint}, there ${stored.dataFingerprint})`
      : undefined)
  );
}

/** @throws TrainError `checkpoint-mismatch` that says what differs. */
export function assertStepMatches(
  checkpoint: Pick<Checkpoint, "step">,
  step: TrainingStep,
  caller: string,
  file: string,
): void {
  const mismatch = findStepMismatch(checkpoint, step);
  if (mismatch !== undefined) throw mismatchError(caller, file, mismatch);
}

/** The error for a checkpoint that does not fit. */
export function mismatchError(caller: string, file: string, mismatch: string): TrainError {
  return new TrainError(
    "checkpoint-mismatch",
    `${caller}: ${file} is of another training: ${mismatch}; use the same model and settings, another folder, or resume: "never"`,
    { file },
  );
}

function tensorMismatch(
  what: string,
  stored: readonly (Parameter | BatchInput)[],
  wanted: readonly (Parameter | BatchInput)[],
): string | undefined {
  const there = new Map(stored.map((tensor) => [tensor.name, tensor]));
  const here = new Set(wanted.map(({ name }) => name));
  for (const tensor of wanted) {
    const other = there.get(tensor.name);
    if (!other) return `the ${what} "${tensor.name}" is not in it`;
    if (other.dims.join() !== tensor.dims.join()) {
      return `the ${what} "${tensor.name}" has dims [${tensor.dims.join(", ")}], there [${other.dims.join(", ")}]`;
    }
  }
  const extra = stored.find(({ name }) => !here.has(name));
  if (extra) return `the ${what} "${extra.name}" is only in it`;
  const index = wanted.findIndex(({ name }, position) => stored[position]?.name !== name);
  if (index >= 0) return `the ${what}s are in another order, from "${wanted[index]?.name}" on`;
  return undefined;
}

function vectorMismatch(stored: CheckpointStep, step: TrainingStep): string | undefined {
  const names = (list: readonly { readonly name: string }[]): string =>
    list.map(({ name }) => name).join(", ");
  const there = names(stored.state);
  const here = names(step.state);
  return there === here ? undefined : `the optimizer's state is ${here}, there ${there}`;
}

function numberMismatch(what: string, there: number, here: number): string | undefined {
  return there === here ? undefined : `${what} is ${here}, there ${there}`;
}
