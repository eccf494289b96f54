import type { TrainingProgress } from "../checkpoint/checkpoint.ts";
import { TrainError } from "../errors.ts";

/** When a loss has grown so far that training is stopped. */
export interface DivergenceOptions {
  /** How many times the least mean so far, above 1. Losses that fall to 0 or below never diverge. */
  readonly factor: number;
  /** Updates that means are taken over, 1 or more. Default: 50. */
  readonly updates?: number;
}

/**
 * Adds the loss of an update to those watched.
 * @throws TrainError `diverged` if the mean of the latest losses is above `factor` × the least such mean.
 */
export function watchLoss(
  watched: TrainingProgress["losses"],
  loss: number,
  { factor, updates = 50 }: DivergenceOptions,
  update: number,
): TrainingProgress["losses"] {
  const latest = [...watched.latest, loss].slice(-updates);
  if (latest.length < updates) return { ...watched, latest };
  const mean = latest.reduce((sum, value) => sum + value, 0) / updates;
  const { bestMean = mean } = watched;
  if (bestMean > 0 && mean > factor * bestMean) {
    throw new TrainError(
      "diverged",
      `train: the loss of the last ${updates} updates is ${mean.toPrecision(4)} at update ${update}, more than ${factor} × ${bestMean.toPrecision(4)}, the least before; lower the learning rate or clip the gradient`,
      { step: update },
    );
  }
  return { latest, bestMean: Math.min(bestMean, mean) };
}
