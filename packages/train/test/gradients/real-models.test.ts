import {
  type Model,
  readModel,
  resolveInputShapes,
  simplify,
  transform,
  upgradeOpset,
} from "@ocrslim/graph";
import { sampleModel, sharedPath } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { checkModelGradients } from "../support/check-model-gradients.ts";

const SIZE = 64;

/** The model in the form that it is trained in, and its input of 64 × 64. */
async function prepare(
  path: string,
): Promise<{ model: Model; inputShapes: Record<string, readonly number[]> }> {
  const model = await readModel(path);
  const inputShapes = Object.fromEntries(
    model.graph.inputs
      .filter((value) => !value.isInitializer)
      .map((value) => [value.name, [1, 3, SIZE, SIZE]]),
  );
  await transform(model, [upgradeOpset(18), simplify()]);
  return { model, inputShapes };
}

const models: readonly (readonly [string, string | undefined])[] = [
  ["PP-OCRv4 det", sampleModel("det")],
  ["PP-OCRv6 det small", sharedPath("models/PP-OCRv6_det_small.onnx")],
  ...["efficientnet_b0.ts", "mnasnet0_5.ts", "mobilenet_v2.dynamo", "mobilenet_v3_small.ts"].map(
    (name) => [name, sharedPath(`fixtures/graphs/${name}.onnx`)] as const,
  ),
  ...["shufflenet_v2_x0_5.ts", "squeezenet1_1.ts"].map(
    (name) => [name, sharedPath(`fixtures/graphs/${name}.onnx`)] as const,
  ),
];

describe("gradients of whole models", () => {
  for (const [name, path] of models) {
    it.skipIf(!path)(
      `are right along random directions of all weights: ${name}${path ? "" : " (the shared models are not here)"}`,
      async () => {
        const { model, inputShapes } = await prepare(path ?? "");
        const errors = await checkModelGradients(model, { inputShapes, directions: 1 });
        console.log(name, errors);
        expect(errors.float32).toBeLessThan(0.02);
      },
    );
  }
});
