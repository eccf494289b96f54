import { type PairedLoss, variance } from "./paired-loss.ts";
import { studentQuantile } from "./student-quantile.ts";

/*
 * When is it known whether the loss on all N images is above the limit, after m of them, taken at
 * random? One-sided Student tests over the jackknife's contributions at each look (m = 4, 8, 16, …),
 * the error shared out equally between the looks (Bonferroni), with the correction for a finite
 * population, √(1 − m/N).
 *
 * A few images without any change are no proof that none changes: then the sample's variance says too
 * little, and the smaller the loss seen, the more so. So for "not above the limit" the variance is
 * taken as it would be if the loss were at the limit: losses come in lumps (a box here and there, or
 * an image that fails), of which a sum's variance is the expected sum times a lump's size. That size
 * is measured, Σp² / Σ|p|, but not taken to be below twice the limit: with nothing lost at all, 16
 * images are needed. "Above the limit" needs no such care, as the losses were seen. In simulations of
 * 40 images (test/racing) the share of wrong decisions is below 1 − confidence if the images that are
 * hit are a quarter of all or more; a loss by fewer that fail as a whole is found less surely.
 */

/** Number of images at the first look. */
const FIRST_LOOK = 4;

/** Numbers of images after which a decision is looked for: 4, 8, 16, …, and all in the end. */
export function listLooks(images: number): readonly number[] {
  const looks: number[] = [];
  for (let count = FIRST_LOOK; count < images; count *= 2) looks.push(count);
  return [...looks, images];
}

/** What a race is about. */
export interface RaceOptions {
  /** Images in all. */
  readonly images: number;
  /** Relative loss that is still acceptable. */
  readonly maximumLoss: number;
  /** Probability (0–1) that a decision before the last image is right, over all looks. */
  readonly confidence: number;
}

/**
 * Whether the loss on all images is known to be above the limit or not, from that on those looked at
 * so far; `undefined` if it is still open.
 */
export function decideLoss(
  { loss, contributions }: PairedLoss,
  { images, maximumLoss, confidence }: RaceOptions,
): "acceptable" | "unacceptable" | undefined {
  const count = contributions.length;
  if (count >= images) return loss <= maximumLoss ? "acceptable" : "unacceptable";
  if (count < 2 || !contributions.every(Number.isFinite)) return undefined;
  const level = (1 - confidence) / Math.max(1, listLooks(images).length - 1);
  const factor = studentQuantile(1 - level, count - 1) * Math.sqrt((1 - count / images) / count);
  const seen = variance(contributions);
  if (loss - factor * Math.sqrt(seen) > maximumLoss) return "unacceptable";
  const total = contributions.reduce((sum, value) => sum + Math.abs(value), 0);
  const squares = contributions.reduce((sum, value) => sum + value * value, 0);
  const lump = Math.max(total > 0 ? squares / total : 0, 2 * maximumLoss);
  const atLimit = Math.max(seen, lump * maximumLoss);
  return loss + factor * Math.sqrt(atLimit) < maximumLoss ? "acceptable" : undefined;
}
