import {
  cloneModel,
  type Graph,
  graphAttribute,
  inferShapes,
  type Model,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { conv, createTestModel, residual, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { findCut, isCuttable } from "../../src/ablation/find-cut.ts";
import { createValueMatcher } from "../../src/ablation/match-values.ts";
import { extractSuffix } from "../../src/ablation/suffix-model.ts";

const model = createTestModel({
  inputs: { x: [1, 3, 8, 8] },
  build: (graph, x) => {
    const first = unary(graph, "Relu", conv(graph, x, { out: 4 }));
    const second = residual(graph, first, (inside) => conv(graph, inside, { out: 4 }));
    return [unary(graph, "Sigmoid", conv(graph, second, { out: 2 })), unary(graph, "Abs", first)];
  },
});
const matcher = createValueMatcher(model);

const find = (source: Model, name: string): Value => source.graph.value(name)!;

/** A copy in which one weight is another. */
function withWeight(name: string, change: (data: Float32Array) => Float32Array): Model {
  const copy = cloneModel(model);
  const value = find(copy, name);
  value.tensor = Tensor.float32(value.tensor!.dims, change(value.tensor!.float32Values()));
  return copy;
}

const names = (frontier: ReturnType<typeof findCut>["frontier"]): string[] =>
  frontier.map(({ variant }) => variant).sort();

describe("findCut", () => {
  it("finds nothing that changed in a clone, also if its weights are other objects of equal bytes", () => {
    const outputs = model.graph.outputs.map(({ name }) => name);
    for (const copy of [cloneModel(model), withWeight("conv_w_2", (data) => data.slice())]) {
      const cut = findCut(copy, matcher);
      expect(cut.changed).toEqual([]);
      expect(names(cut.unchanged)).toEqual(outputs.toSorted());
    }
  });

  it("starts at what the first changed nodes read, and leaves the other outputs alone", () => {
    const cut = findCut(
      withWeight("conv_w_2", (data) => data.map((value) => value + 1)),
      matcher,
    );
    expect(names(cut.frontier)).toEqual(["Relu"]);
    expect(cut.changed).toEqual([model.graph.outputs[0]!.name]);
    expect(names(cut.unchanged)).toEqual([model.graph.outputs[1]!.name]);
  });

  it("cuts at several values where branches meet", () => {
    const variant = cloneModel(model);
    const add = [...variant.graph.nodes].find(({ opType }) => opType === "Add")!;
    const { output } = variant.graph.createNode({
      opType: "Sub",
      inputs: [...add.inputs],
      before: add,
    });
    add.output.replaceAllUsesWith(output);
    expect(names(findCut(variant, matcher).frontier)).toEqual(["Conv_2", "Relu"]);
  });

  it("starts at the input if the first node changed", () => {
    const cut = findCut(
      withWeight("conv_w", (data) => data.map((value) => -value)),
      matcher,
    );
    expect(cut.frontier).toEqual([{ variant: "x", baseline: "x" }]);
    expect(cut.changed).toHaveLength(2);
  });

  it("goes by what values are, not by their names, and keeps constants out of the frontier", () => {
    const variant = withWeight("conv_w_3", (data) => data.map((value) => 2 * value));
    for (const node of variant.graph.nodes) {
      if (node.opType === "Relu") node.output.name = "another name";
    }
    const sum = [...model.graph.nodes].find(({ opType }) => opType === "Add")!.output.name;
    const cut = findCut(variant, matcher);
    expect(cut.frontier).toEqual([{ variant: sum, baseline: sum }]);
    const changed = cloneModel(variant);
    const add = find(changed, sum).producer!;
    const constant = changed.graph.createNode({
      opType: "Neg",
      inputs: [changed.graph.addInitializer("one", Tensor.float32([1], [1]))],
      before: add,
    });
    const shifted = changed.graph.createNode({
      opType: "Mul",
      inputs: [add.output, constant.output],
      after: add,
    });
    for (const use of [...add.output.uses]) {
      if (use.node !== shifted) use.node.setInput(use.index, shifted.output);
    }
    expect(findCut(changed, matcher).frontier).toEqual(cut.frontier);
  });

  it("takes other attributes and other operator versions for changes", () => {
    const variant = cloneModel(model);
    for (const node of variant.graph.nodes) {
      if (node.key === "Conv_3") node.setAttribute("pads", { type: "ints", value: [0, 0, 0, 0] });
    }
    expect(findCut(variant, matcher).changed).toHaveLength(1);
    const newer = cloneModel(model);
    newer.setOpset("", model.opset + 1);
    expect(findCut(newer, matcher).frontier).toEqual([{ variant: "x", baseline: "x" }]);
  });

  it("never takes random numbers for the same", () => {
    const noisy = createTestModel({
      inputs: { x: [1, 3, 4, 4] },
      build: (graph, x) => {
        const noise = graph.createNode({ opType: "RandomUniformLike", inputs: [x] });
        const last = unary(graph, "Relu", x);
        last.producer?.setInput(0, noise.output);
        return last;
      },
    });
    const cut = findCut(cloneModel(noisy), createValueMatcher(noisy));
    expect(cut.changed).toHaveLength(1);
  });
});

describe("extractSuffix", () => {
  it("holds the nodes after the cut alone, and shares their weights", () => {
    const variant = withWeight("conv_w_3", (data) => data.map((value) => value + 1));
    const shapes = inferShapes(model);
    const suffix = extractSuffix(variant, findCut(variant, matcher), model, shapes);
    expect([...suffix.graph.nodes].map(({ opType }) => opType)).toEqual(["Conv", "Sigmoid"]);
    expect(find(suffix, "conv_w_3").tensor).toBe(find(variant, "conv_w_3").tensor);
  });
});

describe("isCuttable", () => {
  it("is false for models with subgraphs", () => {
    expect(isCuttable(model)).toBe(true);
    const branch = createTestModel({ inputs: {}, build: (graph) => constantOf(graph) }).graph;
    const nested = createTestModel({
      inputs: { x: [1, 3, 4, 4] },
      build: (graph, x) => {
        const condition = graph.addInitializer("yes", Tensor.from("bool", [], new Uint8Array([1])));
        return (
          graph.createNode({
            opType: "If",
            inputs: [condition],
            attributes: {
              then_branch: graphAttribute(branch),
              else_branch: graphAttribute(branch),
            },
          }).output && unary(graph, "Relu", x)
        );
      },
    });
    expect(isCuttable(nested)).toBe(false);
  });
});

function constantOf(graph: Graph): Value {
  return unary(graph, "Neg", graph.addInitializer("c", Tensor.float32([1], [1])));
}
