import { type AttributeContent, float, int, string, type Value } from "@ocrslim/graph";
import { addNode, floatConstant, randomWeight, shapeOf } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { TrainError } from "../../../src/errors.ts";
import { type CheckGradientsOptions, checkGradients } from "../../support/check-gradients.ts";
import { derivativesAt } from "./derivative-at.ts";

type Attributes = Readonly<Record<string, AttributeContent>>;

async function checkUnary(
  opType: string,
  attributes: Attributes = {},
  options: CheckGradientsOptions = {},
  opset = 18,
): Promise<void> {
  await checkGradients(
    {
      inputs: { x: [2, 3, 4, 5] },
      opset,
      build: (graph, x) => addNode(graph, opType, [x as Value], [2, 3, 4, 5], attributes),
    },
    options,
  );
}

describe("activation rules against finite differences", () => {
  const cases: readonly (readonly [string, Attributes?, number?])[] = [
    ["Relu"],
    ["LeakyRelu"],
    ["LeakyRelu", { alpha: float(0) }],
    ["LeakyRelu", { alpha: float(1.5) }],
    ["LeakyRelu", { alpha: float(-0.5) }],
    ["Elu"],
    ["Elu", { alpha: float(0.4) }],
    ["Selu"],
    ["Selu", { alpha: float(0.5), gamma: float(2) }],
    ["Celu"],
    ["Celu", { alpha: float(2) }],
    ["HardSigmoid"],
    ["HardSigmoid", { alpha: float(1 / 6), beta: float(0.5) }],
    ["HardSigmoid", { alpha: float(-0.3), beta: float(0.1) }],
    ["HardSwish"],
    ["ThresholdedRelu"],
    ["ThresholdedRelu", { alpha: float(-0.5) }],
    ["Sigmoid"],
    ["Tanh"],
    ["Softplus"],
    ["Softsign"],
    ["Mish"],
    ["Gelu", {}, 20],
    ["Gelu", { approximate: string("none") }, 20],
    ["Gelu", { approximate: string("tanh") }, 20],
  ];
  for (const [opType, attributes = {}, opset = 18] of cases) {
    const named = Object.entries(attributes).map(([name, { value }]) => `${name} ${value}`);
    it(`${[opType, ...named].join(" ")} over [-6, 6]`, async () => {
      await checkUnary(opType, attributes, { range: [-6, 6] }, opset);
    });
  }

  for (const axis of [-1, 0, 1, 2, 3, -3]) {
    it(`Softmax and LogSoftmax over axis ${axis}`, async () => {
      await checkUnary("Softmax", { axis: int(axis) }, { range: [-3, 3] });
      await checkUnary("LogSoftmax", { axis: int(axis) }, { range: [-3, 3] });
    });
  }

  it("Softmax over the last axis by default", async () => {
    await checkUnary("Softmax");
    await checkUnary("LogSoftmax");
  });

  for (const slope of [[1], [3, 1, 1], [4, 5], [2, 3, 4, 5], []]) {
    it(`PRelu with a slope of dims [${slope}]`, async () => {
      await checkGradients(
        {
          inputs: { x: [2, 3, 4, 5] },
          opset: 18,
          build: (graph, x) =>
            addNode(
              graph,
              "PRelu",
              [x as Value, randomWeight(graph, "slope", slope)],
              [2, 3, 4, 5],
            ),
        },
        { wrt: ["x", "slope"], range: [-2, 2] },
      );
    });
  }

  for (const [low, high] of [
    [-1, 1.5],
    [0, undefined],
    [undefined, 1],
    [undefined, undefined],
  ]) {
    it(`Clip to [${low ?? "none"}, ${high ?? "none"}], and its bounds`, async () => {
      await checkGradients(
        {
          inputs: { x: [3, 4, 5] },
          opset: 18,
          build: (graph, x) => {
            const bound = (name: string, value: number | undefined): Value | undefined =>
              value === undefined ? undefined : floatConstant(graph, name, [], [value]);
            return addNode(
              graph,
              "Clip",
              [x as Value, bound("low", low), bound("high", high)],
              shapeOf(x as Value),
            );
          },
        },
        {
          wrt: [
            "x",
            ...(low === undefined ? [] : ["low"]),
            ...(high === undefined ? [] : ["high"]),
          ],
          range: [-3, 3],
        },
      );
    });
  }
});

