import { type Model, readModel, simplify, Tensor, transform, upgradeOpset } from "@ocrslim/graph";
import { sampleModel, sharedPath } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { checkModelGradients } from "../support/check-model-gradients.ts";

/** The model in the form that it is trained in, for small images whatever the file declares. */
async function prepare(
  path: string,
  size: number,
): Promise<{ model: Model; inputShapes: Record<string, readonly number[]> }> {
  const dims = [1, 3, size, size];
  const model = await readModel(path);
  await transform(model, [upgradeOpset(18), simplify()]);
  // A map of text is next to 0 for noise, where Sigmoid is flat: what enters it is more telling.
  model.graph.setOutputs(
    model.graph.outputs.map((output) =>
      output.producer?.opType === "Sigmoid" ? (output.producer.input(0) ?? output) : output,
    ),
  );
  shrinkShapes(model, size / 224);
  const inputs = model.graph.inputs.filter((value) => !value.isInitializer);
  for (const value of model.graph.values) {
    if (!value.tensor) value.type = { kind: "tensor", dtype: "float32" };
  }
  for (const value of inputs) value.type = { kind: "tensor", dtype: "float32", shape: dims };
  return { model, inputShapes: Object.fromEntries(inputs.map(({ name }) => [name, dims])) };
}

/** Spatial dims that an exporter wrote into the shapes of Reshape, scaled with the input. */
function shrinkShapes(model: Model, ratio: number): void {
  for (const node of model.graph.nodes) {
    const shape = node.opType === "Reshape" ? node.input(1) : undefined;
    const dims = shape?.tensor && [...shape.tensor.toNumbers()];
    if (!dims || dims.length < 4 || (dims.at(-1) ?? 0) < 7 || !shape) continue;
    const small = dims.map((dim, axis) => (axis < dims.length - 2 ? dim : dim * ratio));
    node.setInput(1, model.graph.addInitializer("shape", Tensor.int64(small)));
  }
}

const models: readonly (readonly [
  name: string,
  path: string | undefined,
  size: number,
  jitter: number,
])[] = [
  ["PP-OCRv4 det", sampleModel("det"), 64, 0],
  ["PP-OCRv6 det small", sharedPath("models/PP-OCRv6_det_small.onnx"), 64, 0],
  ...[
    ...["efficientnet_b0.ts", "mnasnet0_5.ts", "mobilenet_v2.dynamo", "mobilenet_v3_small.ts"],
    ...["shufflenet_v2_x0_5.ts", "squeezenet1_1.ts"],
  ].map((name) => [name, sharedPath(`fixtures/graphs/${name}.onnx`), 32, 0.2] as const),
];

describe("gradients of whole models with respect to all weights", () => {
  for (const [name, path, size, jitter] of models) {
    const reason = path ? "" : " (skipped: the shared models are not here)";
    it.skipIf(!path)(`are those of finite differences: ${name}${reason}`, async () => {
      const { model, inputShapes } = await prepare(path ?? "", size);
      const errors = await checkModelGradients(model, { inputShapes, directions: 1, jitter });
      expect(errors.exact).toBeLessThan(1e-5);
      expect(errors.rounding).toBeLessThan(1e-4);
      expect(errors.float32).toBeLessThan(0.02);
    });
  }
});
