import {
  addNode,
  conv,
  createTestModel,
  expectSameOutputs,
  globalAveragePool,
  hardSigmoid,
  shapeOf,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import type { Model } from "../../src/ir/model.ts";
import type { Value } from "../../src/ir/value.ts";
import { factorGatedResiduals } from "../../src/transforms/factor-gated-residuals.ts";
import { applyTo, operators, testTransformContract } from "./transform-contract.ts";

function gated(isPooled: boolean, isReturned = false): Model {
  return createTestModel({
    inputs: { x: [2, 4, 6, 6] },
    build(g, x) {
      const data = conv(g, x as Value, { out: 4 });
      const pooled = isPooled ? globalAveragePool(g, data) : data;
      const gate = hardSigmoid(g, conv(g, pooled, { out: 4, kernel: 1 }));
      const product = addNode(g, "Mul", [data, gate], shapeOf(data));
      const sum = addNode(g, "Add", [data, product], shapeOf(data));
      return isReturned ? [sum, product] : sum;
    },
  });
}

testTransformContract({
  create: factorGatedResiduals,
  match: () => gated(true),
  noMatch: () => gated(false),
});

describe("factorGatedResiduals", () => {
  it("adds to the gate instead of the map", async () => {
    const { model, original } = await applyTo(gated(true), factorGatedResiduals());
    expect(operators(model)).toBe("Conv GlobalAveragePool Conv HardSigmoid Add Mul");
    await expectSameOutputs(model, original);
  });

  it("keeps a product that something else reads", async () => {
    const { report } = await applyTo(gated(true, true), factorGatedResiduals());
    expect(report.modified).toBe(false);
  });
});
