import {
  addNode,
  createTestModel,
  expectSameOutputs,
  floatConstant,
  intConstant,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { float, floats, int, ints, string } from "../../src/ir/attribute.ts";
import type { Graph } from "../../src/ir/graph.ts";
import type { Model } from "../../src/ir/model.ts";
import type { Value } from "../../src/ir/value.ts";
import { upgradeOpset } from "../../src/transforms/upgrade-opset.ts";
import { applyTo, testTransformContract } from "./transform-contract.ts";

const SHAPE = [1, 4, 6, 6];
const build = (opset: number, add: (graph: Graph, x: Value) => Value): Model =>
  createTestModel({ inputs: { x: SHAPE }, opset, build: (graph, x) => add(graph, x as Value) });

testTransformContract({
  create: () => upgradeOpset(14),
  match: () =>
    build(10, (g, x) => addNode(g, "Clip", [x], SHAPE, { min: float(-0.5), max: float(0.5) })),
  noMatch: () => build(14, (g, x) => unary(g, "HardSwish", x)),
});

describe("upgradeOpset", () => {
  const cases: Record<string, readonly [number, (g: Graph, x: Value) => Value]> = {
    Squeeze: [11, (g, x) => addNode(g, "Squeeze", [x], [4, 6, 6], { axes: ints([0]) })],
    Unsqueeze: [11, (g, x) => addNode(g, "Unsqueeze", [x], [1, 1, 4, 6, 6], { axes: ints([1]) })],
    ReduceSum: [11, (g, x) => addNode(g, "ReduceSum", [x], [1, 4, 1, 1], { axes: ints([2, 3]) })],
    ReduceMean: [
      11,
      (g, x) => addNode(g, "ReduceMean", [x], [1, 4], { axes: ints([2, 3]), keepdims: int(0) }),
    ],
    Pad: [
      10,
      (g, x) =>
        addNode(g, "Pad", [x], [1, 4, 8, 6], {
          pads: ints([0, 0, 1, 0, 0, 0, 1, 0]),
          value: float(2),
        }),
    ],
    Slice: [
      9,
      (g, x) =>
        addNode(g, "Slice", [x], [1, 4, 2, 6], {
          starts: ints([1]),
          ends: ints([3]),
          axes: ints([2]),
        }),
    ],
    Split: [
      11,
      (g, x) =>
        addNode(
          g,
          "Neg",
          [
            g.createNode({
              opType: "Split",
              inputs: [x],
              outputs: ["s1", "s2"],
              attributes: { axis: int(1), split: ints([1, 3]) },
            }).output,
          ],
          [1, 1, 6, 6],
        ),
    ],
    "even Split": [
      11,
      (g, x) =>
        addNode(
          g,
          "Neg",
          [
            g.createNode({
              opType: "Split",
              inputs: [x],
              outputs: ["s1", "s2"],
              attributes: { axis: int(1) },
            }).output,
          ],
          [1, 2, 6, 6],
        ),
    ],
    Dropout: [11, (g, x) => addNode(g, "Dropout", [x], SHAPE, { ratio: float(0.5) })],
    Softmax: [11, (g, x) => addNode(g, "Softmax", [x], SHAPE, { axis: int(3) })],
    Upsample: [
      9,
      (g, x) =>
        addNode(g, "Upsample", [x, floatConstant(g, "s", [4], [1, 1, 2, 3])], [1, 4, 12, 18], {
          mode: string("nearest"),
        }),
    ],
    "Upsample with an attribute": [
      7,
      (g, x) =>
        addNode(g, "Upsample", [x], [1, 4, 12, 12], {
          mode: string("linear"),
          scales: floats([1, 1, 2, 2]),
        }),
    ],
    "Resize of opset 10": [
      10,
      (g, x) =>
        addNode(g, "Resize", [x, floatConstant(g, "s", [4], [1, 1, 2, 2])], [1, 4, 12, 12], {
          mode: string("nearest"),
        }),
    ],
    "Resize of opset 11": [
      11,
      (g, x) =>
        addNode(
          g,
          "Resize",
          [x, floatConstant(g, "r", [0], []), floatConstant(g, "s", [4], [1, 1, 2, 2])],
          [1, 4, 12, 12],
          { mode: string("linear"), coordinate_transformation_mode: string("half_pixel") },
        ),
    ],
    TopK: [
      9,
      (g, x) =>
        g.createNode({
          opType: "TopK",
          inputs: [x],
          outputs: ["values", "indices"],
          attributes: { k: int(2) },
        }).output,
    ],
  };
  for (const [name, [opset, add]] of Object.entries(cases)) {
    it(`keeps the meaning of ${name} from opset ${opset} to 20`, async () => {
      const built = build(opset, (g, x) => addNode(g, "Neg", [add(g, unary(g, "Tanh", x))], []));
      const [output] = built.graph.outputs;
      if (output) output.type = { kind: "tensor", dtype: "float32" };
      const { model, original } = await applyTo(built, upgradeOpset(20));
      expect(model.opset).toBe(20);
      expect(model.irVersion).toBe(9);
      await expectSameOutputs(model, original);
    });
  }

  it("refuses, before anything changes, what it does not know to keep its meaning", async () => {
    const flat = build(11, (g, x) => addNode(g, "Softmax", [x], SHAPE, { axis: int(1) }));
    const unknown = build(11, (g, x) =>
      addNode(g, "RoiAlign", [x, x, intConstant(g, "b", [0])], SHAPE),
    );
    for (const model of [flat, unknown]) {
      const step = upgradeOpset(14);
      expect(() => step.check?.(model)).toThrow(expect.objectContaining({ code: "unsupported" }));
      expect(model.opset).toBe(11);
    }
  });

  it("validates its target when it is made", () => {
    for (const target of [6, 21, 11.5]) {
      expect(() => upgradeOpset(target)).toThrow(
        expect.objectContaining({ code: "invalid-option" }),
      );
    }
  });
});
