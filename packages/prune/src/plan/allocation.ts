import type { ChannelGroup } from "@ocrslim/graph";
import type { CostModel } from "./cost-model.ts";
import type { WidthRules } from "./widths.ts";

/** A group that may be pruned. */
export interface AllocationCandidate {
  readonly group: ChannelGroup;
  /** One score per channel, higher = keep. */
  readonly scores: Float64Array;
  /** Channels in the order in which they would be removed. */
  readonly order: readonly number[];
  /** Widths that are allowed, ascending, the last one being the full width. */
  readonly widths: readonly number[];
  /** What limits this group's widths. */
  readonly rules: WidthRules;
}

/** What an allocation may look at. */
export interface AllocationContext {
  /** All groups of the model, blocked and ignored ones too. */
  readonly groups: readonly ChannelGroup[];
  readonly candidates: readonly AllocationCandidate[];
  readonly rules: WidthRules;
  readonly cost: CostModel;
}

/** How many channels to take from each group. */
export interface AllocationResult {
  /** By group id: number of channels to remove, not yet rounded; absent = leave whole. */
  readonly removed: ReadonlyMap<string, number>;
  /** Why a group is left whole, by group id. */
  readonly reasons?: ReadonlyMap<string, string>;
  /** Goes into the plan's provenance, as it is. */
  readonly provenance?: Readonly<Record<string, unknown>>;
}

/** Decides how much to take from each group. Any function of this shape is an allocation. */
export type Allocation = (context: AllocationContext) => AllocationResult;
