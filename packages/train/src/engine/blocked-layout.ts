import {
  cloneModel,
  type Graph,
  inferShapes,
  int,
  type Model,
  type Node,
  type ShapeInference,
  Tensor,
  type Value,
} from "@ocrslim/graph";

/** The domain of ONNX Runtime's own CPU operators on [N, C / block, H, W, block] tensors. */
export const BLOCKED_DOMAIN = "com.microsoft.nchwc";

/** Replaces values of a model by blocked ones, each made once. */
interface BlockedValues {
  readonly graph: Graph;
  readonly blockSize: number;
  dimsOf(value: Value): readonly number[];
  /** The blocked form of [N, C, H, W]. */
  of(value: Value): Value;
  /** States the dims and the blocked form of a new value. */
  set(value: Value, blocked: Value, dims: readonly number[]): void;
  ints(values: readonly number[]): Value;
}

/**
 * Returns the model with depthwise convolutions in ONNX Runtime's blocked layout. The runtime does
 * that by itself where weights are constant, but in a training step they are not: there a depthwise
 * convolution takes three to four times as long as with constant weights, forward and backward. A
 * tensor keeps its elements' values in either layout, so that a depthwise weight [C, 1, kh, kw] is
 * blocked like an activation [1, C, kh, kw], and results are those of the standard form up to the
 * order of sums.
 *
 * For ONNX Runtime's CPU provider only; `blockSize` is that of the CPU (see `findBlockSize`).
 */
export function useBlockedLayout(model: Model, blockSize: number): Model {
  const copy = cloneModel(model);
  const shapes = inferShapes(copy);
  const values = createBlockedValues(copy.graph, shapes, blockSize);
  for (const node of copy.graph.nodes) {
    if (isBlockable(node, values)) blockConvolution(node, values);
  }
  if (copy.opsetImports.get(BLOCKED_DOMAIN) === undefined) copy.setOpset(BLOCKED_DOMAIN, 1);
  copy.graph.sort();
  return copy;
}

/** A depthwise Conv over two spatial axes whose weight is computed. */
function isBlockable(node: Node, { dimsOf, blockSize }: BlockedValues): boolean {
  if (node.opType !== "Conv" || node.domain !== "") return false;
  const [x, weight] = node.inputs;
  if (!x || !weight || weight.isInitializer) return false;
  const dims = dimsOf(x);
  const [channels = 0, perGroup = 0] = dimsOf(weight);
  return (
    dims.length === 4 &&
    dims[1] === channels &&
    channels % blockSize === 0 &&
    node.int("group", 1) === channels &&
    perGroup === 1
  );
}

function blockConvolution(node: Node, values: BlockedValues): void {
  const { graph } = values;
  const [x, weight, bias] = node.inputs;
  if (!x || !weight) return;
  const { output } = node;
  const channels = node.int("group", 1);
  const blocked = graph.createNode({
    opType: "Conv",
    domain: BLOCKED_DOMAIN,
    inputs: bias
      ? [values.of(x), blockWeight(weight, values), bias]
      : [values.of(x), blockWeight(weight, values)],
    attributes: Object.fromEntries(node.attributes.map((attribute) => [attribute.name, attribute])),
  }).output;
  const plain = graph.createNode({
    opType: "ReorderOutput",
    domain: BLOCKED_DOMAIN,
    inputs: [blocked],
    attributes: { channels: int(channels) },
  }).output;
  output.replaceAllUsesWith(plain);
  values.set(plain, blocked, values.dimsOf(output));
  const { name, type } = output;
  graph.remove(node);
  plain.name = name;
  plain.type = type;
}

/** [C, 1, kh, kw], blocked over C. */
function blockWeight(weight: Value, values: BlockedValues): Value {
  const dims = values.dimsOf(weight);
  const [channels = 1, , ...kernel] = dims;
  const source = asImages(weight, values);
  const blocked = values.of(source ?? reshape(weight, [1, channels, ...kernel], values));
  return reshape(blocked, dims, values);
}

/** The [N, C, H, W] that [N · C, 1, H, W] or [1, N · C, H, W] was reshaped from, where it can be blocked. */
function asImages(value: Value, values: BlockedValues): Value | undefined {
  const { producer } = value;
  if (producer?.opType !== "Reshape" || producer.domain !== "") return undefined;
  const source = producer.input(0);
  if (!source) return undefined;
  const from = values.dimsOf(source);
  const to = values.dimsOf(value);
  const isSameImage = from.length === 4 && from[2] === to[2] && from[3] === to[3];
  return isSameImage && (from[1] ?? 0) % values.blockSize === 0 ? source : undefined;
}

function reshape(value: Value, dims: readonly number[], values: BlockedValues): Value {
  return values.graph.createNode({ opType: "Reshape", inputs: [value, values.ints(dims)] }).output;
}

function createBlockedValues(
  graph: Graph,
  shapes: ShapeInference,
  blockSize: number,
): BlockedValues {
  const known = new Map<Value, Value>();
  const made = new Map<string, Value>();
  const dims = new Map<Value, readonly number[]>();
  const values: BlockedValues = {
    graph,
    blockSize,
    dimsOf: (value) => dims.get(value) ?? shapes.shapeOf(value) ?? [],
    of(value) {
      const found = known.get(value);
      if (found) return found;
      const source = asImages(value, values);
      const blocked = source
        ? reshape(values.of(source), values.dimsOf(value), values)
        : graph.createNode({ opType: "ReorderInput", domain: BLOCKED_DOMAIN, inputs: [value] })
            .output;
      known.set(value, blocked);
      return blocked;
    },
    set(value, blocked, shape) {
      known.set(value, blocked);
      dims.set(value, shape);
    },
    ints(numbers) {
      const key = numbers.join();
      const value = made.get(key) ?? graph.addInitializer("dims", Tensor.int64(numbers));
      made.set(key, value);
      return value;
    },
  };
  return values;
}
