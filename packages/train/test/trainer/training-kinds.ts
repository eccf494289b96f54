import { createRuntime } from "@ocrslim/runtime";
import { createOrtEngine } from "../../src/engine/ort-engine.ts";
import { train } from "../../src/trainer/train.ts";
import type { TrainingResult, TrainOptions } from "../../src/trainer/train-options.ts";
import {
  createRegressionEngine,
  regressionData,
  regressionMetric,
  regressionStep,
} from "./linear-regression.ts";
import { smallData, smallStep } from "./small-training.ts";

/** Trains for 40 updates, with checkpoints in `folder`: a hand-written engine, or ONNX Runtime. */
export async function trainKind(
  kind: string,
  folder: string,
  onUpdate: (update: number) => void,
): Promise<TrainingResult> {
  const shared = {
    batchSize: 2,
    updates: 40,
    schedule: (update: number, total: number) => 0.02 * (1 - update / total),
    onStep: ({ update }) => onUpdate(update),
    checkpoint: { folder, every: 2 },
    evaluateEvery: 5,
  } satisfies Partial<TrainOptions>;
  if (kind === "regression") {
    // With ballast, so that many kills hit a checkpoint that is being written.
    return train(regressionStep({ accumulate: 2, ballast: 150_000 }), {
      ...shared,
      engine: createRegressionEngine(),
      data: regressionData(11),
      evaluate: regressionMetric,
    });
  }
  const step = await smallStep();
  return train(step, {
    ...shared,
    engine: createOrtEngine({ runtime: createRuntime({ threads: 1 }) }),
    data: smallData(step),
    evaluate: (state) => ({ metric: -Math.abs(state["ema"]?.[0] ?? 0) }),
  });
}
