import { createRandom, type Model } from "@ocrslim/graph";
import { createRuntime, type RuntimeTensor } from "@ocrslim/runtime";
import {
  add,
  batchNormalization,
  conv,
  convTranspose,
  createTestModel,
  depthwise,
  hardSwish,
  pool,
  resize,
  seGate,
  unary,
} from "@ocrslim/test-utils";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import type { Batch, TrainingEngine } from "../../src/engine/engine.ts";
import { createOrtEngine } from "../../src/engine/ort-engine.ts";
import type { Loss } from "../../src/losses/loss.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { buildTrainingStep, type TrainingStepOptions } from "../../src/step/build-training-step.ts";
import type { TrainingStep } from "../../src/step/training-step.ts";
import { createTfjsEngine } from "../../src/tfjs/create-tfjs-engine.ts";
import type { Lowering } from "../../src/tfjs/lowering.ts";

tf.enableProdMode();

const PAGE = [2, 3, 16, 16];
const MAP = [2, 1, 16, 16];

/** What a detector is made of, on the smallest scale. */
function detector(): Model {
  return createTestModel({
    inputs: { x: PAGE },
    opset: 18,
    build: (graph, x) => {
      const stem = hardSwish(
        graph,
        batchNormalization(graph, conv(graph, x, { out: 8, stride: 2, bias: false })),
      );
      const block = seGate(graph, depthwise(graph, stem), { squeeze: 4 });
      const down = unary(graph, "Relu", conv(graph, block, { out: 8, stride: 2 }));
      const up = resize(graph, down, { scale: 2 });
      const sum = add(graph, up, stem);
      const pooled = pool(graph, sum, { kind: "MaxPool", kernel: 3, stride: 1, pad: 1 });
      const fine = convTranspose(graph, pooled, { out: 1 });
      return unary(graph, "Sigmoid", fine);
    },
  });
}

const loss: Loss = ({ ops, output, target, report }) => {
  const map = ops.clip(output(), 1e-4, 1 - 1e-4);
  const wanted = target("wanted", MAP);
  const gap = ops.mean(ops.square(ops.sub(map, wanted)));
  report("gap", gap);
  const likelihood = ops.add(
    ops.mul(wanted, ops.log(map)),
    ops.mul(ops.sub(1, wanted), ops.log(ops.sub(1, map))),
  );
  return ops.sub(gap, ops.mean(likelihood));
};

function build(options: Partial<TrainingStepOptions> = {}): Promise<TrainingStep> {
  return buildTrainingStep(detector(), {
    loss,
    optimizer: adam(),
    batchNormalization: "trained",
    emaDecay: 0.9,
    ...options,
  });
}

function batchOf(seed: number): Batch {
  const random = createRandom(seed);
  const tensor = (dims: readonly number[], next: () => number): RuntimeTensor => ({
    dtype: "float32",
    dims,
    data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, next),
  });
  return {
    x: tensor(PAGE, () => random() * 2 - 1),
    wanted: tensor(MAP, () => (random() > 0.7 ? 1 : 0)),
  };
}

interface Curve {
  readonly losses: number[];
  readonly reports: number[];
  readonly norms: number[];
  readonly state: Readonly<Record<string, Float32Array>>;
}

async function train(engine: TrainingEngine, step: TrainingStep, steps: number): Promise<Curve> {
  await using session = await engine.load(step);
  const curve: Curve = { losses: [], reports: [], norms: [], state: {} };
  for (let at = 0; at < steps; at++) {
    const isLast = at % step.accumulate === step.accumulate - 1;
    const update = Math.floor(at / step.accumulate) + 1;
    const result = await session.run(batchOf(at), { learningRate: 0.01, update, apply: isLast });
    curve.losses.push(result.loss);
    curve.reports.push(result.reports["gap"] ?? Number.NaN);
    curve.norms.push(result.gradientNorm);
  }
  return { ...curve, state: await session.readState() };
}

function expectNear(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let at = 0; at < expected.length; at++) {
    const [a, e] = [actual[at] ?? Number.NaN, expected[at] ?? 0];
    worst = Math.max(worst, Number.isNaN(a) ? Infinity : Math.abs(a - e) / (1 + Math.abs(e)));
  }
  expect(worst).toBeLessThan(tolerance);
}

const ort = (): TrainingEngine => createOrtEngine({ runtime: createRuntime({ threads: 1 }) });

