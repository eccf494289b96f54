import { byMean, type Normalization } from "./normalizations.ts";
import { type Reduction, sum } from "./reductions.ts";
import { allWeights, type MemberSelector } from "./weight-members.ts";

/** How the scores of a group's members become one score per channel. */
export interface ScoreOptions {
  /** Makes one score out of the members' scores. Default: {@link sum}. */
  readonly reduce?: Reduction;
  /** Makes groups comparable. Default: {@link byMean}, an average channel scores 1. */
  readonly normalize?: Normalization;
}

/** Options of the criteria that look at weights. */
export interface WeightScoreOptions extends ScoreOptions {
  /** Which weights of the group are looked at. Default: {@link allWeights}. */
  readonly members?: MemberSelector;
}

/** What {@link WeightScoreOptions} stand for when they are left out. */
export const WEIGHT_SCORE_DEFAULTS: Required<WeightScoreOptions> = {
  members: allWeights,
  reduce: sum,
  normalize: byMean,
};
