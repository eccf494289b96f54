/** What stays of one group. */
export interface PlannedGroup {
  /** {@link ChannelGroup.id}. */
  readonly id: string;
  /** Channels before pruning; must equal the group's width when the plan is applied. */
  readonly width: number;
  /** Channels that stay, ascending, at least one. */
  readonly keep: readonly number[];
}

/** A group that the plan leaves whole, and why. */
export interface SkippedGroup {
  readonly group: string;
  readonly reason: string;
}

/** Which channels stay. Plain JSON: save it, read it, change it by hand, replay it. */
export interface PruningPlan {
  readonly formatVersion: 1;
  /** Input shapes at which the groups were found, by input name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly groups: readonly PlannedGroup[];
  readonly skipped: readonly SkippedGroup[];
  /** How the plan came about: strategy, criterion, budget, predicted cost. For people. */
  readonly provenance: Readonly<Record<string, unknown>>;
}