describe("the TensorFlow.js engine", () => {
  it.each([
    { what: "with running statistics and a moving average", options: {}, steps: 20 },
    {
      what: "with frozen statistics and accumulated gradients",
      options: { batchNormalization: "frozen", accumulate: 2 } as const,
      steps: 20,
    },
  ])("follows ONNX Runtime's loss step by step, $what", async ({ options, steps }) => {
    const step = await build(options);
    const expected = await train(ort(), step, steps);
    const actual = await train(await createTfjsEngine({ tf }), step, steps);
    expectNear(actual.losses, expected.losses, 1e-4);
    expectNear(actual.reports, expected.reports, 1e-4);
    expectNear(actual.norms, expected.norms, 1e-3);
    expect(Object.keys(actual.state).sort()).toEqual(Object.keys(expected.state).sort());
    for (const [name, vector] of Object.entries(expected.state)) {
      expectNear(actual.state[name] ?? [], vector, 5e-3);
    }
    expect(expected.losses.at(-1)).not.toBeCloseTo(expected.losses[0] ?? 0, 2);
  });

  it("keeps as many tensors as before from step to step, and none after dispose", async () => {
    const engine = await createTfjsEngine({ tf });
    const step = await build({ accumulate: 2 });
    const before = tf.memory().numTensors;
    const session = await engine.load(step);
    const counts: number[] = [];
    for (let at = 0; at < 6; at++) {
      const given = { learningRate: 0.01, update: 1 + Math.floor(at / 2), apply: at % 2 === 1 };
      await session.run(batchOf(at), given);
      counts.push(tf.memory().numTensors);
    }
    await session.writeState(step.initialState());
    counts.push(tf.memory().numTensors);
    expect(new Set(counts.slice(1)).size).toBe(1);
    await session.dispose();
    await session.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("keeps its state when the loss is not finite", async () => {
    const engine = await createTfjsEngine({ tf });
    await using session = await engine.load(await build());
    const { x, wanted } = batchOf(1);
    const broken = { x: { ...x, data: new Float32Array(1536).fill(Number.NaN) }, wanted } as Batch;
    await session.run(batchOf(1), { learningRate: 0.01, update: 1 });
    const before = await session.readState();
    const tensors = tf.memory().numTensors;
    const result = await session.run(broken, { learningRate: 0.01, update: 2 });
    expect(result.loss).toBeNaN();
    expect(await session.readState()).toEqual(before);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it("goes on from a state that was written back to the same numbers", async () => {
    const engine = await createTfjsEngine({ tf });
    const step = await build();
    await using first = await engine.load(step);
    await using second = await engine.load(step);
    await first.run(batchOf(1), { learningRate: 0.01, update: 1 });
    await second.writeState(await first.readState());
    const results = [];
    for (const session of [first, second]) {
      results.push(await session.run(batchOf(2), { learningRate: 0.01, update: 2 }));
    }
    expect(results[1]).toEqual(results[0]);
    expect(await second.readState()).toEqual(await first.readState());
    await expect(second.writeState({ parameters: new Float32Array(3) })).rejects.toMatchObject({
      code: "checkpoint-mismatch",
    });
  });

  it("names the input that a batch lacks, or that has other dims", async () => {
    const engine = await createTfjsEngine({ tf });
    await using session = await engine.load(await build());
    const { x, wanted } = batchOf(1) as Required<Batch>;
    const options = { learningRate: 0.01, update: 1 };
    await expect(session.run({ x } as Batch, options)).rejects.toMatchObject({
      code: "invalid-data",
      value: "wanted",
    });
    const turned = { ...wanted, dims: [1, 2, 16, 16] } as RuntimeTensor;
    await expect(session.run({ x, wanted: turned } as Batch, options)).rejects.toMatchObject({
      code: "invalid-data",
      value: "wanted",
    });
  });

  it("names the node whose operator it does not know, and takes a lowering for it", async () => {
    const step = await build();
    for (const node of step.objective.graph.nodes) {
      if (node.opType !== "HardSwish") continue;
      const { graph } = step.objective;
      const inputs = node.inputs;
      const other = graph.createNode({ opType: "Shrink", inputs, name: "odd" });
      node.output.replaceAllUsesWith(other.output);
      graph.remove(node);
    }
    step.objective.graph.sort();
    const engine = await createTfjsEngine({ tf });
    const refused = engine.load(step);
    await expect(refused).rejects.toMatchObject({ code: "unknown-operator", node: "odd" });
    await expect(refused).rejects.toThrow(/Shrink/);
    const rules = new Map<string, Lowering>([
      ["Shrink", ({ input }) => [tf.mul(tf.sigmoid(input(0)), input(0))]],
    ]);
    const able = await createTfjsEngine({ tf, rules });
    await using session = await able.load(step);
    const result = await session.run(batchOf(1), { learningRate: 0.01, update: 1 });
    expect(result.loss).toBeGreaterThan(0);
  });

  it("says which backends cannot train", async () => {
    await expect(createTfjsEngine({ tf, backend: "none" })).rejects.toMatchObject({
      code: "missing-engine",
    });
  });

  it("warns once that plain JavaScript is slow, and describes itself", async () => {
    const warnings: string[] = [];
    const silent = (): void => {};
    const warn = (text: string): void => {
      warnings.push(text);
    };
    const logger = { debug: silent, info: silent, warn, error: silent };
    const engine = await createTfjsEngine({ tf, backend: "cpu", logger });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("@tensorflow/tfjs-node");
    expect(engine.name).toBe("tfjs");
    expect(engine.description).toMatch(/4\.22\.0, cpu$/);
  });
});
