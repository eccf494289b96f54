import { conv, createTestModel, globalAveragePool, mul, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import type { Model } from "../../../src/ir/model.ts";
import type { Value } from "../../../src/ir/value.ts";
import { gateIntoWeights } from "../../../src/transforms/fit-runtime/gate-into-weights.ts";
import { poolingBeforeConvolution } from "../../../src/transforms/fit-runtime/pooling-before-convolution.ts";
import { rewriteAndCompare } from "./apply-rewrite.ts";
import { gatedPointwise } from "./layers.ts";

const gated = (batch: number, bias = false): Model =>
  createTestModel({
    inputs: { x: [batch, 3, 5, 4] },
    build: (g, x) => conv(g, gatedPointwise(g, x as Value, 6, bias), { out: 2 }),
  });

describe("gateIntoWeights", () => {
  it("multiplies the weights for each image, at any size", async () => {
    for (const batch of [1, 3]) {
      const { left } = await rewriteAndCompare(gated(batch), gateIntoWeights, {
        variant: "product",
      });
      expect(left).toContain("MatMul Shape Slice Concat Reshape Conv");
      expect(left).not.toMatch(/Mul Conv$/);
    }
  });

  it("becomes a convolution with computed weights for one image only", async () => {
    const options = { variant: "convolution" };
    const single = await rewriteAndCompare(gated(1), gateIntoWeights, options);
    expect(single.left).not.toContain("MatMul");
    expect(single.count).toBe(1);
    expect((await rewriteAndCompare(gated(2), gateIntoWeights, options)).count).toBe(0);
  });

  it("leaves biases and full-size factors", async () => {
    expect((await rewriteAndCompare(gated(1, true), gateIntoWeights)).count).toBe(0);
    const full = createTestModel({
      inputs: { x: [1, 3, 5, 4] },
      build: (g, x) =>
        mul(
          g,
          conv(g, x as Value, { out: 6, kernel: 1, bias: false }),
          unary(g, "Sigmoid", conv(g, x as Value, { out: 6, kernel: 1 })),
        ),
    });
    expect((await rewriteAndCompare(full, gateIntoWeights)).count).toBe(0);
  });

  it("keeps the convolution where others read it, such as the mean that makes the gate", async () => {
    const shared = createTestModel({
      inputs: { x: [1, 3, 5, 4] },
      build(g, x) {
        const y = conv(g, x as Value, { out: 6, kernel: 1, bias: false });
        return mul(g, y, unary(g, "Sigmoid", globalAveragePool(g, y)));
      },
    });
    const { left } = await rewriteAndCompare(shared, gateIntoWeights, { variant: "convolution" });
    expect(left).toBe("Conv GlobalAveragePool Sigmoid Reshape Mul Reshape Conv");
  });
});

describe("poolingBeforeConvolution", () => {
  const pooled = (options: Parameters<typeof conv>[2]): Model =>
    createTestModel({
      inputs: { x: [2, 4, 5, 6] },
      build: (g, x) => globalAveragePool(g, conv(g, x as Value, options)),
    });

  it("swaps the mean and a 1×1 convolution, grouped or not", async () => {
    for (const options of [
      { out: 6, kernel: 1 },
      { out: 6, kernel: 1, group: 2, bias: false },
    ]) {
      const { left } = await rewriteAndCompare(pooled(options), poolingBeforeConvolution);
      expect(left).toBe("GlobalAveragePool Conv");
    }
  });

  it("keeps the convolution where others read it", async () => {
    const model = createTestModel({
      inputs: { x: [2, 4, 5, 6] },
      build(g, x) {
        const y = conv(g, x as Value, { out: 6, kernel: 1 });
        return [mul(g, y, globalAveragePool(g, y))];
      },
    });
    const { left } = await rewriteAndCompare(model, poolingBeforeConvolution);
    expect(left).toBe("Conv GlobalAveragePool Conv Mul");
  });

  it("leaves convolutions that see more than one position, skip some or pad", async () => {
    for (const options of [
      { out: 6 },
      { out: 6, kernel: 1, stride: 2 },
      { out: 6, kernel: 1, pad: 1 },
    ]) {
      const result = await rewriteAndCompare(pooled(options), poolingBeforeConvolution);
      expect(result.count).toBe(0);
    }
  });
});
