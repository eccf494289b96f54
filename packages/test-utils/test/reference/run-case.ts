import {
  type AttributeContent,
  createRandom,
  type DataType,
  elementCount,
  Graph,
  Model,
  Tensor,
} from "@ocrslim/graph";
import { tensorToFeed } from "@ocrslim/runtime";
import { evaluateModel, type ReferenceTensor, runModel } from "@ocrslim/test-utils";

/** A random floating input: its dims, and optionally its range (default: [−2, 2]). */
export interface RandomInput {
  readonly dims: readonly number[];
  readonly range?: readonly [number, number];
}

/** One node to compute on both sides. */
export interface OperatorCase {
  readonly opType: string;
  /** A constant, or dims of a fed float32 input; `undefined`: absent. */
  readonly inputs: readonly (Tensor | RandomInput | undefined)[];
  readonly attributes?: Readonly<Record<string, AttributeContent>>;
  /** Default: one of float32. */
  readonly outputTypes?: readonly DataType[];
  /** Default: 18. */
  readonly opset?: number;
  readonly seed?: number;
}

/** The model of one node and what it is fed. */
export function buildCase(spec: OperatorCase): {
  readonly model: Model;
  readonly feeds: Readonly<Record<string, Tensor>>;
} {
  const graph = new Graph();
  const random = createRandom(spec.seed ?? 7);
  const feeds: Record<string, Tensor> = {};
  const inputs = spec.inputs.map((input, index) => {
    if (!input) return undefined;
    if (input instanceof Tensor) return graph.addInitializer(`c${index}`, input);
    const [low, high] = input.range ?? [-2, 2];
    const count = elementCount(input.dims);
    const data = Float32Array.from({ length: count }, () => low + random() * (high - low));
    feeds[`x${index}`] = Tensor.float32(input.dims, data);
    return graph.addInput(`x${index}`, { kind: "tensor", dtype: "float32", shape: input.dims });
  });
  const types = spec.outputTypes ?? ["float32"];
  const node = graph.createNode({
    opType: spec.opType,
    inputs,
    outputs: types.map((_, index) => `y${index}`),
    attributes: spec.attributes ?? {},
  });
  node.outputs.forEach((output, index) => {
    if (output) output.type = { kind: "tensor", dtype: types[index] ?? "float32" };
  });
  graph.setOutputs(node.outputs.flatMap((output) => output ?? []));
  const model = new Model(graph);
  model.setOpset("", spec.opset ?? 18);
  return { model, feeds };
}

/** The outputs by the evaluator and by ONNX Runtime. */
export async function runCase(spec: OperatorCase): Promise<{
  readonly actual: Readonly<Record<string, ReferenceTensor>>;
  readonly expected: Awaited<ReturnType<typeof runModel>>;
}> {
  const { model, feeds } = buildCase(spec);
  const entries = Object.entries(feeds);
  const actual = evaluateModel(
    model,
    Object.fromEntries(
      entries.map(([name, tensor]) => [name, { dims: tensor.dims, data: tensor.toNumbers() }]),
    ),
  );
  const expected = await runModel(
    model,
    Object.fromEntries(entries.map(([name, tensor]) => [name, tensorToFeed(tensor)])),
  );
  return { actual, expected };
}
