import { computeLoss, type LossReference } from "../report.ts";
import { studentQuantile } from "./student-quantile.ts";

/** The loss on some images, and what each of them has to do with it. */
export interface PairedLoss {
  /** Relative loss of the metric over these images. */
  readonly loss: number;
  /**
   * The loss that each image stands for: jackknife pseudo-values m·θ − (m − 1)·θ₍₋ᵢ₎ (Tukey 1958), of
   * which the mean is about θ. For a mean of per-image losses they are those losses; for a ratio of
   * sums, as hmean is, its linearization.
   */
  readonly contributions: readonly number[];
}

/**
 * Compares a variant with the baseline on the same images, at least 2: what is easy or hard for both
 * cancels.
 */
export function comparePaired<Score>(
  baseline: readonly Score[],
  variant: readonly Score[],
  combine: (scores: readonly Score[]) => number,
  relativeTo: LossReference,
): PairedLoss {
  const lossOf = (a: readonly Score[], b: readonly Score[]): number =>
    computeLoss(combine(a), combine(b), relativeTo);
  const count = variant.length;
  const loss = lossOf(baseline, variant);
  const contributions = variant.map((_, index) => {
    const others = lossOf(baseline.toSpliced(index, 1), variant.toSpliced(index, 1));
    return count * loss - (count - 1) * others;
  });
  return { loss, contributions };
}

/** Sample variance: the squared distances from the mean over one less than their number. */
export function variance(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

/**
 * The interval in which the loss on many more images like these lies with a given confidence, two-sided
 * (Student's t over the jackknife's variance); `undefined` if it can't be told.
 */
export function lossInterval(
  { loss, contributions }: PairedLoss,
  confidence: number,
): readonly [low: number, high: number] | undefined {
  const count = contributions.length;
  if (count < 2) return undefined;
  const error = Math.sqrt(variance(contributions) / count);
  const width = studentQuantile((1 + confidence) / 2, count - 1) * error;
  return Number.isFinite(loss) && Number.isFinite(width) ? [loss - width, loss + width] : undefined;
}