describe("activation rules at kinks", () => {
  const x = [-1e-6, -0, 0, 1e-6];

  it("Relu has slope 0 at 0, also beside tiny and huge inputs", async () => {
    const { x: slopes } = await derivativesAt({
      opType: "Relu",
      inputs: { x: [...x, -3e38, 1e-18, 3e38] },
    });
    expect(slopes).toEqual([0, 0, 0, 1, 0, 1, 1]);
  });

  it("Relu of doubles has slope 0 at 0", async () => {
    const { x: slopes } = await derivativesAt({
      inputs: { x },
      build: (ops, value) => ops.cast(ops.relu(ops.cast(value, "float64")), "float32"),
    });
    expect(slopes).toEqual([0, 0, 0, 1]);
  });

  it("LeakyRelu and PRelu have the slope of the negative side at 0", async () => {
    const leaky = await derivativesAt({
      opType: "LeakyRelu",
      inputs: { x },
      attributes: { alpha: float(0.25) },
    });
    expect(leaky["x"]).toEqual([0.25, 0.25, 0.25, 1]);
    const prelu = await derivativesAt({ opType: "PRelu", inputs: { x, slope: [0.25] } });
    expect(prelu["x"]).toEqual([0.25, 0.25, 0.25, 1]);
  });

  it("Clip has slope 1 at its bounds and 0 beyond", async () => {
    const { x: slopes } = await derivativesAt({
      inputs: { x: [-0.001, 0, 3, 6, 6.001] },
      build: (ops, value) => ops.clip(value, 0, 6),
    });
    expect(slopes).toEqual([0, 1, 1, 1, 0]);
  });

  it("a bound of Clip gets the gradient of what lies beyond it", async () => {
    const gradients = await derivativesAt({
      inputs: { x: [-3, -2, -1, 0, 1, 5], low: [-1.5], high: [2] },
      build: (ops, value, low, high) =>
        ops.node("Clip", [value, low && ops.reshape(low, []), high && ops.reshape(high, [])]),
    });
    expect(gradients).toEqual({ x: [0, 0, 1, 1, 1, 0], low: [2], high: [1] });
  });

  it("HardSwish is flat up to -3, of slope 1 from 3 on, and jumps at both", async () => {
    const inputs = { x: [-1e9, -4, -3, -2.999, -1.5, 0, 1.5, 2.999, 3, 4, 1e9] };
    const { x: slopes = [] } = await derivativesAt({ opType: "HardSwish", inputs });
    const expected = [0, 0, 0, -2.998 / 6, 0, 0.5, 1, 8.998 / 6, 1, 1, 1];
    slopes.forEach((slope, index) => {
      expect(slope).toBeCloseTo(expected[index] ?? Number.NaN, 5);
    });
  });

  it("HardSigmoid has slope 0 at both ends", async () => {
    const { x: slopes } = await derivativesAt({
      opType: "HardSigmoid",
      inputs: { x: [-3, -2, -1.999, 0, 1.999, 2, 3] },
      attributes: { alpha: float(0.25), beta: float(0.5) },
    });
    expect(slopes).toEqual([0, 0, 0.25, 0.25, 0.25, 0, 0]);
  });
});

describe("forms of activations that are not covered", () => {
  it("an unknown approximation of Gelu is refused", async () => {
    const attempt = derivativesAt({
      opType: "Gelu",
      inputs: { x: [1] },
      attributes: { approximate: string("cubic") },
    });
    await expect(attempt).rejects.toThrow(TrainError);
    await expect(attempt).rejects.toMatchObject({ code: "unsupported" });
  });
});
