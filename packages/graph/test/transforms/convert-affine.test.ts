import {
  addNode,
  affine,
  conv,
  createTestModel,
  expectSameOutputs,
  floatConstant,
  globalAveragePool,
  hardSwish,
  shapeOf,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/ir/graph.ts";
import type { Model } from "../../src/ir/model.ts";
import type { Value } from "../../src/ir/value.ts";
import { convertAffine } from "../../src/transforms/convert-affine.ts";
import { applyTo, operators, testTransformContract } from "./transform-contract.ts";

function between(width: number, add: (graph: Graph, x: Value) => Value): Model {
  return createTestModel({
    inputs: { x: [1, 3, 6, 6] },
    build: (g, x) => conv(g, add(g, hardSwish(g, conv(g, x as Value, { out: width }))), { out: 4 }),
  });
}

testTransformContract({
  create: convertAffine,
  match: () => between(16, (g, x) => affine(g, x, { perChannel: true })),
  // Not a whole number of blocks.
  noMatch: () => between(24, (g, x) => affine(g, x, { perChannel: true })),
});

describe("convertAffine", () => {
  it("writes a Mul and an Add as one depthwise convolution", async () => {
    const { model, original } = await applyTo(
      between(32, (g, x) => affine(g, x)),
      convertAffine(),
    );
    expect(operators(model)).toBe("Conv HardSwish Conv Conv");
    expect([...model.graph.nodes][2]?.int("group")).toBe(32);
    await expectSameOutputs(model, original);
  });

  it("leaves what no convolution computes or reads", async () => {
    const ofInput = createTestModel({
      inputs: { x: [1, 16, 6, 6] },
      build: (g, x) => conv(g, affine(g, x as Value), { out: 4 }),
    });
    const returned = createTestModel({
      inputs: { x: [1, 3, 6, 6] },
      build: (g, x) => affine(g, conv(g, x as Value, { out: 16 })),
    });
    for (const model of [ofInput, returned]) {
      expect((await applyTo(model, convertAffine())).report.modified).toBe(false);
    }
  });

  it("takes what a squeeze-and-excitation gate reads", async () => {
    const built = between(16, (g, x) => {
      const shifted = addNode(g, "Add", [x, floatConstant(g, "b", [1], [0.5])], shapeOf(x));
      return addNode(g, "Mul", [shifted, globalAveragePool(g, shifted)], shapeOf(x));
    });
    const { model, original } = await applyTo(built, convertAffine());
    expect(operators(model)).toBe("Conv HardSwish Conv GlobalAveragePool Mul Conv");
    await expectSameOutputs(model, original);
  });
});
