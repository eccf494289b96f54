import {
  addNode,
  conv,
  createTestModel,
  expectSameOutputs,
  floatConstant,
  intConstant,
  pool,
  reduceMean,
  reshape,
  shapeOf,
  transpose,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { int, ints } from "../../src/ir/attribute.ts";
import type { Graph } from "../../src/ir/graph.ts";
import type { Model } from "../../src/ir/model.ts";
import { Tensor } from "../../src/ir/tensor.ts";
import type { Value } from "../../src/ir/value.ts";
import { foldConstants } from "../../src/transforms/fold-constants.ts";
import { foldPads } from "../../src/transforms/fold-pads.ts";
import { mergeReshapes } from "../../src/transforms/merge-reshapes.ts";
import { removeUnused } from "../../src/transforms/remove-unused.ts";
import { repeat } from "../../src/transforms/repeat.ts";
import { useGlobalPooling } from "../../src/transforms/use-global-pooling.ts";
import { applyTo, operators, testTransformContract } from "./transform-contract.ts";

const SHAPE = [2, 4, 6, 6];
const build = (add: (graph: Graph, x: Value) => Value, opset = 17): Model =>
  createTestModel({ inputs: { x: SHAPE }, opset, build: (graph, x) => add(graph, x as Value) });

testTransformContract({
  create: foldConstants,
  match: () =>
    build((g, x) => {
      const root = addNode(
        g,
        "Sqrt",
        [floatConstant(g, "four", [4, 1, 1], [1, 4, 9, 16])],
        [4, 1, 1],
      );
      return addNode(g, "Mul", [x, addNode(g, "Neg", [root], [4, 1, 1])], SHAPE);
    }),
  noMatch: () => build((g, x) => unary(g, "Neg", addNode(g, "Sqrt", [unary(g, "Exp", x)], SHAPE))),
});

describe("foldConstants", () => {
  /** Reshape to [batch, 2, 2, H, W], all from Shape, as exporters write a channel shuffle. */
  const shuffled = (): Model => {
    const model = build((g, x) => {
      const dims = addNode(g, "Shape", [x], [4]);
      const dim = (index: number): Value =>
        addNode(
          g,
          "Unsqueeze",
          [addNode(g, "Gather", [dims, g.addInitializer("i", scalarInt(index))], [])],
          [1],
          {
            axes: ints([0]),
          },
        );
      const half = addNode(g, "Div", [dim(1), intConstant(g, "two", [2])], [1]);
      const target = addNode(
        g,
        "Concat",
        [dim(0), intConstant(g, "groups", [2]), half, dim(2), intConstant(g, "w", [6])],
        [5],
        { axis: int(0) },
      );
      return addNode(g, "Reshape", [x, target], [2, 2, 2, 6, 6]);
    }, 11);
    const [input] = model.graph.inputs;
    if (input) input.type = { kind: "tensor", dtype: "float32", shape: ["batch", 4, "height", 6] };
    const [output] = model.graph.outputs;
    if (output) output.type = { kind: "tensor", dtype: "float32" };
    return model;
  };

  it("computes a Reshape's target as far as it holds at every input size", async () => {
    const step = repeat([foldConstants(), removeUnused()]);
    const { model, original } = await applyTo(shuffled(), step);
    expect(operators(model)).toBe("Reshape");
    const [node] = [...model.graph.nodes];
    expect([...(node?.input(1)?.tensor?.toNumbers() ?? [])]).toEqual([0, 2, 2, -1, 6]);
    for (const shape of [
      [1, 4, 3, 6],
      [3, 4, 8, 6],
    ]) {
      await expectSameOutputs(model, original, { inputShapes: { x: shape } });
    }
  });

  it("leaves a target of which two dims depend on the input", async () => {
    const model = shuffled();
    const [input] = model.graph.inputs;
    if (input)
      input.type = { kind: "tensor", dtype: "float32", shape: [1, "channels", "height", 6] };
    const { model: result } = await applyTo(model, repeat([foldConstants(), removeUnused()]));
    expect(operators(result)).toContain("Concat Reshape");
  });

  it("creates nothing larger than allowed", async () => {
    const model = build((g, x) => {
      const wide = addNode(
        g,
        "Expand",
        [floatConstant(g, "c", [1], [2]), intConstant(g, "s", [2, 4, 6, 6])],
        SHAPE,
      );
      return addNode(g, "Mul", [x, wide], SHAPE);
    });
    const refused = await applyTo(model, foldConstants({ maxElements: 100 }));
    expect(operators(refused.model)).toBe("Expand Mul");
    const folded = await applyTo(model, foldConstants({ maxElements: 288 }));
    expect(operators(folded.model)).toBe("Mul");
  });

  it("validates its options when it is made", () => {
    expect(() => foldConstants({ maxElements: 0 })).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
  });
});

testTransformContract({
  create: foldPads,
  match: () => build((g, x) => conv(g, zeroPad(g, x, [0, 0, 1, 2, 0, 0, 3, 0]), { out: 3 })),
  // Not zeros.
  noMatch: () =>
    build((g, x) => {
      const padded = addNode(
        g,
        "Pad",
        [x, intConstant(g, "p", [0, 0, 1, 1, 0, 0, 1, 1]), floatConstant(g, "v", [], [1])],
        [2, 4, 8, 8],
      );
      return conv(g, padded, { out: 3 });
    }),
});

describe("foldPads", () => {
  it("folds into AveragePool, which then counts the padding", async () => {
    const built = build((g, x) =>
      pool(g, zeroPad(g, x, [0, 0, 1, 1, 0, 0, 1, 1]), {
        kind: "AveragePool",
        kernel: 2,
        stride: 1,
      }),
    );
    const { model, original } = await applyTo(built, foldPads());
    expect(operators(model)).toBe("AveragePool");
    await expectSameOutputs(model, original);
  });

  it("does not fold padded channels, nor into MaxPool", async () => {
    const channels = build((g, x) => conv(g, zeroPad(g, x, [0, 1, 0, 0, 0, 1, 0, 0]), { out: 3 }));
    const maximum = build((g, x) =>
      pool(g, zeroPad(g, x, [0, 0, 1, 1, 0, 0, 1, 1]), { kind: "MaxPool" }),
    );
    for (const model of [channels, maximum]) {
      expect((await applyTo(model, foldPads())).report.modified).toBe(false);
    }
  });
});

testTransformContract({
  create: mergeReshapes,
  match: () =>
    build((g, x) => {
      const there = transpose(g, unary(g, "Relu", x), [0, 2, 3, 1]);
      return unary(
        g,
        "Neg",
        reshape(g, reshape(g, transpose(g, there, [0, 2, 1, 3]), [2, 36, 4]), [8, 36]),
      );
    }),
  noMatch: () => build((g, x) => reshape(g, transpose(g, x, [0, 2, 3, 1]), [2, 36, 4])),
});

describe("mergeReshapes", () => {
  it("removes transposes, squeezes and unsqueezes that undo each other", async () => {
    const transposes = build((g, x) =>
      unary(g, "Neg", transpose(g, transpose(g, unary(g, "Exp", x), [0, 2, 3, 1]), [0, 3, 1, 2])),
    );
    const squeezes = build((g, x) => {
      const axes = intConstant(g, "axes", [1]);
      const wide = addNode(g, "Unsqueeze", [unary(g, "Exp", x), axes], [2, 1, 4, 6, 6]);
      return unary(g, "Neg", addNode(g, "Squeeze", [wide, axes], SHAPE));
    });
    for (const built of [transposes, squeezes]) {
      const { model, original } = await applyTo(built, mergeReshapes());
      expect(operators(model)).toBe("Exp Neg");
      await expectSameOutputs(model, original);
    }
  });

  it("keeps a Reshape that the next one copies a dim of", async () => {
    const built = build((g, x) => {
      const first = reshape(g, x, [8, 36]);
      return addNode(g, "Reshape", [first, intConstant(g, "s", [0, 6, 6])], [8, 6, 6]);
    });
    expect((await applyTo(built, mergeReshapes())).report.modified).toBe(false);
  });
});

for (const opset of [13, 18]) {
  testTransformContract({
    create: useGlobalPooling,
    match: () => build((g, x) => reduceMean(g, x, { axes: [-1, 2] }), opset),
    noMatch: () => build((g, x) => reduceMean(g, x, { axes: [2, 3], keepDims: false }), opset),
  });
}

function scalarInt(number: number): Tensor {
  return Tensor.int64([number], []);
}

function zeroPad(g: Graph, x: Value, pads: readonly number[]): Value {
  const shape = shapeOf(x).map((dim, axis) => dim + (pads[axis] ?? 0) + (pads[axis + 4] ?? 0));
  return addNode(g, "Pad", [x, intConstant(g, "pads", pads)], shape);
}
