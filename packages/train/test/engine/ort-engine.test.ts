import { type Model, readModel, simplify, transform, type Value } from "@ocrslim/graph";
import { createRuntime } from "@ocrslim/runtime";
import {
  add,
  conv,
  createTestModel,
  depthwise,
  hardSwish,
  sampleModel,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { findBlockSize } from "../../src/engine/find-block-size.ts";
import { adam, buildTrainingStep, createOrtEngine, sgd } from "../../src/index.ts";
import { randomBatch, runSteps, squaredErrorStep } from "../support/sessions.ts";

/** Depthwise and dense convolutions, of widths that fit and do not fit into blocks. */
function detectorLike(batch: number, seed: number): Model {
  return createTestModel({
    opset: 17,
    seed,
    inputs: { x: [batch, 3, 16, 16] },
    build: (graph, x) => {
      if (!x) throw new TypeError("no input");
      const stem = hardSwish(graph, conv(graph, x, { out: 16, kernel: 3, pad: 1, stride: 2 }));
      const spread = hardSwish(graph, depthwise(graph, stem, { kernel: 5, pad: 2 }));
      const strided = depthwise(graph, spread, { kernel: 3, pad: 1, stride: 2 });
      const mixed = unary(graph, "Relu", conv(graph, strided, { out: 32, kernel: 1 }));
      const dense: Value = conv(graph, mixed, { out: 32, kernel: 3, pad: 1 });
      const joined = add(graph, mixed, unary(graph, "Relu", dense));
      const odd = depthwise(graph, conv(graph, joined, { out: 12, kernel: 1 }), {
        kernel: 3,
        pad: 1,
      });
      return unary(graph, "Sigmoid", conv(graph, odd, { out: 1, kernel: 1 }));
    },
  });
}

describe("createOrtEngine", () => {
  it("finds what the CPU's blocks are, or that there are none", async () => {
    const size = await findBlockSize(createRuntime());
    expect([8, 16, undefined]).toContain(size);
    expect(await findBlockSize({ ...createRuntime(), executionProviders: ["cuda"] })).toBe(
      undefined,
    );
  });

  it("computes the same in the blocked layout", async () => {
    if ((await findBlockSize(createRuntime())) === undefined) return;
    for (const [batch, seed] of [
      [1, 1],
      [2, 2],
      [3, 3],
    ] as const) {
      const step = await squaredErrorStep(detectorLike(batch, seed), { optimizer: sgd() });
      const batches = [randomBatch(step, seed)];
      const blocked = await runSteps(step, batches, { layout: "blocked" });
      const standard = await runSteps(step, batches, { layout: "standard" });
      expect(blocked.results[0]?.loss).toBeCloseTo(standard.results[0]?.loss ?? 0, 5);
      blocked.state["parameters"]?.forEach((value, index) => {
        expect(Math.abs(value - (standard.state["parameters"]?.[index] as number))).toBeLessThan(
          2e-6,
        );
      });
    }
  });

  it("gives the same bits for the same batches", async () => {
    const step = await squaredErrorStep(detectorLike(2, 5), { optimizer: adam() });
    const batches = [1, 2, 3].map((seed) => randomBatch(step, seed));
    const once = await runSteps(step, batches);
    const again = await runSteps(step, batches);
    expect(again.state).toEqual(once.state);
    expect(again.results).toEqual(once.results);
  });

  it("keeps the state when a step is not finite", async () => {
    const step = await squaredErrorStep(detectorLike(1, 6), { optimizer: sgd() });
    const good = randomBatch(step, 1);
    const x = good["x"];
    if (!x) throw new TypeError("no x");
    const bad = { ...good, x: { ...x, data: new Float32Array(x.data.length).fill(Number.NaN) } };
    const { results, state } = await runSteps(step, [bad]);
    expect(results[0]?.loss).toBeNaN();
    expect(state).toEqual(step.initialState());
  });

  it("refuses the state of another model", async () => {
    const step = await squaredErrorStep(detectorLike(1, 7), { optimizer: sgd() });
    await using session = await createOrtEngine({ runtime: createRuntime() }).load(step);
    await expect(session.writeState({ parameters: new Float32Array(3) })).rejects.toMatchObject({
      code: "checkpoint-mismatch",
    });
  });

  it("trains a real detector's weights down in loss", async () => {
    const model = await readModel(sampleModel("det"));
    await transform(model, simplify());
    const step = await buildTrainingStep(model, {
      // Of noise, the last Sigmoid makes exact zeros: the loss is on what enters it.
      loss: ({ ops, output }) => {
        const logits = output().producer?.input(0) ?? output();
        return ops.mean(ops.square(logits));
      },
      optimizer: adam(),
      inputShapes: { x: [1, 3, 64, 64] },
    });
    const batch = randomBatch(step, 1);
    const { results } = await runSteps(step, new Array(12).fill(batch), { learningRate: 3e-5 });
    expect(results.at(-1)?.loss).toBeLessThan(0.5 * (results[0]?.loss ?? 0));
  });
});
