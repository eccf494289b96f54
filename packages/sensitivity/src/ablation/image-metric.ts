import type { Feeds, RuntimeTensor } from "@ocrslim/runtime";

/** What one run of a model gives, by output name. */
export type ImageOutputs = Readonly<Record<string, RuntimeTensor>>;

/**
 * A metric that is made of images: each is run and scored by itself, and scores are joined in the
 * end. That is what lets an ablation start in the middle of a model, run images beside each other,
 * and stop once enough of them were seen.
 */
export interface ImageMetric<Score> {
  /** For reports, such as `hmean`. */
  readonly name?: string;
  /** Number of images, 1 or more; they are numbered from 0. */
  readonly images: number;
  /** What the model is fed for an image. May be asked for several times, if memory is short. */
  feeds(image: number): Promise<Feeds> | Feeds;
  /** What the model's outputs for an image are worth. They may be in shared memory; do not write to them. */
  score(image: number, outputs: ImageOutputs): Promise<Score> | Score;
  /** The metric of any images' scores, at least one; higher = better. Not dependent on their order. */
  combine(scores: readonly Score[]): number;
}
