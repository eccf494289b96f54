/** One measured point of a curve. */
export interface LossPoint {
  /** Fraction of the group's channels removed, 0–1. */
  readonly ratio: number;
  /** Relative loss of the metric: (baseline − pruned) / baseline. Signed: negative = better. */
  readonly loss: number;
  /** The metric of the pruned model. */
  readonly metric?: number;
  /** Number of images behind the point. */
  readonly images?: number;
}

/** How the metric falls when one group is cut, points by ascending ratio. */
export interface LossCurve {
  readonly group: string;
  readonly width: number;
  readonly points: readonly LossPoint[];
}
