import type { ChannelGroup, Criterion, ShapeInference, Tensor } from "@ocrslim/graph";
import type { IgnoreRule } from "./ignore.ts";
import type { WidthRules } from "./widths.ts";

/** Options of {@link createPlanner}. */
export interface PlannerOptions {
  /** The channel groups of the model. */
  readonly groups: readonly ChannelGroup[];
  /** Which channels of a group go first: those with the lowest scores. */
  readonly criterion: Criterion;
  /** Shapes at which the groups were found and costs are counted, by input name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Kept widths are the nearest multiple of this, at least one. Default: 1. */
  readonly channelMultiple?: number;
  /** Least number of channels that stay. Default: 1. */
  readonly minimumWidth?: number;
  /** Least number of channels that stay in single groups, by id, where it is more. Default: none. */
  readonly minimumWidths?: Readonly<Record<string, number>>;
  /** Least fraction (0–1) of a group's channels that stays. Default: 0. */
  readonly minimumKept?: number;
  /** Groups to leave whole: ids, or rules that give a reason. Default: none. */
  readonly ignore?: readonly (string | IgnoreRule)[];
  /** Uniform numbers in [0, 1) for the criterion. Default: seed 0. */
  readonly random?: () => number;
  /** Where the criterion finds constants. Default: the model's constants. */
  readonly tensorOf?: (value: string) => Tensor;
  /** Shapes that are known already. Default: inferred from `inputShapes`. */
  readonly shapes?: ShapeInference;
}

/** What {@link PlannerOptions} stand for when they are left out. */
export const PLAN_PRUNING_DEFAULTS: WidthRules = {
  channelMultiple: 1,
  minimumWidth: 1,
  minimumKept: 0,
};
