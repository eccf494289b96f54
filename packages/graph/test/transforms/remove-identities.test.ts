import {
  addNode,
  concat,
  conv,
  createTestModel,
  floatConstant,
  intConstant,
  reshape,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { int, ints } from "../../src/ir/attribute.ts";
import { Graph } from "../../src/ir/graph.ts";
import type { Model } from "../../src/ir/model.ts";
import type { Value } from "../../src/ir/value.ts";
import { removeIdentities } from "../../src/transforms/remove-identities.ts";
import { applyTo, operators, testTransformContract } from "./transform-contract.ts";

const SHAPE = [1, 4, 6, 6];

function between(add: (graph: Graph, x: Value) => Value, opset = 17): Model {
  return createTestModel({
    inputs: { x: SHAPE },
    opset,
    build: (graph, x) => unary(graph, "Relu", add(graph, conv(graph, x as Value, { out: 4 }))),
  });
}

testTransformContract({
  create: removeIdentities,
  match: () =>
    createTestModel({
      inputs: { x: SHAPE },
      build(graph, x) {
        const convolved = conv(graph, x as Value, { out: 4 });
        const plus = addNode(
          graph,
          "Add",
          [convolved, floatConstant(graph, "zero", [1, 1, 1], [0])],
          SHAPE,
        );
        // The Identity computes a graph output, whose name must survive.
        return [addNode(graph, "Identity", [plus], SHAPE), unary(graph, "Relu", plus)];
      },
    }),
  noMatch: () =>
    between((graph, x) => {
      const transposed = addNode(graph, "Transpose", [x], [1, 4, 6, 6], {
        perm: ints([0, 1, 3, 2]),
      });
      return addNode(
        graph,
        "Mul",
        [transposed, floatConstant(graph, "one", [1, 1, 1, 1, 1], [1])],
        [1, ...SHAPE],
      );
    }),
});

describe("removeIdentities", () => {
  const cases: Record<string, (graph: Graph, x: Value) => Value> = {
    Identity: (graph, x) => addNode(graph, "Identity", [x], SHAPE),
    Dropout: (graph, x) => addNode(graph, "Dropout", [x], SHAPE),
    "Cast to float": (graph, x) => addNode(graph, "Cast", [x], SHAPE, { to: int(1) }),
    "Transpose in order": (graph, x) =>
      addNode(graph, "Transpose", [x], SHAPE, { perm: ints([0, 1, 2, 3]) }),
    "Reshape to the same shape": (graph, x) => reshape(graph, x, SHAPE),
    "Reshape with 0 and -1": (graph, x) =>
      addNode(graph, "Reshape", [x, intConstant(graph, "s", [0, 4, -1, 6])], SHAPE),
    "empty Pad": (graph, x) =>
      addNode(graph, "Pad", [x, intConstant(graph, "p", [0, 0, 0, 0, 0, 0, 0, 0])], SHAPE),
    "whole Slice": (graph, x) =>
      addNode(
        graph,
        "Slice",
        [
          x,
          intConstant(graph, "starts", [0]),
          intConstant(graph, "ends", [2 ** 31]),
          intConstant(graph, "axes", [2]),
        ],
        SHAPE,
      ),
    "Concat of one": (graph, x) => concat(graph, [x]),
    "Mul by 1": (graph, x) =>
      addNode(graph, "Mul", [floatConstant(graph, "i", [1], [1]), x], SHAPE),
    "Div by 1": (graph, x) => addNode(graph, "Div", [x, floatConstant(graph, "i", [], [1])], SHAPE),
    "Sub of 0": (graph, x) => addNode(graph, "Sub", [x, floatConstant(graph, "o", [], [0])], SHAPE),
    "Expand to no more": (graph, x) =>
      addNode(graph, "Expand", [x, intConstant(graph, "e", [4, 1, 1])], SHAPE),
  };
  for (const [name, add] of Object.entries(cases)) {
    it(`removes ${name}`, async () => {
      const { model } = await applyTo(between(add), removeIdentities());
      expect(operators(model)).toBe("Conv Relu");
    });
  }

  it("keeps an Identity from a graph input to a graph output, which cannot be renamed", async () => {
    const built = createTestModel({
      inputs: { x: SHAPE },
      build: (graph, x) => addNode(graph, "Identity", [x as Value], SHAPE),
    });
    const { report } = await applyTo(built, removeIdentities());
    expect(report.modified).toBe(false);
  });

  it("keeps what a subgraph reads", async () => {
    const built = between((graph, x) => {
      const copy = addNode(graph, "Identity", [x], SHAPE);
      const branch = (): Graph => {
        const inner = new Graph();
        const node = inner.createNode({
          opType: "Neg",
          inputs: [copy],
          outputs: [graph.uniqueName("neg")],
        });
        inner.setOutputs([node.output]);
        return inner;
      };
      const condition = addNode(
        graph,
        "Less",
        [floatConstant(graph, "a", [], [0]), floatConstant(graph, "b", [], [1])],
        [],
      );
      return addNode(graph, "If", [condition], SHAPE, {
        then_branch: { type: "graph", value: branch() },
        else_branch: { type: "graph", value: branch() },
      });
    });
    const { model } = await applyTo(built, removeIdentities());
    expect(operators(model)).toBe("Conv Less If Relu");
    const [producer] = [...model.graph.nodes];
    expect(producer?.output.uses).toHaveLength(2);
  });
});
