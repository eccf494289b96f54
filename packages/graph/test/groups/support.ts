import { expectSameOutputs, maskConsumers } from "@ocrslim/test-utils";
import {
  type ChannelGroup,
  type ChannelRule,
  checkModel,
  cloneModel,
  createRandom,
  findChannelGroups,
  inferShapes,
  type Model,
  removeChannels,
} from "../../src/index.ts";

/** The group that has a value on an axis as a member. */
export function groupOf(model: Model, value: string, axis: number): ChannelGroup {
  const group = findChannelGroups(model).find(({ members }) =>
    members.some((member) => member.value === value && member.axis === axis),
  );
  if (!group) throw new Error(`no group has axis ${axis} of "${value}"`);
  return group;
}

/** Widths of the groups that are not blocked, in order. */
export function openWidths(model: Model): number[] {
  return findChannelGroups(model)
    .filter(({ blocked }) => blocked === undefined)
    .map(({ width }) => width);
}

/** Cuts channels off a copy; `keep` by group id. */
export function cut(
  model: Model,
  keep: Readonly<Record<string, readonly number[]>>,
  rules?: ReadonlyMap<string, ChannelRule>,
): Model {
  const copy = cloneModel(model);
  const shapes = inferShapes(copy);
  const options = rules ? { rules } : {};
  const groups = findChannelGroups(copy, { shapes, ...options });
  removeChannels(copy, { groups, keep: new Map(Object.entries(keep)), shapes, ...options });
  return copy;
}

/** Some channels of each group that is not blocked, at least one, at random. */
function randomKeep(groups: readonly ChannelGroup[], seed: number): Record<string, number[]> {
  const random = createRandom(seed);
  const keep: Record<string, number[]> = {};
  for (const { id, width, blocked } of groups) {
    if (blocked !== undefined) continue;
    const kept = Array.from({ length: width }, (_, channel) => channel).filter(
      () => random() < 0.6,
    );
    keep[id] = kept.length > 0 ? kept : [Math.floor(random() * width)];
  }
  return keep;
}

/**
 * The oracle: cut ≡ the original with those channels zeroed at every consumer. All groups at once,
 * and each alone. Returns how many channels were removed in all.
 */
export async function expectCutEqualsMasked(
  model: Model,
  rules?: ReadonlyMap<string, ChannelRule>,
  seed = 1,
): Promise<number> {
  const groups = findChannelGroups(model, rules ? { rules } : {});
  const all = randomKeep(groups, seed);
  const plans = [all, ...Object.entries(all).map(([id, kept]) => ({ [id]: kept }))];
  let removed = 0;
  for (const keep of plans) {
    const planned = groups.flatMap(({ id, width }) => {
      const kept = keep[id];
      removed += kept ? width - kept.length : 0;
      return kept ? [{ id, width, keep: kept }] : [];
    });
    const masked = maskConsumers(model, groups, {
      formatVersion: 1,
      inputShapes: {},
      groups: planned,
      skipped: [],
      provenance: {},
    });
    const pruned = cut(model, keep, rules);
    const errors = checkModel(pruned).filter(({ severity }) => severity === "error");
    if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("\n"));
    await expectSameOutputs(pruned, masked, { seeds: [seed] });
  }
  return removed;
}
