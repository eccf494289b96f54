import { int, type Value } from "@ocrslim/graph";
import { addNode, createTestModel, intConstant } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { backpropagate } from "../../../src/gradients/backpropagate.ts";
import { createOps } from "../../../src/ops/ops.ts";
import { checkGradients } from "../../support/check-gradients.ts";
import { derivativesAt } from "./derivative-at.ts";

const DIMS = [2, 3, 4];

async function checkReduction(
  opType: string,
  axes: readonly number[] | undefined,
  keepDims: boolean | undefined,
  range: [number, number],
): Promise<void> {
  const reduced = axes && axes.length > 0 ? axes.map((axis) => (axis + 3) % 3) : [0, 1, 2];
  const result =
    keepDims === false
      ? DIMS.filter((_, axis) => !reduced.includes(axis))
      : DIMS.map((dim, axis) => (reduced.includes(axis) ? 1 : dim));
  await checkGradients(
    {
      inputs: { x: DIMS },
      opset: 18,
      build: (graph, x) => {
        const inputs = axes ? [x as Value, intConstant(graph, "axes", axes)] : [x as Value];
        return addNode(
          graph,
          opType,
          inputs,
          result,
          keepDims === undefined ? {} : { keepdims: int(keepDims ? 1 : 0) },
        );
      },
    },
    { wrt: ["x"], range },
  );
}

describe("reduction rules against finite differences", () => {
  const operators: readonly (readonly [string, [number, number]])[] = [
    ["ReduceSum", [-2, 2]],
    ["ReduceMean", [-2, 2]],
    ["ReduceMax", [-2, 2]],
    ["ReduceMin", [-2, 2]],
    ["ReduceL1", [-2, 2]],
    ["ReduceL2", [-2, 2]],
    ["ReduceSumSquare", [-2, 2]],
    ["ReduceLogSum", [0.3, 2]],
    ["ReduceLogSumExp", [-2, 2]],
  ];
  for (const [opType, range] of operators) {
    it(`${opType} over some axes or all, kept or not`, async () => {
      for (const axes of [undefined, [], [0], [-1], [1, 2], [-1, 0], [0, 1, 2]]) {
        for (const keepDims of [undefined, true, false]) {
          await checkReduction(opType, axes, keepDims, range);
        }
      }
    });
  }

  for (const opType of ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"]) {
    it(`${opType} of no axes, with noop_with_empty_axes, passes the gradient on`, async () => {
      await checkGradients({
        inputs: { x: [2, 3] },
        opset: 18,
        build: (graph, x) => {
          const same = addNode(graph, opType, [x as Value], [2, 3], {
            noop_with_empty_axes: int(1),
          });
          return addNode(graph, "Mul", [same, same], [2, 3]);
        },
      });
    });
  }
});

describe("reduction rules at kinks", () => {
  it("equal extremes share evenly", async () => {
    const max = await derivativesAt({ opType: "ReduceMax", inputs: { x: [1, 3, 3, 2] } });
    expect(max["x"]).toEqual([0, 0.5, 0.5, 0]);
    const min = await derivativesAt({ opType: "ReduceMin", inputs: { x: [4, 1, 1, 1, 2] } });
    const third = Math.fround(1 / 3);
    expect(min["x"]).toEqual([0, third, third, third, 0]);
  });

  it("the norms have slope 0 at 0", async () => {
    const l1 = await derivativesAt({ opType: "ReduceL1", inputs: { x: [0, -2] } });
    expect(l1["x"]).toEqual([0, -1]);
    const l2 = await derivativesAt({ opType: "ReduceL2", inputs: { x: [0, 0] } });
    expect(l2["x"]).toEqual([0, 0]);
  });
});

describe("forms of reductions that are not covered", () => {
  it("axes that are computed are refused, as they leave the shape open", () => {
    const model = createTestModel({
      inputs: { x: [2, 3] },
      opset: 18,
      build: (graph, x) => {
        const axes = graph.addInput("axes", { kind: "tensor", dtype: "int64", shape: [1] });
        return addNode(graph, "ReduceSum", [x as Value, axes], [1, 1]);
      },
    });
    const ops = createOps(model);
    const [x] = model.graph.inputs;
    const [loss] = model.graph.outputs;
    const attempt = (): unknown => loss && x && backpropagate(ops, { loss, wrt: [x] });
    expect(attempt).toThrow(expect.objectContaining({ code: "unknown-shape" }));
  });

  it("a norm over no axes is refused", async () => {
    const attempt = derivativesAt({
      opType: "ReduceL2",
      inputs: { x: [1, 2] },
      attributes: { noop_with_empty_axes: int(1) },
    });
    await expect(attempt).rejects.toMatchObject({ code: "unsupported" });
  });
});
