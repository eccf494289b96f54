import { int, Tensor } from "@ocrslim/graph";
import { addMultiNode, addNode, intConstant } from "@ocrslim/test-utils";
import { describe, it } from "vitest";
import { checkGradients } from "../../support/check-gradients.ts";

describe("gradient of Gather", () => {
  it.each([
    { what: "a permutation", indices: [2, 0, 3, 1] },
    { what: "a range", indices: [1, 2] },
    { what: "single places, counted from the end too", indices: [3, -4] },
    { what: "places that occur twice", indices: [1, 3, -3, 0, 1] },
  ])("brings back $what along any axis", async ({ indices }) => {
    for (const [axis, from, to] of [
      [0, [4, 2, 3], [indices.length, 2, 3]],
      [1, [2, 4, 3], [2, indices.length, 3]],
      [-1, [2, 3, 4], [2, 3, indices.length]],
    ] as const) {
      await checkGradients({
        inputs: { x: [...from] },
        opset: 18,
        build: (graph, x) =>
          addNode(graph, "Gather", [x, intConstant(graph, "at", indices)], to, { axis: int(axis) }),
      });
    }
  });

  it("takes a scalar index and indices of two axes", async () => {
    await checkGradients({
      inputs: { x: [2, 4, 3] },
      opset: 18,
      build: (graph, x) => {
        const one = graph.addInitializer("at", Tensor.int64([-2], []));
        const many = graph.addInitializer("at", Tensor.int64([1, 0, 3, 1, 1, 2], [2, 3]));
        return [
          addNode(graph, "Gather", [x, one], [2, 3], { axis: int(1) }),
          addNode(graph, "Gather", [x, many], [2, 2, 3, 3], { axis: int(1) }),
        ];
      },
    });
  });

  it("takes indices that the graph computes", async () => {
    await checkGradients(
      {
        inputs: { x: [4, 3], scores: [5, 4] },
        opset: 18,
        build: (graph, x, scores) => {
          const best = addNode(graph, "ArgMax", [scores], [5], { axis: int(1), keepdims: int(0) });
          return addNode(graph, "Gather", [x, best], [5, 3]);
        },
      },
      { wrt: ["x"] },
    );
  });

  it("adds up places of a long axis", async () => {
    await checkGradients({
      inputs: { x: [2, 70] },
      opset: 18,
      build: (graph, x) =>
        addNode(graph, "Gather", [x, intConstant(graph, "at", [69, 3, -1, 3, 0])], [2, 5], {
          axis: int(1),
        }),
    });
  });
});

describe("gradient of GatherElements", () => {
  it.each([0, -1])("adds up the places that each element went to, along axis %i", async (axis) => {
    await checkGradients({
      inputs: { x: [3, 4] },
      opset: 18,
      build: (graph, x) => {
        const at = graph.addInitializer("at", Tensor.int64([0, 2, -1, 2, 1, 1], [3, 2]));
        return addNode(graph, "GatherElements", [x, at], [3, 2], { axis: int(axis) });
      },
    });
  });
});

describe("gradient of TopK", () => {
  it.each([
    { axis: -1, largest: 1, count: 2, to: [3, 2] },
    { axis: 0, largest: 0, count: 2, to: [2, 5] },
    { axis: 1, largest: 1, count: 5, to: [3, 5] },
  ])("goes to the values found along axis $axis, largest $largest", async (form) => {
    await checkGradients({
      inputs: { x: [3, 5] },
      opset: 18,
      build: (graph, x) =>
        addMultiNode(
          graph,
          "TopK",
          [x, intConstant(graph, "k", [form.count])],
          [form.to, form.to],
          { axis: int(form.axis), largest: int(form.largest) },
        ).slice(0, 1),
    });
  });
});
