import { checkModel, encodeModel, type Model, Tensor, type Value } from "@ocrslim/graph";
import { captureValues, createRuntime } from "@ocrslim/runtime";
import {
  addNode,
  batchNormalization,
  conv,
  createTestModel,
  depthwise,
  gemm,
  matMul,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  adam,
  type Batch,
  buildTrainingStep,
  clipByNorm,
  createOrtEngine,
  findParameters,
  sgd,
  type TrainErrorCode,
  withoutDecay,
} from "../../src/index.ts";
import {
  randomBatch,
  runSteps,
  squaredError,
  squaredErrorStep,
  unpackState,
} from "../support/sessions.ts";

const OPSET = 17;
const only = (value: Value | undefined): Value => {
  if (!value) throw new TypeError("no input");
  return value;
};

/** y = x·Wᵀ + b, [4, 3] → [4, 2]. */
const linear = (): Model =>
  createTestModel({
    opset: OPSET,
    inputs: { x: [4, 3] },
    build: (graph, x) => gemm(graph, only(x), { out: 2 }),
  });

const convolutional = (): Model =>
  createTestModel({
    opset: OPSET,
    inputs: { x: [2, 3, 8, 8] },
    build: (graph, x) => {
      const first = conv(graph, only(x), { out: 8, kernel: 3, pad: 1, bias: false });
      const normal = batchNormalization(graph, first);
      const active = unary(graph, "Relu", normal);
      const spread = depthwise(graph, active, { kernel: 3, pad: 1 });
      return conv(graph, spread, { out: 2, kernel: 1 });
    },
  });

const floats = (model: Model, name: string): readonly number[] => [
  ...(model.graph.value(name)?.tensor?.float32Values() ?? []),
];

/** Gradients of the squared error of {@link linear} in double precision. */
function linearGradients(
  weight: readonly number[],
  bias: readonly number[],
  x: ArrayLike<number>,
  t: ArrayLike<number>,
): { readonly weight: number[]; readonly bias: number[]; readonly loss: number } {
  const forWeight = new Array<number>(6).fill(0);
  const forBias = [0, 0];
  let loss = 0;
  for (let row = 0; row < 4; row++) {
    for (let out = 0; out < 2; out++) {
      let y = bias[out] as number;
      for (let at = 0; at < 3; at++) {
        y += (weight[out * 3 + at] as number) * (x[row * 3 + at] as number);
      }
      const difference = y - (t[row * 2 + out] as number);
      loss += difference ** 2 / 8;
      const slope = difference / 4;
      forBias[out] = (forBias[out] as number) + slope;
      for (let at = 0; at < 3; at++) {
        const index = out * 3 + at;
        forWeight[index] = (forWeight[index] as number) + slope * (x[row * 3 + at] as number);
      }
    }
  }
  return { weight: forWeight, bias: forBias, loss };
}

/** The value that the first node of a type gives. */
async function captureOne(model: Model, opType: string, feeds: Batch): Promise<Float32Array> {
  const node = [...model.graph.nodes].find((candidate) => candidate.opType === opType);
  const name = node?.output.name ?? "";
  let found = new Float32Array();
  await captureValues(createRuntime({ threads: 1 }), model, {
    values: [name],
    feeds: [Object.fromEntries(Object.entries(feeds).filter(([input]) => input === "x"))],
    onValues: (values) => {
      found = values[name]?.data as Float32Array<ArrayBuffer>;
    },
  });
  return found;
}

const expectNear = (actual: readonly number[] | undefined, expected: readonly number[]): void => {
  expect(actual?.length).toBe(expected.length);
  expected.forEach((value, index) => {
    expect(Math.abs((actual?.[index] ?? Number.NaN) - value)).toBeLessThan(1e-5);
  });
};

