import {
  type ChannelGroup,
  type Criterion,
  createRandom,
  type Model,
  type PruningPlan,
} from "@ocrslim/graph";
import { SensitivityError } from "../errors.ts";
import { mixSeed } from "../mix-seed.ts";
import type { PointSpec } from "../points.ts";
import { keptChannels, rankChannels } from "../rank-channels.ts";

/** Options of {@link createPlanner}. */
export interface PlannerOptions {
  readonly groups: readonly ChannelGroup[];
  readonly criterion: Criterion;
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly seed: number;
}

/**
 * Returns the plan of a point. Channels are ranked once per group, with random numbers that depend on
 * the group alone: a sweep may stop, go on and be split.
 */
export function createPlanner(
  model: Model,
  { groups, criterion, inputShapes, seed }: PlannerOptions,
): (point: PointSpec) => PruningPlan {
  const rankings = new Map<string, readonly number[]>();
  const rankingOf = (group: ChannelGroup): readonly number[] => {
    const random = createRandom(mixSeed(seed, `criterion ${group.id}`));
    const ranking = rankings.get(group.id) ?? rankChannels(model, group, criterion, random);
    rankings.set(group.id, ranking);
    return ranking;
  };
  return ({ group: id, width, ratio, removed }) => {
    const group = groups.find((candidate) => candidate.id === id);
    if (group?.width !== width) {
      throw new SensitivityError(
        "invalid-option",
        `analyzeSensitivity: the point that removes ${removed} of ${width} channels of group "${id}" does not fit the groups given; list points with listPoints`,
        { group: id, ratio },
      );
    }
    return {
      formatVersion: 1,
      inputShapes,
      groups: [{ id, width, keep: keptChannels(rankingOf(group), removed) }],
      skipped: [],
      provenance: { strategy: "sensitivity", ratio },
    };
  };
}
