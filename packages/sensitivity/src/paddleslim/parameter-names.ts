import type { ChannelGroup, LossCurve } from "@ocrslim/graph";
import type { PaddleSlimSensitivities } from "./read-paddleslim-sensitivities.ts";

/** Options of {@link toLossCurves}. */
export interface ParameterNameOptions {
  /**
   * What a Paddle parameter is called in the model, where the exporter gave it another name: the
   * initializer's name, or the id of a group. Default: none, initializers keep Paddle's names.
   */
  readonly names?: Readonly<Record<string, string>>;
}

/** The curves of a file that belong to a model, and what does not. */
export interface MatchedCurves {
  /** In the order of the groups. */
  readonly curves: readonly LossCurve[];
  /** Parameters that are in no group of the model. */
  readonly unmatched: readonly string[];
  /**
   * Parameters whose group has the curve of another one that comes first in the file: the first one
   * counts, as in PaddleSlim.
   */
  readonly repeated: readonly string[];
}

/**
 * Gives the curves of Paddle parameters to the channel groups whose channels they compute: the group
 * in which the initializer of that name is a producer, or else a parameter (such as a normalization's
 * scale).
 */
export function toLossCurves(
  sensitivities: PaddleSlimSensitivities,
  groups: readonly ChannelGroup[],
  options: ParameterNameOptions = {},
): MatchedCurves {
  const names = new Map(Object.entries(options.names ?? {}));
  const byName = indexGroups(groups);
  const found = new Map<string, LossCurve>();
  const unmatched: string[] = [];
  const repeated: string[] = [];
  for (const { parameter, points } of sensitivities.curves) {
    const group = byName.get(names.get(parameter) ?? parameter);
    if (!group) unmatched.push(parameter);
    else if (found.has(group.id)) repeated.push(parameter);
    else found.set(group.id, { group: group.id, width: group.width, points });
  }
  return {
    curves: groups.flatMap(({ id }) => found.get(id) ?? []),
    unmatched,
    repeated,
  };
}

/** Groups by their id and by the names of the constants that make their channels. */
function indexGroups(groups: readonly ChannelGroup[]): ReadonlyMap<string, ChannelGroup> {
  const byName = new Map<string, ChannelGroup>();
  for (const role of ["parameter", "producer"] as const) {
    for (const group of groups) {
      for (const member of group.members) {
        if (member.role === role) byName.set(member.value, group);
      }
    }
  }
  for (const group of groups) byName.set(group.id, group);
  return byName;
}

/** The first weight that computes each group's channels, by group id: what PaddleSlim names it by. */
export function listParameterNames(
  groups: readonly ChannelGroup[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    groups.flatMap(({ id, members }) => {
      const producer = members.find(({ role }) => role === "producer");
      return producer ? [[id, producer.value]] : [];
    }),
  );
}
