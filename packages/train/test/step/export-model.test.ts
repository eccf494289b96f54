import { checkModel, encodeModel, type Model, type Value } from "@ocrslim/graph";
import { createRuntime } from "@ocrslim/runtime";
import {
  batchNormalization,
  conv,
  createTestModel,
  expectSameOutputs,
  runModel,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  createOrtEngine,
  exportModel,
  findParameters,
  sgd,
  type TrainingStepOptions,
} from "../../src/index.ts";
import { randomBatch, runSteps, squaredErrorStep } from "../support/sessions.ts";

const only = (value: Value | undefined): Value => {
  if (!value) throw new TypeError("no input");
  return value;
};

/** Two heads; the first one is trained. */
const model = (): Model =>
  createTestModel({
    opset: 13,
    inputs: { x: [2, 3, 6, 6] },
    build: (graph, x) => {
      const stem = conv(graph, only(x), { out: 4, kernel: 3, pad: 1, bias: false });
      const shared = unary(graph, "Relu", batchNormalization(graph, stem));
      return [
        conv(graph, shared, { out: 1, kernel: 1 }),
        conv(graph, shared, { out: 2, kernel: 1 }),
      ];
    },
  });

const trained = async (options: Partial<TrainingStepOptions> = {}) => {
  const original = model();
  const step = await squaredErrorStep(original, { optimizer: sgd(), ...options });
  const { state } = await runSteps(step, [randomBatch(step, 1), randomBatch(step, 2)]);
  return { original, step, state };
};

const namesOf = (values: readonly Value[]): readonly string[] => values.map(({ name }) => name);

describe("exportModel", () => {
  it("puts the trained weights into a model of the same inputs, outputs and opset", async () => {
    const { original, step, state } = await trained();
    const bytes = encodeModel(original);
    const exported = await exportModel(original, step, state, { foldBatchNormalization: false });
    expect(checkModel(exported).filter(({ severity }) => severity === "error")).toEqual([]);
    expect(exported.opset).toBe(13);
    expect(namesOf(exported.graph.inputs)).toEqual(namesOf(original.graph.inputs));
    expect(namesOf(exported.graph.outputs)).toEqual(namesOf(original.graph.outputs));
    expect(exported.graph.nodeCount).toBe(original.graph.nodeCount);
    for (const { name, offset, size } of step.parameters) {
      expect(exported.graph.value(name)?.tensor?.float32Values()).toEqual(
        state["parameters"]?.slice(offset, offset + size),
      );
    }
    expect(encodeModel(original)).toEqual(bytes);
  });

  it("computes what the training graph's objective computes", async () => {
    const { original, step, state } = await trained();
    const exported = await exportModel(original, step, state);
    const batch = randomBatch(step, 3);
    const x = batch["x"];
    const t = batch["t"];
    if (!x || !t) throw new TypeError("no batch");
    const outputs = await runModel(exported, { x });
    const y = outputs[exported.graph.outputs[0]?.name ?? ""]?.data as Float32Array;
    const error =
      y.reduce((sum, value, at) => sum + (value - Number(t.data[at])) ** 2, 0) / y.length;
    await using session = await createOrtEngine({ runtime: createRuntime() }).load(step);
    await session.writeState(state);
    const { loss } = await session.run(batch, { learningRate: 0.1, update: 3 });
    expect(loss).toBeCloseTo(error, 5);
  });

  it("folds BatchNormalization without changing what the model computes", async () => {
    for (const batchNormalizationMode of ["frozen", "trained"] as const) {
      const { original, step, state } = await trained({
        batchNormalization: batchNormalizationMode,
      });
      const folded = await exportModel(original, step, state);
      const plain = await exportModel(original, step, state, { foldBatchNormalization: false });
      const types = [...folded.graph.nodes].map(({ opType }) => opType);
      expect(types).not.toContain("BatchNormalization");
      await expectSameOutputs(folded, plain);
    }
  });

  it("leaves out branches that serve other outputs", async () => {
    const { original, step, state } = await trained();
    const [first] = namesOf(original.graph.outputs);
    const exported = await exportModel(original, step, state, { outputs: [first ?? ""] });
    expect(namesOf(exported.graph.outputs)).toEqual([first]);
    expect(findParameters(exported).length).toBeLessThan(findParameters(original).length);
    await expect(exportModel(original, step, state, { outputs: ["none"] })).rejects.toThrow(
      'no output "none"',
    );
  });

  it("takes the moving average where there is one", async () => {
    const { original, step, state } = await trained({ emaDecay: 0.5 });
    const options = { foldBatchNormalization: false } as const;
    const read = async (weights: "average" | "last"): Promise<Float32Array | undefined> => {
      const exported = await exportModel(original, step, state, { ...options, weights });
      return exported.graph.value("conv_w")?.tensor?.float32Values();
    };
    const byDefault = await exportModel(original, step, state, options);
    expect(byDefault.graph.value("conv_w")?.tensor?.float32Values()).toEqual(await read("average"));
    expect(await read("average")).not.toEqual(await read("last"));
    const { step: plainStep, state: plainState } = await trained();
    await expect(
      exportModel(original, plainStep, plainState, { weights: "average" }),
    ).rejects.toMatchObject({ code: "invalid-option" });
  });

  it("refuses the state of another model", async () => {
    const { step, state } = await trained();
    const other = createTestModel({
      opset: 13,
      inputs: { x: [2, 3, 6, 6] },
      build: (graph, x) => conv(graph, only(x), { out: 1, kernel: 1 }),
    });
    await expect(exportModel(other, step, state)).rejects.toMatchObject({
      code: "checkpoint-mismatch",
    });
  });
});

describe("findParameters", () => {
  it("tells weights, biases, scales and shifts from statistics", () => {
    expect(findParameters(model()).map(({ name, role }) => `${name}: ${role}`)).toEqual([
      "conv_w: weight",
      "bn_scale: scale",
      "bn_bias: shift",
      "conv_w_2: weight",
      "conv_b: bias",
      "conv_w_3: weight",
      "conv_b_2: bias",
    ]);
  });
});
