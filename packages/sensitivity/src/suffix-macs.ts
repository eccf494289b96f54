import { type ChannelGroup, computeCost, type Model, type Node } from "@ocrslim/graph";
import type { PointCost } from "./shards.ts";

/**
 * Part of the whole model's MACs that every point is charged with beside what it runs: pruning,
 * creating a session, scoring.
 */
const FIXED_SHARE = 0.1;

/**
 * Estimates what a point costs if a variant is run from the group's first member on: the
 * multiply-accumulates of every node that depends on the group, and a tenth of the model's for what
 * each point takes anyway.
 */
export function suffixMacs(
  model: Model,
  groups: readonly ChannelGroup[],
  inputShapes: Readonly<Record<string, readonly number[]>>,
): PointCost {
  const cost = computeCost(model, { inputShapes });
  const macs = new Map(cost.nodes.map((node) => [node.node, node.macs]));
  const byGroup = new Map<string, number>();
  for (const group of groups) {
    let sum = cost.macs * FIXED_SHARE;
    for (const node of dependentsOf(model, group)) {
      sum += macs.get(node.key) ?? 0;
    }
    byGroup.set(group.id, sum);
  }
  return ({ group }) => byGroup.get(group) ?? cost.macs;
}

/** The nodes that touch a group, and all that depend on them. */
function dependentsOf(model: Model, group: ChannelGroup): ReadonlySet<Node> {
  const waiting = group.members.flatMap(({ value, role }): readonly Node[] => {
    const found = model.graph.value(value);
    if (!found) return [];
    if (role === "activation" && found.producer) return [found.producer];
    return found.consumers;
  });
  const found = new Set<Node>();
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    for (const output of node.outputs) waiting.push(...(output?.consumers ?? []));
  }
  return found;
}
