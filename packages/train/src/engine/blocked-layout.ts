import {
  type AttributeContent,
  cloneModel,
  type Graph,
  inferShapes,
  int,
  ints,
  type Model,
  type Node,
  type ShapeInference,
  string,
  Tensor,
  type Value,
} from "@ocrslim/graph";

/** The domain of ONNX Runtime's own CPU operators on [N, C / block, H, W, block] tensors. */
export const BLOCKED_DOMAIN = "com.microsoft.nchwc";

/** Operators that compute each element by itself, whatever the order of elements. */
const ELEMENTWISE: ReadonlySet<string> = new Set([
  ...["Add", "Sub", "Mul", "Div", "Sum", "Min", "Max", "Clip", "Neg", "Abs", "Sign", "Sqrt"],
  ...["Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "ThresholdedRelu"],
  ...["Exp", "Log", "Erf", "Floor", "Ceil", "Reciprocal", "Softplus", "Elu", "Gelu"],
]);

/** Replaces values of a model by blocked ones, each made once. */
interface BlockedValues {
  readonly graph: Graph;
  readonly blockSize: number;
  dimsOf(value: Value): readonly number[];
  /** Whether the blocked form is there already. */
  has(value: Value): boolean;
  /** The blocked form of [N, C, H, W]. */
  of(value: Value): Value;
  /** Puts a blocked value in the place of a node's output; the plain form is made from it. */
  replace(output: Value, blocked: Value): void;
  ints(values: readonly number[]): Value;
  /** Removes the plain forms that nothing reads. */
  clean(): void;
}

/**
 * Returns the model with depthwise and dense convolutions in ONNX Runtime's blocked layout, and what
 * is computed element by element between them. The runtime does that by itself where weights are
 * constant, but in a training step they are not: there a depthwise convolution takes three to four
 * times as long as with constant weights, forward and backward, and a dense 3×3 one 1.4 times.
 * 1×1 convolutions stay: they are matrix products, as fast in either layout.
 *
 * A depthwise weight [C, 1, kh, kw] is blocked like an activation [1, C, kh, kw]. Results are those of
 * the standard form up to the order of sums. For ONNX Runtime's CPU provider only; `blockSize` is that
 * of the CPU (see `findBlockSize`).
 */
export function useBlockedLayout(model: Model, blockSize: number): Model {
  const copy = cloneModel(model);
  const values = createBlockedValues(copy.graph, inferShapes(copy), blockSize);
  for (const node of copy.graph.nodes) {
    if (node.domain !== "") continue;
    if (isBlockable(node, values)) blockConvolution(node, values);
    else if (isWorthBlocking(node, values)) blockElementwise(node, values);
  }
  values.clean();
  copy.setOpset(BLOCKED_DOMAIN, 1);
  copy.graph.sort();
  return copy;
}

/** A Conv over two spatial axes, depthwise or with a dense kernel of several taps, whose weight is computed. */
function isBlockable(node: Node, { dimsOf, blockSize }: BlockedValues): boolean {
  if (node.opType !== "Conv") return false;
  const [x, weight] = node.inputs;
  if (!x || !weight || weight.isInitializer) return false;
  const [, channels = 0, ...sizes] = dimsOf(x);
  const [outputs = 0, perGroup = 0, height = 1, width = 1] = dimsOf(weight);
  if (sizes.length !== 2 || channels % blockSize !== 0 || outputs % blockSize !== 0) return false;
  const isDepthwise = perGroup === 1 && outputs === channels;
  return node.int("group", 1) === 1 ? height * width > 1 : isDepthwise;
}

/** Computed element by element from blocked values alone, or from some and read by a blocked Conv. */
function isWorthBlocking(node: Node, values: BlockedValues): boolean {
  if (!ELEMENTWISE.has(node.opType)) return false;
  const dims = values.dimsOf(node.output);
  if (dims.length !== 4 || (dims[1] ?? 0) % values.blockSize !== 0) return false;
  const tensors = node.inputs.filter((input) => input && !isNumber(input, values));
  const isSame = tensors.every(
    (input) => input && values.dimsOf(input).join() === dims.join() && !input.isInitializer,
  );
  if (!isSame || tensors.length === 0) return false;
  const blocked = tensors.filter((input) => input && values.has(input)).length;
  return (
    blocked === tensors.length ||
    (blocked > 0 && node.output.consumers.some((consumer) => isBlockable(consumer, values)))
  );
}

function isNumber(value: Value, { dimsOf }: BlockedValues): boolean {
  return (
    (value.isInitializer || dimsOf(value).length === 0) && dimsOf(value).every((dim) => dim === 1)
  );
}

function blockElementwise(node: Node, values: BlockedValues): void {
  const { output } = values.graph.createNode({
    opType: node.opType,
    inputs: node.inputs.map((input) =>
      input && !isNumber(input, values) ? values.of(input) : input,
    ),
    attributes: attributesOf(node),
  });
  values.replace(node.output, output);
}

function blockConvolution(node: Node, values: BlockedValues): void {
  const [x, weight, bias] = node.inputs;
  if (!x || !weight) return;
  const relu = soleRelu(node);
  const operands = [values.of(x), blockWeight(weight, values)];
  const { output } = values.graph.createNode({
    opType: "Conv",
    domain: BLOCKED_DOMAIN,
    inputs: bias ? [...operands, bias] : operands,
    attributes: { ...attributesOf(node), ...(relu ? { activation: string("Relu") } : {}) },
  });
  values.replace((relu ?? node).output, output);
  if (relu) values.graph.remove(node);
}

/** The Relu that alone reads a node's output: the runtime's convolution does it on the way. */
function soleRelu({ output }: Node): Node | undefined {
  const [use] = output.uses;
  const isSole = output.uses.length === 1 && !output.isGraphOutput;
  return isSole && use?.node.opType === "Relu" && use.node.domain === "" ? use.node : undefined;
}

function attributesOf(node: Node): Readonly<Record<string, AttributeContent>> {
  return Object.fromEntries(node.attributes.map((attribute) => [attribute.name, attribute]));
}

/** [M, C, kh, kw] → [M / block, C / block, kh, kw, block of C, block of M]; [C, 1, kh, kw], blocked over C. */
function blockWeight(weight: Value, values: BlockedValues): Value {
  const dims = values.dimsOf(weight);
  const [channels = 1, perGroup = 1, ...kernel] = dims;
  if (perGroup > 1) {
    const { graph, blockSize } = values;
    const blocks = [channels / blockSize, blockSize, perGroup / blockSize, blockSize, ...kernel];
    const turned = graph.createNode({
      opType: "Transpose",
      inputs: [reshape(weight, blocks, values)],
      attributes: { perm: ints([0, 2, 4, 5, 3, 1]) },
    }).output;
    return reshape(turned, dims, values);
  }
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
  const reorder = (opType: string, value: Value, channels?: number): Value =>
    graph.createNode({
      opType,
      domain: BLOCKED_DOMAIN,
      inputs: [value],
      attributes: channels === undefined ? {} : { channels: int(channels) },
    }).output;
  const values: BlockedValues = {
    graph,
    blockSize,
    dimsOf: (value) => dims.get(value) ?? shapes.shapeOf(value) ?? [],
    has(value) {
      const source = asImages(value, values);
      return known.has(value) || (source !== undefined && known.has(source));
    },
    of(value) {
      const found = known.get(value);
      if (found) return found;
      const source = asImages(value, values);
      const blocked = source
        ? reshape(values.of(source), values.dimsOf(value), values)
        : reorder("ReorderInput", value);
      known.set(value, blocked);
      return blocked;
    },
    replace(output, blocked) {
      const shape = values.dimsOf(output);
      const plain = reorder("ReorderOutput", blocked, shape[1] ?? 1);
      output.replaceAllUsesWith(plain);
      const { name, type, producer } = output;
      if (producer) graph.remove(producer);
      plain.name = name;
      plain.type = type;
      known.set(plain, blocked);
      dims.set(plain, shape);
    },
    ints(numbers) {
      const key = numbers.join();
      const value = made.get(key) ?? graph.addInitializer("dims", Tensor.int64(numbers));
      made.set(key, value);
      return value;
    },
    clean() {
      for (const plain of known.keys()) {
        const { producer } = plain;
        const isUnused = plain.uses.length === 0 && !plain.isGraphOutput;
        if (isUnused && producer?.opType === "ReorderOutput") graph.remove(producer);
      }
    },
  };
  return values;
}