describe("buildTrainingStep", () => {
  it("makes the step that gradient descent makes by hand", async () => {
    const model = linear();
    const step = await squaredErrorStep(model, { optimizer: sgd() });
    const batch = randomBatch(step, 1);
    const { results, state } = await runSteps(step, [batch]);
    const weight = floats(model, "gemm_w");
    const bias = floats(model, "gemm_b");
    const gradients = linearGradients(
      weight,
      bias,
      batch["x"]?.data as Float32Array,
      batch["t"]?.data as Float32Array,
    );
    const trained = unpackState(step, state);
    expectNear(
      trained["gemm_w"],
      weight.map((value, index) => value - 0.1 * (gradients.weight[index] as number)),
    );
    expectNear(
      trained["gemm_b"],
      bias.map((value, index) => value - 0.1 * (gradients.bias[index] as number)),
    );
    expect(results[0]?.loss).toBeCloseTo(gradients.loss, 5);
    const norm = Math.hypot(...gradients.weight, ...gradients.bias);
    expect(results[0]?.gradientNorm).toBeCloseTo(norm, 5);
  });

  it("leaves the model as it is", async () => {
    const model = linear();
    const before = encodeModel(model);
    await squaredErrorStep(model, { optimizer: adam() });
    expect(encodeModel(model)).toEqual(before);
  });

  it("writes sound models of standard operators", async () => {
    for (const batchNormalizationMode of ["frozen", "trained"] as const) {
      const step = await squaredErrorStep(convolutional(), {
        optimizer: adam(),
        batchNormalization: batchNormalizationMode,
        accumulate: 2,
        emaDecay: 0.9,
        clip: clipByNorm(1),
      });
      for (const model of [step.step, step.objective, step.update]) {
        expect(checkModel(model).filter(({ severity }) => severity === "error")).toEqual([]);
        expect([...model.opsetImports.keys()]).toEqual([""]);
      }
      expect(step.state.map(({ name }) => name)).toEqual([
        "parameters",
        "adam/m",
        "adam/v",
        "ema",
        "gradient",
        ...(batchNormalizationMode === "trained" ? ["statistics"] : []),
      ]);
    }
  });

  it("sums the gradients of micro-batches", async () => {
    const model = linear();
    const whole = await squaredErrorStep(model, { optimizer: sgd() });
    const half = await squaredErrorStep(model, { optimizer: sgd(), accumulate: 2 });
    const [first, second] = [randomBatch(half, 1), randomBatch(half, 2)];
    const started = await runSteps(half, [first], { apply: false });
    expect(started.state["parameters"]).toEqual(half.initialState()["parameters"]);
    // The mean of two steps from the same weights, as the update is linear in the gradient.
    const one = await runSteps(whole, [first]);
    const other = await runSteps(whole, [second]);
    const engine = createOrtEngine({ runtime: createRuntime({ threads: 1 }) });
    await using session = await engine.load(half);
    await session.run(first, { learningRate: 0.1, update: 1, apply: false });
    await session.run(second, { learningRate: 0.1, update: 1 });
    const both = await session.readState();
    expectNear(
      [...(both["parameters"] ?? [])],
      [...(one.state["parameters"] ?? [])].map(
        (value, index) => (value + (other.state["parameters"]?.[index] as number)) / 2,
      ),
    );
    expect(both["gradient"]?.every((value) => value === 0)).toBe(true);
  });

  it("keeps a moving average", async () => {
    const step = await squaredErrorStep(linear(), { optimizer: sgd(), emaDecay: 0.75 });
    const start = step.initialState()["parameters"] ?? new Float32Array();
    const { state } = await runSteps(step, [randomBatch(step, 3)]);
    expectNear(
      [...(state["ema"] ?? [])],
      [...start].map((old, index) => 0.75 * old + 0.25 * (state["parameters"]?.[index] as number)),
    );
  });

  it("trains at the group's learning rate and decay", async () => {
    const model = linear();
    const groups = [
      { matches: ({ role }: { role: string }) => role === "bias", learningRateFactor: 0 },
      withoutDecay(),
    ];
    const step = await squaredErrorStep(model, {
      optimizer: sgd({ weightDecay: 0.5 }),
      groups,
    });
    const { state } = await runSteps(step, [randomBatch(step, 1)]);
    const trained = unpackState(step, state);
    expect(trained["gemm_b"]).toEqual(floats(model, "gemm_b"));
    expect(trained["gemm_w"]).not.toEqual(floats(model, "gemm_w"));
  });

  it("does not let biases and norms decay by default", async () => {
    const model = convolutional();
    const step = await squaredErrorStep(model, { optimizer: sgd({ weightDecay: 0.5 }) });
    const plain = await squaredErrorStep(model, { optimizer: sgd() });
    const batch = randomBatch(step, 1);
    const decayed = unpackState(step, (await runSteps(step, [batch])).state);
    const kept = unpackState(plain, (await runSteps(plain, [batch])).state);
    for (const { name, role } of findParameters(model)) {
      if (role === "weight") {
        expectNear(
          decayed[name],
          (kept[name] ?? []).map((value, at) => value - 0.05 * (floats(model, name)[at] as number)),
        );
      } else expectNear(decayed[name], kept[name] ?? []);
    }
  });

  it("trains only the parameters named", async () => {
    const step = await squaredErrorStep(linear(), { optimizer: sgd(), parameters: ["gemm_b"] });
    expect(step.parameters.map(({ name }) => name)).toEqual(["gemm_b"]);
    expect(step.step.graph.value("gemm_w")?.isInitializer).toBe(true);
  });

  it("normalizes by the batch and tracks its statistics when BatchNormalization is trained", async () => {
    const model = convolutional();
    const step = await squaredErrorStep(model, {
      optimizer: sgd(),
      batchNormalization: "trained",
    });
    const { state } = await runSteps(step, [randomBatch(step, 1)]);
    const running = unpackState(step, state, "statistics");
    expect(Object.keys(running)).toEqual(["bn_mean", "bn_var"]);
    const before = await captureOne(model, "Conv", randomBatch(step, 1));
    const channels = Array.from({ length: 8 }, (_, channel) =>
      [0, 1].flatMap((image) => [
        ...before.slice((image * 8 + channel) * 64, (image * 8 + channel + 1) * 64),
      ]),
    );
    const means = channels.map((values) => values.reduce((sum, value) => sum + value, 0) / 128);
    const variances = channels.map(
      (values, at) =>
        values.reduce((sum, value) => sum + (value - (means[at] as number)) ** 2, 0) / 128,
    );
    const blend = (name: string, batch: readonly number[]): readonly number[] =>
      floats(model, name).map((old, at) => 0.9 * old + 0.1 * (batch[at] as number));
    expectNear(running["bn_mean"], blend("bn_mean", means));
    expectNear(running["bn_var"], blend("bn_var", variances));
  });

  it("shrinks to what the loss depends on", async () => {
    const model = createTestModel({
      opset: OPSET,
      inputs: { x: [2, 3] },
      build: (graph, x) => [matMul(graph, only(x), { out: 2 }), matMul(graph, only(x), { out: 5 })],
    });
    const step = await squaredErrorStep(model, { optimizer: sgd() });
    expect(step.parameters.length).toBe(1);
    expect(step.parameters[0]?.dims).toEqual([3, 2]);
  });
});

