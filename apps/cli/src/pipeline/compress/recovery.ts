import type { Criterion, LossCurve, Model, PruningPlan, SkippedGroup } from "@ocrslim/graph";

/** How what is lost with the removed channels is made up for. */
export const recoveryNames = ["least-squares", "means"] as const;

/** One of {@link recoveryNames}. */
export type RecoveryName = (typeof recoveryNames)[number];

/** A way to choose channels, and to prune so that as little as possible is lost. */
export interface Recovery {
  readonly criterion: Criterion;
  /** Loss of each group by the ratio removed. */
  readonly curves: readonly LossCurve[];
  /** What the curves show, such as `relative loss of map overlap`. */
  readonly curveMetric: string;
  readonly skipped: readonly SkippedGroup[];
  /** Images that the curves rest on. */
  readonly images: number;
  /** Least fraction of a group's channels that stays. */
  readonly minimumKept: number;
  /**
   * Prunes a copy by a plan and makes up for what is gone. A `trial` may take fewer images.
   */
  prune(plan: PruningPlan, effort: "trial" | "final"): Promise<Model>;
}
