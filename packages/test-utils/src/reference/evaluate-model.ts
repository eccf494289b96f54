import {
  type DataType,
  dataTypeFromCode,
  elementCount,
  evaluateNode,
  type Model,
  type Node,
  operatorName,
  Tensor,
  type TensorData,
  type Value,
} from "@ocrslim/graph";
import { createContext, float64, numbersOf, type ReferenceKernel } from "./reference-kernel.ts";
import { referenceKernels } from "./reference-kernels.ts";

/** What an input holds; `dtype` only where the array does not tell (bool). */
export interface ReferenceFeed {
  readonly dims: readonly number[];
  readonly data: TensorData;
  readonly dtype?: DataType;
}

/** A computed value: its elements as numbers, whatever the type; floating types are float64. */
export interface ReferenceTensor {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

/** Options of {@link evaluateModel}. */
export interface EvaluateModelOptions {
  /** Names of the values wanted; only the nodes before them run. Default: the outputs. */
  readonly values?: readonly string[];
  /** Kernels that are added or win, by `opType`, or `domain:opType` for other domains. */
  readonly kernels?: ReadonlyMap<string, ReferenceKernel>;
}

const FLOATS: ReadonlySet<DataType | undefined> = new Set(["float16", "bfloat16", "float32"]);
const promoted = new WeakMap<Tensor, Tensor>();

/**
 * Computes values of a model in double precision: an oracle that is plain, slow and independent of
 * ONNX Runtime. Floating constants, feeds, attributes and the targets of Cast are float64 in place of
 * float32 and float16. A feed named like an initializer takes its place.
 * @throws Error naming the node whose operator, or form of it, has no kernel.
 */
export function evaluateModel(
  model: Model,
  feeds: Readonly<Record<string, ReferenceFeed>>,
  options: EvaluateModelOptions = {},
): Readonly<Record<string, ReferenceTensor>> {
  const { graph, opset } = model;
  const wanted = (options.values ?? graph.outputs.map((value) => value.name)).map((name) => {
    const value = graph.value(name);
    if (!value) throw new Error(`evaluateModel: the graph has no value "${name}"`);
    return value;
  });
  const known = new Map<Value, Tensor>();
  for (const [name, feed] of Object.entries(feeds)) {
    const value = graph.value(name);
    if (!value) throw new Error(`evaluateModel: the graph has no value "${name}" to feed`);
    known.set(value, feedTensor(value, feed));
  }
  const read = (value: Value): Tensor => {
    const found = known.get(value) ?? (value.tensor && promote(value.tensor));
    if (found) return found;
    throw new Error(
      `evaluateModel: "${value.name}" is not computed; feed it, or sort the graph first`,
    );
  };
  const needed = findNeeded(wanted, known);
  for (const node of graph.nodes) {
    if (!needed.has(node)) continue;
    const inputs = node.inputs.map((value) => value && read(value));
    const outputs = evaluate(node, opset, inputs, options.kernels);
    node.outputs.forEach((value, index) => {
      const tensor = outputs[index];
      if (!value || known.has(value)) return;
      if (!tensor) throw new Error(`evaluateModel: ${node.describe()} has no output ${index}`);
      known.set(value, tensor);
    });
  }
  return Object.fromEntries(
    wanted.map((value) => {
      const tensor = read(value);
      return [value.name, { dtype: tensor.dtype, dims: tensor.dims, data: numbersOf(tensor) }];
    }),
  );
}

function evaluate(
  node: Node,
  opset: number,
  inputs: readonly (Tensor | undefined)[],
  kernels: ReadonlyMap<string, ReferenceKernel> | undefined,
): readonly Tensor[] {
  const name = operatorName(node);
  const kernel = kernels?.get(name) ?? referenceKernels.get(name);
  const own = kernel?.(createContext(node, opset, inputs));
  if (own) return own.map(promote);
  if (name === "Cast" && FLOATS.has(dataTypeFromCode(node.int("to", 0)))) {
    const [source] = inputs;
    if (source) return [float64(source.dims, numbersOf(source))];
  }
  // These compute in double precision, and round to the type of their inputs: float64.
  const results = evaluateNode(node, inputs, opset, { maxElements: Number.POSITIVE_INFINITY });
  if (results) return results.map(promote);
  throw new Error(
    `evaluateModel: ${node.describe()} has no kernel for ${inputs.map((input) => (input ? `${input.dtype} [${input.dims}]` : "-")).join(", ")}; give one for ${name} (option kernels)`,
  );
}

/** The tensor in double precision, if it is floating. */
function promote(tensor: Tensor): Tensor {
  if (!FLOATS.has(tensor.dtype)) return tensor;
  const known = promoted.get(tensor);
  if (known) return known;
  const made = float64(tensor.dims, tensor.toNumbers());
  promoted.set(tensor, made);
  return made;
}

function feedTensor(value: Value, { dims, data, dtype }: ReferenceFeed): Tensor {
  if (data.length !== elementCount(dims)) {
    throw new Error(
      `evaluateModel: feed "${value.name}" of dims [${dims}] has ${data.length} elements`,
    );
  }
  if (data instanceof Float64Array) return float64(dims, data);
  if (data instanceof Float32Array) return float64(dims, data);
  const declared = value.type?.kind === "tensor" ? value.type.dtype : value.tensor?.dtype;
  const type = dtype ?? declared ?? (data instanceof BigInt64Array ? "int64" : "int32");
  return promote(Tensor.from(type, dims, data));
}

function findNeeded(wanted: readonly Value[], known: ReadonlyMap<Value, Tensor>): Set<Node> {
  const needed = new Set<Node>();
  const stack = [...wanted];
  for (let value = stack.pop(); value; value = stack.pop()) {
    const node = known.has(value) ? undefined : value.producer;
    if (!node || needed.has(node)) continue;
    needed.add(node);
    for (const input of node.inputs) if (input) stack.push(input);
  }
  return needed;
}
