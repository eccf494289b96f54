import { expect } from "vitest";
import { type Graph, listSubgraphs, type Node, type Value } from "../../src/index.ts";

/** Throws unless all links of a graph and its subgraphs say the same from both ends. */
export function expectConsistent(graph: Graph): void {
  const graphs = collect(graph);
  const wantedUses = new Map<Value, Set<string>>();
  const ids = new Map<Node, number>();
  const keyOf = (node: Node, index: number): string => {
    if (!ids.has(node)) ids.set(node, ids.size);
    return `${ids.get(node)}/${index}`;
  };
  const outputCounts = new Map<Value, number>();
  for (const one of graphs) {
    expectList(one);
    for (const node of one.nodes) {
      expect(node.graph).toBe(one);
      node.inputs.forEach((value, index) => {
        if (!value) return;
        const uses = wantedUses.get(value) ?? new Set();
        wantedUses.set(value, uses);
        uses.add(keyOf(node, index));
      });
      for (const output of node.outputs) {
        if (!output) continue;
        expect(output.producer).toBe(node);
        expect(one.value(output.name)).toBe(output);
      }
    }
    for (const output of one.outputs) outputCounts.set(output, (outputCounts.get(output) ?? 0) + 1);
  }
  for (const one of graphs) {
    const names = new Set<string>();
    for (const value of one.values) {
      expect(names.has(value.name)).toBe(false);
      names.add(value.name);
      expect(one.value(value.name)).toBe(value);
      expect(value.graph).toBe(one);
      if (value.producer) {
        expect(value.producer.outputs).toContain(value);
        expect(value.producer.removed).toBe(false);
      }
      const uses = value.uses.map(({ node, index }) => keyOf(node, index));
      expect(new Set(uses)).toEqual(wantedUses.get(value) ?? new Set());
      expect(uses.length).toBe(new Set(uses).size);
      expect(value.isGraphOutput).toBe((outputCounts.get(value) ?? 0) > 0);
      expect(value.isGraphInput).toBe(one.inputs.includes(value));
      expect(one.initializers.includes(value)).toBe(value.isInitializer);
    }
  }
}

function collect(graph: Graph): Graph[] {
  return [graph, ...[...graph.nodes].flatMap((node) => listSubgraphs(node).flatMap(collect))];
}

function expectList(graph: Graph): void {
  const forward = [...graph.nodes];
  expect(forward.length).toBe(graph.nodeCount);
  const backward: Node[] = [];
  for (let node = graph._last; node; node = node._previous) backward.unshift(node);
  expect(backward).toEqual(forward);
  expect(forward.every(({ removed }) => !removed)).toBe(true);
}
