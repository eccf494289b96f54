import { type ChannelGroup, computeCost, type Model } from "@ocrslim/graph";
import type { ModelProfile } from "@ocrslim/runtime";
import type { GroupShare } from "../../output/sensitivity-table.ts";

/**
 * For each group, the share of the model's multiply-accumulates, and with a profile of its latency,
 * that lies in the nodes which make or read the group's channels: the most that cutting it could save.
 */
export function computeGroupShares(
  model: Model,
  groups: readonly ChannelGroup[],
  inputShapes: Readonly<Record<string, readonly number[]>>,
  profile?: ModelProfile,
): ReadonlyMap<string, GroupShare> {
  const cost = computeCost(model, { inputShapes });
  const macs = new Map(cost.nodes.map((node) => [node.node, node.macs]));
  const times = profile ? timesByName(profile) : undefined;
  const names = new Map(Array.from(model.graph.nodes, (node) => [node.key, node.name]));
  return new Map(
    groups.map(({ id, members }): [string, GroupShare] => {
      const keys = new Set(
        members.flatMap(({ node, role }) => (node && role !== "activation" ? [node] : [])),
      );
      const sum = (of: (key: string) => number): number =>
        [...keys].reduce((total, key) => total + of(key), 0);
      const share = cost.macs > 0 ? sum((key) => macs.get(key) ?? 0) / cost.macs : 0;
      if (!times) return [id, { macs: share }];
      return [id, { macs: share, latency: sum((key) => times.get(names.get(key) ?? "") ?? 0) }];
    }),
  );
}

/** Shares of the time by node name; fused nodes have the name of one of their parts. */
function timesByName({ nodes }: ModelProfile): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const { node, share } of nodes) {
    if (node !== "") times.set(node, (times.get(node) ?? 0) + share);
  }
  return times;
}
