import { TrainError } from "../errors.ts";
import type { Schedule } from "../optimizers/schedule.ts";
import type { TrainOptions } from "./train-options.ts";

/** @throws TrainError `invalid-option`, or `invalid-data` for an empty data set. */
export function assertTrainOptions(options: TrainOptions): void {
  const { data, checkpoint, divergence, earlyStopping } = options;
  if (!isInteger(data.size, 1)) {
    throw new TrainError(
      "invalid-data",
      `train: the data set has ${data.size} samples; give one with 1 or more`,
    );
  }
  requireInteger("batchSize", options.batchSize, 1);
  requireInteger("seed", options.seed ?? 0, 0, 2 ** 32 - 1);
  requireInteger("prefetch", options.prefetch ?? 0, 0);
  if (options.updates === undefined && !options.epochs && !options.minutes) {
    throw invalid("nothing says how long to train; give updates, epochs or minutes, above 0");
  }
  requireInteger("updates", options.updates ?? 1, 1);
  requireAbove0("epochs", options.epochs ?? 1);
  requireAbove0("minutes", options.minutes ?? 1);
  requireInteger("evaluateEvery", options.evaluateEvery ?? 1, 1);
  if (checkpoint) {
    requireInteger("checkpoint.every", checkpoint.every ?? 1, 1);
    if (checkpoint.folder === "") throw invalid("checkpoint.folder is empty; give a path");
  } else if (options.resume === "require") {
    throw invalid('resume is "require" but there is no checkpoint folder; give checkpoint.folder');
  }
  if (earlyStopping) {
    if (!options.evaluate) throw invalid("earlyStopping needs evaluate");
    requireInteger("earlyStopping.patience", earlyStopping.patience, 1);
    const gain = earlyStopping.minimumGain ?? 0;
    if (!(gain >= 0 && gain < Number.POSITIVE_INFINITY)) {
      throw invalid(`earlyStopping.minimumGain is ${gain}; give a number from 0`);
    }
  }
  if (divergence) {
    requireInteger("divergence.updates", divergence.updates ?? 1, 1);
    if (!(divergence.factor > 1 && divergence.factor < Number.POSITIVE_INFINITY)) {
      throw invalid(`divergence.factor is ${divergence.factor}; give a number above 1`);
    }
  }
}

/**
 * Looks at every learning rate before the first step runs. A rate of 0 is allowed in between, as at the
 * foot of a warm-up, but not everywhere.
 * @throws TrainError `invalid-option`.
 */
export function assertSchedule(schedule: Schedule, total: number): void {
  let greatest = 0;
  for (let update = 0; update < total; update++) {
    greatest = Math.max(greatest, learningRateAt(schedule, update, total));
  }
  if (greatest > 0) return;
  throw invalid("the schedule gives a learning rate of 0 for every update; give one above 0");
}

/** @throws TrainError `invalid-option` if it is negative or not finite. */
export function learningRateAt(schedule: Schedule, update: number, total: number): number {
  const rate = schedule(update, total);
  if (rate >= 0 && rate < Number.POSITIVE_INFINITY) return rate;
  throw new TrainError(
    "invalid-option",
    `train: the schedule gives the learning rate ${rate} for update ${update} (from 0) of ${total}; give numbers from 0`,
    { step: update + 1 },
  );
}

function isInteger(value: number, least: number, most = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function requireInteger(name: string, value: number, least: number, most?: number): void {
  if (isInteger(value, least, most)) return;
  const range = most === undefined ? `${least} or more` : `${least} to ${most}`;
  throw invalid(`${name} is ${value}; give an integer, ${range}`);
}

function requireAbove0(name: string, value: number): void {
  if (value > 0 && value < Number.POSITIVE_INFINITY) return;
  throw invalid(`${name} is ${value}; give a number above 0`);
}

function invalid(what: string): TrainError {
  return new TrainError("invalid-option", `train: ${what}`);
}
