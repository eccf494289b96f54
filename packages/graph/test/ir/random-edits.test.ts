import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cloneModel,
  decodeModel,
  encodeModel,
  Graph,
  GraphError,
  graphAttribute,
  Model,
  type Node,
  Tensor,
  type Value,
} from "../../src/index.ts";
import { expectConsistent } from "./invariants.ts";

const KINDS = [
  "createNode",
  "setInput",
  "replaceAllUses",
  "remove",
  "addInitializer",
  "removeInitializer",
  "setTensor",
  "rename",
  "setOutputs",
  "setInputs",
  "addSubgraph",
  "dropSubgraph",
  "sort",
] as const;

interface Edit {
  readonly kind: (typeof KINDS)[number];
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom(...KINDS),
  a: fc.nat(40),
  b: fc.nat(40),
  c: fc.nat(5),
});

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(1, items.length)];
}

const weight = (): Tensor => Tensor.float32([1], [1]);

/** Applies an edit to what its numbers happen to name; an edit that is refused must change nothing. */
function apply(graph: Graph, { kind, a, b, c }: Edit): void {
  const nodes = [...graph.nodes];
  const values = [...graph.values];
  const node = pick(nodes, a);
  const value = pick(values, b);
  switch (kind) {
    case "createNode": {
      const place = node && c < 4 ? (c % 2 ? { before: node } : { after: node }) : {};
      const outputs = c === 5 ? { outputs: [`n${a}`, "", `n${b}`] } : {};
      graph.createNode({
        opType: "Op",
        inputs: [value, undefined, pick(values, a)],
        ...place,
        ...outputs,
      });
      return;
    }
    case "setInput":
      node?.setInput(c, a % 4 === 0 ? undefined : value);
      return;
    case "replaceAllUses": {
      const other = pick(values, a);
      if (value && other) value.replaceAllUsesWith(other);
      return;
    }
    case "remove":
      if (node) graph.remove(node);
      return;
    case "addInitializer":
      graph.addInitializer(`w${c}`, weight());
      return;
    case "removeInitializer":
      if (value) graph.removeInitializer(value);
      return;
    case "setTensor":
      if (value) value.tensor = c % 2 ? weight() : undefined;
      return;
    case "rename":
      if (value) value.name = c % 3 ? graph.uniqueName(`r${c}`) : `n${a}`;
      return;
    case "setOutputs":
      graph.setOutputs(values.filter((_, index) => index % 7 === c));
      return;
    case "setInputs":
      graph.setInputs(
        values.filter((one) => !one.producer && one.name.length % 3 === c % 3).slice(0, 3),
      );
      return;
    case "addSubgraph":
      node?.setAttribute("body", graphAttribute(subgraph(value, pick(values, a))));
      return;
    case "dropSubgraph":
      node?.setAttribute("body", undefined);
      return;
    case "sort":
      graph.sort();
  }
}

/** A graph that reads a value of the graph around it, and gives out another as it is. */
function subgraph(captured: Value | undefined, passed: Value | undefined): Graph {
  const graph = new Graph();
  const inner = graph.createNode({ opType: "Inner", inputs: [captured], outputs: ["inner"] });
  graph.setOutputs(passed ? [inner.output, passed] : [inner.output]);
  return graph;
}

function startModel(): Model {
  const graph = new Graph();
  const x = graph.addInput("x", { kind: "tensor", dtype: "float32" });
  const w = graph.addInitializer("w", weight());
  const first = graph.createNode({ opType: "Conv", inputs: [x, w] });
  const second = graph.createNode({ opType: "Relu", inputs: [first.output] });
  graph.setOutputs([second.output]);
  const model = new Model(graph);
  model.setOpset("", 17);
  return model;
}

describe("a graph under random edits", () => {
  it("stays consistent after each, and an edit that is refused changes nothing", () => {
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 30 }), (edits) => {
        const model = startModel();
        for (const one of edits) {
          const before = encodeModel(model);
          try {
            apply(model.graph, one);
            counts.set(one.kind, (counts.get(one.kind) ?? 0) + 1);
          } catch (error) {
            if (!(error instanceof GraphError)) throw error;
            expect(["invalid-edit", "invalid-model"]).toContain(error.code);
            expect(Buffer.compare(encodeModel(model), before)).toBe(0);
          }
          expectConsistent(model.graph);
        }
        expectConsistent(cloneModel(model).graph);
      }),
      { numRuns: 80, seed: 5 },
    );
    expect([...counts.keys()].sort()).toEqual([...KINDS].sort());
  });

  it("is decoded with the same links that it was encoded with", () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 20 }), (edits) => {
        const model = startModel();
        for (const one of edits) {
          try {
            apply(model.graph, one);
          } catch (error) {
            if (!(error instanceof GraphError)) throw error;
          }
        }
        const bytes = encodeModel(model);
        const again = decodeModel(bytes);
        expectConsistent(again.graph);
        again.graph.name += "";
        expect(links(again.graph)).toEqual(links(model.graph));
      }),
      { numRuns: 50, seed: 6 },
    );
  });
});

function links(graph: Graph): unknown {
  return {
    inputs: graph.inputs.map(({ name }) => name),
    outputs: graph.outputs.map(({ name }) => name),
    nodes: [...graph.nodes].map((node: Node) => ({
      opType: node.opType,
      inputs: node.inputs.map((value) => value?.name),
      outputs: node.outputs.map((value) => value?.name),
      inner: node.attributes.map((attribute) =>
        attribute.type === "graph" ? links(attribute.value) : attribute.name,
      ),
    })),
  };
}
