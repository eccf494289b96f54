import { existsSync } from "node:fs";
import {
  cloneModel,
  createRandom,
  inferShapes,
  type Model,
  readModel,
  resolveInputShapes,
  type ShapeInference,
  Tensor,
  type TensorData,
  type Value,
} from "@ocrslim/graph";
import { runModel, sampleModel, sharedPath } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";

type Shapes = Readonly<Record<string, readonly number[]>>;

function randomFeeds(model: Model, shapes: Shapes): Parameters<typeof runModel>[1] {
  const random = createRandom(5);
  return Object.fromEntries(
    model.graph.inputs
      .filter((input) => !input.isInitializer)
      .map((input) => {
        const dims = shapes[input.name]!;
        const size = dims.reduce((product, dim) => product * dim, 1);
        const data = Float32Array.from({ length: size }, () => random() - 0.5);
        return [input.name, { dtype: "float32" as const, dims, data }];
      }),
  );
}

/** A copy in which every value that a node computes is an output, of its inferred type. */
function exposeAll(model: Model, shapes: ShapeInference): { copy: Model; values: Value[] } {
  const copy = cloneModel(model);
  const values: Value[] = [];
  for (const node of model.graph.nodes) {
    for (const output of node.outputs) {
      const dtype = output && shapes.dtypeOf(output);
      if (!output || !dtype) continue;
      values.push(output);
      copy.graph.value(output.name)!.type = { kind: "tensor", dtype };
    }
  }
  copy.graph.setOutputs(values.map((value) => copy.graph.value(value.name)!));
  return { copy, values };
}

/** Dims, types and constants of all values, against those of a run. */
async function expectRealShapes(model: Model, inputShapes: Shapes): Promise<void> {
  const shapes = inferShapes(model, { inputShapes });
  expect(shapes.issues).toEqual([]);
  const { copy, values } = exposeAll(model, shapes);
  const outputs = await runModel(copy, randomFeeds(model, inputShapes));
  let constants = 0;
  const wrong = values.filter((value) => {
    const real = outputs[value.name]!;
    const constant = shapes.constantOf(value);
    if (constant) {
      constants++;
      const expected = Tensor.from(real.dtype, real.dims, real.data as TensorData).toNumbers();
      const close = constant.toNumbers().every((x, i) => Math.abs(x - expected[i]!) <= 1e-5);
      if (!close) return true;
    }
    return (
      shapes.shapeOf(value)?.join() !== real.dims.join() || shapes.dtypeOf(value) !== real.dtype
    );
  });
  expect(wrong.map((value) => value.name)).toEqual([]);
  const known = [...model.graph.nodes].flatMap((node) => node.outputs.filter((output) => output));
  expect(values).toHaveLength(known.length);
  if (values.some((value) => value.producer?.opType === "Shape"))
    expect(constants).toBeGreaterThan(0);
}

const shared = sharedPath();
const exported = [
  "mobilenet_v2.dynamo",
  "squeezenet1_1.ts",
  "efficientnet_b0.ts",
  "mnasnet0_5.ts",
  "shufflenet_v2_x0_5.ts",
  "mobilenet_v3_small.ts",
];

describe("inferShapes", () => {
  it.each([
    ["det", { x: [1, 3, 64, 32] }],
    ["det", { x: [2, 3, 32, 96] }],
    ["cls", { x: [1, 3, 48, 96] }],
    ["cls", { x: [2, 3, 48, 64] }],
    ["rec", { x: [1, 3, 48, 32] }],
    ["rec", { x: [2, 3, 48, 56] }],
  ] as const)("gives the shapes that ONNX Runtime produces: %s at %o", async (kind, shapes) => {
    await expectRealShapes(await readModel(sampleModel(kind)), shapes);
  });

  it.skipIf(!shared).each([[[1, 3, 32, 96]], [[2, 3, 64, 32]]])(
    "gives the shapes that ONNX Runtime produces: a current detector at %o",
    async (dims) => {
      const model = await readModel(`${shared}/models/PP-OCRv6_det_small.onnx`);
      await expectRealShapes(model, { [model.graph.inputs[0]!.name]: dims });
    },
  );

  it.skipIf(!shared).each(exported)(
    "gives the shapes that ONNX Runtime produces: %s, as its exporter wrote it",
    async (name) => {
      const path = `${shared}/fixtures/graphs/${name}.onnx`;
      expect(existsSync(path)).toBe(true);
      const model = await readModel(path);
      await expectRealShapes(model, resolveInputShapes(model, { size: [224, 224] }));
    },
  );
});
