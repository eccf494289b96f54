import { join } from "node:path";
import { createRuntime, type Runtime } from "@ocrslim/runtime";
import { conv, createTestModel, unary } from "@ocrslim/test-utils";
import { expect, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { createOrtEngine } from "../../src/engine/ort-engine.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { buildTrainingStep } from "../../src/step/build-training-step.ts";
import { train } from "../../src/trainer/train.ts";
import type { TrainOptions } from "../../src/trainer/train-options.ts";
import { stateBytes } from "./linear-regression.ts";
import { smallData, smallStep } from "./small-training.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const runtime: Runtime = createRuntime({ threads: 1 });
const engine = createOrtEngine({ runtime });
const schedule = (): number => 0.02;

test("ONNX Runtime learns, and an aborted run goes on to the same bits", async () => {
  const step = await smallStep();
  const losses: number[] = [];
  const options = {
    engine,
    schedule,
    data: smallData(step),
    batchSize: 2,
    updates: 30,
  } satisfies TrainOptions;
  const whole = await train(step, { ...options, onStep: ({ loss }) => void losses.push(loss) });
  expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) * 0.8);
  expect(Object.keys(whole.state).sort()).toEqual(
    ["adam/m", "adam/v", "ema", "gradient", "parameters", "statistics"].sort(),
  );

  const folder = await temporaryFolder();
  const checkpoint = { folder };
  const controller = new AbortController();
  const { signal } = controller;
  const onStep = ({ update }: { readonly update: number }): void => {
    if (update === 13) controller.abort(new Error("enough"));
  };
  await expect(train(step, { ...options, checkpoint, signal, onStep })).rejects.toThrow("enough");
  const rest = await train(step, { ...options, checkpoint });
  expect(rest.resumedFrom).toBe(13);
  expect(stateBytes(rest.state)).toBe(stateBytes(whole.state));
  const last = await readCheckpoint(join(folder, "last.ckpt"));
  expect(stateBytes(last.state)).toBe(stateBytes(whole.state));
});

test("a loss that becomes NaN is traced to the value where it began, in front or behind the loss", async () => {
  const model = createTestModel({
    inputs: { x: [1, 1, 4, 4] },
    opset: 18,
    build: (graph, x) => unary(graph, "Sigmoid", conv(graph, x!, { out: 2 })),
  });
  const run = async (shift: number): Promise<unknown> => {
    const step = await buildTrainingStep(model, {
      // √0 is finite, its slope is not; the logarithm of 0 is not.
      loss: ({ ops, output }) =>
        ops.mean(shift === 0 ? ops.sqrt(ops.mul(output(), 0)) : ops.log(ops.sub(output(), shift))),
      optimizer: sgd(),
    });
    return train(step, {
      engine,
      schedule,
      diagnostics: { runtime },
      data: {
        size: 1,
        loadBatch: () => ({
          x: { dtype: "float32", dims: [1, 1, 4, 4], data: new Float32Array(16) },
        }),
      },
      batchSize: 1,
      updates: 1,
    });
  };
  await expect(run(2)).rejects.toMatchObject({
    code: "diverged",
    step: 1,
    message: expect.stringMatching(/loss is NaN .*first value that is not finite is ".*" of .*Log/),
  });
  await expect(run(0)).rejects.toMatchObject({
    code: "diverged",
    message: expect.stringMatching(
      /gradient's norm is (NaN|Infinity) .*first value that is not finite is "/,
    ),
  });
});