describe("buildTrainingStep refuses", () => {
  const refuse = async (
    code: TrainErrorCode,
    text: string | RegExp,
    options: Partial<Parameters<typeof buildTrainingStep>[1]>,
    model: Model = linear(),
  ): Promise<void> => {
    const building = buildTrainingStep(model, {
      loss: squaredError,
      optimizer: sgd(),
      ...options,
    });
    await expect(building).rejects.toMatchObject({ code });
    await expect(building).rejects.toThrow(text);
  };

  it("a loss that is no scalar", () =>
    refuse("invalid-loss", "dims [4,2], not a float32 scalar", { loss: ({ output }) => output() }));

  it("a loss on an output that is not there", () =>
    refuse("invalid-loss", 'no output "probability"', {
      loss: ({ output }) => output("probability"),
    }));

  it("a loss that depends on no parameter", () =>
    refuse("invalid-loss", "depends on no parameter", {
      loss: ({ ops, target }) => ops.mean(target("t", [4])),
    }));

  it("a parameter that is not in the model", () =>
    refuse("invalid-option", '"gemm_x" is not an initializer', { parameters: ["gemm_x"] }));

  it("an integer parameter", () => {
    const model = createTestModel({
      opset: OPSET,
      inputs: { x: [2, 3] },
      build: (graph, x) => {
        const shape = graph.addInitializer("shape", Tensor.int64([3, 2]));
        return addNode(graph, "Reshape", [matMul(graph, only(x), { out: 3 }), shape], [3, 2]);
      },
    });
    return refuse(
      "invalid-option",
      '"shape" is int64, not float32',
      { parameters: ["shape"] },
      model,
    );
  });

  it("a parameter that the loss does not depend on", () => {
    const model = createTestModel({
      opset: OPSET,
      inputs: { x: [2, 3] },
      build: (graph, x) => [matMul(graph, only(x), { out: 2 }), matMul(graph, only(x), { out: 5 })],
    });
    const names = findParameters(model).map(({ name }) => name);
    return refuse(
      "not-differentiable",
      `does not depend on "${names[1]}"`,
      { parameters: names },
      model,
    );
  });

  it("an operator without a rule, naming it", () => {
    const model = createTestModel({
      opset: 18,
      inputs: { x: [1, 2, 4, 4] },
      build: (graph, x) => {
        const y = conv(graph, only(x), { out: 2, kernel: 1 });
        return addNode(graph, "Ceil", [y], [1, 2, 4, 4]);
      },
    });
    return refuse("unknown-operator", /Ceil ".*" lies between .* give a rule for Ceil/, {}, model);
  });

  it("a shape that is not fixed", async () => {
    const model = linear();
    const [input] = model.graph.inputs;
    if (input) input.type = { kind: "tensor", dtype: "float32", shape: ["batch", 3] };
    await expect(squaredErrorStep(model, { optimizer: sgd() })).rejects.toThrow(
      'input "x" has the shape [batch, 3], which is not fixed',
    );
    const step = await squaredErrorStep(model, {
      optimizer: sgd(),
      inputShapes: { x: [5, 3] },
    });
    expect(step.batch[0]?.dims).toEqual([5, 3]);
  });

  it("options out of range", async () => {
    await refuse("invalid-option", "accumulate is 0", { accumulate: 0 });
    await refuse("invalid-option", "emaDecay is 1", { emaDecay: 1 });
    await refuse("invalid-option", "learningRateFactor of", {
      groups: [{ matches: () => true, learningRateFactor: -1 }],
    });
  });
});
