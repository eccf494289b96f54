import type { ChannelGroup, Criterion } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import { named } from "../named.ts";
import {
  type ActivationStatistics,
  type ConsumerView,
  createConsumerLookup,
} from "../statistics/activation-statistics.ts";
import { byMean, type Normalization } from "./normalizations.ts";
import type { ScoreOptions } from "./options.ts";
import { type Reduction, sum } from "./reductions.ts";

/** Options of the criteria that look at what flows through a model. */
export interface ActivationScoreOptions extends ScoreOptions {
  /** What `collectActivationStatistics` found on calibration images, for the same groups. */
  readonly statistics: ActivationStatistics;
}

/** What {@link ActivationScoreOptions} stand for when they are left out. */
export const ACTIVATION_SCORE_DEFAULTS: {
  readonly reduce: Reduction;
  readonly normalize: Normalization;
} = { reduce: sum, normalize: byMean };

/** Consumers of a group, refused if there are none. */
export function createConsumersOf(
  name: string,
  statistics: ActivationStatistics,
): (group: ChannelGroup) => readonly ConsumerView[] {
  const lookup = createConsumerLookup(statistics);
  return (group) => {
    const views = lookup(group);
    if (views.length > 0) return views;
    throw new PruneError(
      "not-applicable",
      `${name}: group "${group.id}" has no consumers, so nothing was measured`,
      { group: group.id },
    );
  };
}

/**
 * A criterion from one number per index of a consumer's input. Inputs that several consumers read
 * count once; indices of one channel are averaged.
 */
export function scoreInputs(
  name: string,
  options: ActivationScoreOptions,
  numberOf: (view: ConsumerView) => readonly number[],
): Criterion {
  const { statistics, reduce, normalize } = { ...ACTIVATION_SCORE_DEFAULTS, ...options };
  const consumersOf = createConsumersOf(name, statistics);
  return named(name, (group) => {
    const distinct = new Map(consumersOf(group).map((view) => [view.statistics, view]));
    const parts = [...distinct.values()].map((view) =>
      averageByChannel(numberOf(view), view, group),
    );
    return normalize(reduce(parts));
  });
}

function averageByChannel(
  numbers: readonly number[],
  { channelOf }: ConsumerView,
  { width }: ChannelGroup,
): Float64Array {
  const totals = new Float64Array(width);
  const counts = new Float64Array(width);
  channelOf.forEach((channel, index) => {
    if (channel < 0) return;
    totals[channel] = (totals[channel] ?? 0) + (numbers[index] ?? 0);
    counts[channel] = (counts[channel] ?? 0) + 1;
  });
  return totals.map((total, channel) => total / Math.max(1, counts[channel] ?? 1));
}
