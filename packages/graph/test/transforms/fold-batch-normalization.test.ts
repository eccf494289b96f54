import {
  addNode,
  batchNormalization,
  conv,
  convTranspose,
  createTestModel,
  expectSameOutputs,
  floatConstant,
  gemm,
  randomWeight,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/ir/graph.ts";
import type { Model } from "../../src/ir/model.ts";
import type { Value } from "../../src/ir/value.ts";
import { foldBatchNormalization } from "../../src/transforms/fold-batch-normalization.ts";
import { applyTo, operators, testTransformContract } from "./transform-contract.ts";

const build = (add: (graph: Graph, x: Value) => Value, shape = [2, 4, 6, 6]): Model =>
  createTestModel({ inputs: { x: shape }, build: (graph, x) => add(graph, x as Value) });

testTransformContract({
  create: foldBatchNormalization,
  match: () => build((g, x) => batchNormalization(g, conv(g, x, { out: 6, bias: false }))),
  // The convolution after it pads.
  noMatch: () => build((g, x) => conv(g, batchNormalization(g, unary(g, "Relu", x)), { out: 6 })),
});

describe("foldBatchNormalization", () => {
  it.each([
    ["Conv", (g: Graph, x: Value) => conv(g, x, { out: 6, group: 2 }), [2, 4, 6, 6]],
    [
      "ConvTranspose",
      (g: Graph, x: Value) => convTranspose(g, x, { out: 6, group: 2 }),
      [2, 4, 6, 6],
    ],
    ["Gemm", (g: Graph, x: Value) => gemm(g, x, { out: 6 }), [2, 4]],
  ] as const)("folds into the %s before", async (opType, add, shape) => {
    const built = build((g, x) => batchNormalization(g, add(g, x)), [...shape]);
    const { model, original } = await applyTo(built, foldBatchNormalization());
    expect(operators(model)).toBe(opType);
    await expectSameOutputs(model, original);
  });

  it("folds into the convolution after, if that does not pad", async () => {
    const built = build((g, x) =>
      conv(g, batchNormalization(g, unary(g, "Relu", x)), { out: 6, pad: 0 }),
    );
    const { model, original } = await applyTo(built, foldBatchNormalization());
    expect(operators(model)).toBe("Relu Conv");
    await expectSameOutputs(model, original);
  });

  it("folds into a padding convolution after, if it shifts nothing", async () => {
    const built = build((g, x) => {
      const zeros = floatConstant(g, "zeros", [4], [0, 0, 0, 0]);
      const scale = randomWeight(g, "scale", [4], 0.5, 1.5);
      const variance = randomWeight(g, "variance", [4], 0.5, 1.5);
      const inputs = [unary(g, "Relu", x), scale, zeros, zeros, variance];
      return conv(g, addNode(g, "BatchNormalization", inputs, [2, 4, 6, 6]), { out: 6 });
    });
    const { model, original } = await applyTo(built, foldBatchNormalization());
    expect(operators(model)).toBe("Relu Conv");
    await expectSameOutputs(model, original);
  });

  it("does not fold into a convolution that something else reads", async () => {
    const built = createTestModel({
      inputs: { x: [1, 4, 6, 6] },
      build(g, x) {
        const y = conv(g, x as Value, { out: 4 });
        return [batchNormalization(g, y), unary(g, "Relu", y)];
      },
    });
    expect((await applyTo(built, foldBatchNormalization())).report.modified).toBe(false);
  });
});
