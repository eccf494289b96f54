import type { Model, RunOptions } from "@ocrslim/graph";
import type { PointSpec } from "./points.ts";

/** The metric of one pruned variant. */
export interface PointResult {
  readonly metric: number;
  /** Images that it was measured on; fewer than there are if it was decided earlier. */
  readonly images: number;
  /** Confidence interval of the relative loss, where one was computed. */
  readonly interval?: readonly [low: number, high: number];
  /** Whether it ended before the last image, because the question was decided. */
  readonly isDecidedEarly?: boolean;
}

/**
 * Measures points of one model on one data set, in any order. A sweep, its parts and the workers of a
 * queue use the same one, so that they find the same numbers.
 */
export interface PointMeasurer {
  /** The unpruned model's metric; measured once. */
  baseline(options?: RunOptions): Promise<PointResult>;
  /** @throws whatever the evaluation threw, for this point alone: others can still be measured. */
  measure(point: PointSpec, options?: RunOptions): Promise<PointResult>;
  /** Frees sessions and cached values. */
  dispose(): Promise<void>;
}

/** Makes the measurer of a model; called once for a sweep. */
export type CreatePointMeasurer = (model: Model, options?: RunOptions) => Promise<PointMeasurer>;
