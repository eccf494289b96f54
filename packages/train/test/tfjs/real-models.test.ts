import { createRandom, readModel, simplify, transform, upgradeOpset } from "@ocrslim/graph";
import { createRuntime, randomFeeds } from "@ocrslim/runtime";
import { sampleModel, sharedPath } from "@ocrslim/test-utils";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import type { TrainingEngine } from "../../src/engine/engine.ts";
import { createOrtEngine } from "../../src/engine/ort-engine.ts";
import type { Loss } from "../../src/losses/loss.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { buildTrainingStep } from "../../src/step/build-training-step.ts";
import type { TrainingStep } from "../../src/step/training-step.ts";
import { createTfjsEngine } from "../../src/tfjs/create-tfjs-engine.ts";

tf.enableProdMode();

const DIMS = [1, 3, 32, 32];

/** On what enters the last Sigmoid: of noise, it makes exact zeros, and no gradient. */
const loss: Loss = ({ ops, output }) => {
  const { producer } = output();
  const logits = producer?.opType === "Sigmoid" ? producer.input(0) : undefined;
  return ops.mean(ops.square(ops.sub(logits ?? output(), 0.25)));
};

const models = [
  ["PP-OCRv4 det", sampleModel("det")],
  ["PP-OCRv6 det small", sharedPath("models/PP-OCRv6_det_small.onnx")],
] as const;

/** The gradient with respect to all weights: what momentum keeps of a first step. */
async function gradientOn(engine: TrainingEngine, step: TrainingStep): Promise<Float32Array> {
  await using session = await engine.load(step);
  const batch = randomFeeds(step.objective, {}, createRandom(3));
  const named = Object.fromEntries(step.batch.map(({ name }) => [name, batch[name]]));
  await session.run(named as Parameters<typeof session.run>[0], { learningRate: 1, update: 1 });
  const state = await session.readState();
  const [kept] = step.state.filter(({ name }) => name.startsWith("sgd/"));
  return state[kept?.name ?? ""] ?? new Float32Array();
}

function lengthOf(numbers: Float32Array): number {
  return Math.sqrt(numbers.reduce((sum, number) => sum + number * number, 0));
}

describe("gradients of whole models by TensorFlow.js", () => {
  for (const [name, path] of models) {
    const reason = path ? "" : " (skipped: the shared models are not here)";
    it.skipIf(!path)(`are those of ONNX Runtime, for each weight: ${name}${reason}`, async () => {
      const model = await readModel(path ?? "");
      await transform(model, [upgradeOpset(18), simplify()]);
      const input = model.graph.inputs[0]?.name ?? "";
      const step = await buildTrainingStep(model, {
        loss,
        optimizer: sgd({ momentum: 0.9 }),
        inputShapes: { [input]: DIMS },
      });
      const runtime = createRuntime({ threads: 1 });
      const expected = await gradientOn(createOrtEngine({ runtime }), step);
      const actual = await gradientOn(await createTfjsEngine({ tf }), step);
      const whole = lengthOf(expected);
      expect(whole).toBeGreaterThan(1e-3);
      for (const { name: parameter, offset, size } of step.parameters) {
        const wanted = expected.subarray(offset, offset + size);
        const gap = wanted.map((value, at) => value - (actual[offset + at] ?? Number.NaN));
        expect(lengthOf(gap), parameter).toBeLessThan(1e-3 * lengthOf(wanted) + 1e-6 * whole);
      }
    });
  }
});
