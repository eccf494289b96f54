import { constantTensor, type Node, setConstantTensor, Tensor, type Value } from "@ocrslim/graph";
import type { ConsumerResponse } from "./consumer-response.ts";

/**
 * Adds a constant per channel to a node's output: to the bias it has, to a new one, or, where the
 * operator takes none, by an Add behind it. Other readers of a shared bias do not notice.
 */
export function addBias(node: Node, { delta, axis }: ConsumerResponse, rank: number): void {
  if (node.opType === "Conv" || node.opType === "ConvTranspose") {
    if (addToVector(node, delta, 1)) return;
  }
  if (node.opType === "Gemm" && axis === -1) {
    const beta = node.float("beta", 1);
    if (beta !== 0 && addToVector(node, delta, 1 / beta)) return;
  }
  addBehind(node, delta, axis < 0 ? rank + axis : axis, rank);
}

/** Adds to input 2, a vector along the output's channels; false if it is anything else. */
function addToVector(node: Node, delta: Float64Array, scale: number): boolean {
  const { graph } = node;
  const old = node.input(2);
  if (!old) {
    const tensor = makeTensor(
      weightOf(node),
      [delta.length],
      delta.map((value) => value * scale),
    );
    node.setInput(2, graph.addInitializer(`${node.key}_bias`, tensor));
    return true;
  }
  const tensor = constantTensor(old);
  const isVector =
    tensor?.size === delta.length && tensor.dims[tensor.dims.length - 1] === delta.length;
  if (!tensor || !isVector || (tensor.dtype !== "float32" && tensor.dtype !== "float64")) {
    return false;
  }
  const sums = tensor.toNumbers().map((value, index) => value + (delta[index] ?? 0) * scale);
  const changed = makeTensor(tensor, tensor.dims, sums);
  if (old.uses.length === 1 && !old.isGraphOutput && !old.isGraphInput)
    setConstantTensor(old, changed);
  else node.setInput(2, graph.addInitializer(`${old.name}_${node.key}`, changed));
  return true;
}

/** An Add behind the node. A graph output keeps its name, which is then the Add's. */
function addBehind(node: Node, delta: Float64Array, axis: number, rank: number): void {
  const { graph, output } = node;
  const dims = Array.from({ length: rank }, (_, index) => (index === axis ? delta.length : 1));
  while (dims[0] === 1 && dims.length > 1) dims.shift();
  const bias = graph.addInitializer(`${node.key}_bias`, makeTensor(weightOf(node), dims, delta));
  const name = output.name;
  const readers = [...output.uses];
  if (output.isGraphOutput) output.name = graph.uniqueName(`${name}_before_bias`);
  const sum: Value = graph.createNode({
    opType: "Add",
    inputs: [output, bias],
    outputs: [output.name === name ? graph.uniqueName(`${name}_biased`) : name],
    after: node,
  }).output;
  sum.type = output.type;
  for (const use of readers) use.node.setInput(use.index, sum);
  if (output.isGraphOutput) {
    graph.setOutputs(graph.outputs.map((entry) => (entry === output ? sum : entry)));
  }
}

/** The constant among the two operands. */
function weightOf(node: Node): Tensor | undefined {
  const [left, right] = node.inputs;
  return (right && constantTensor(right)) ?? (left && constantTensor(left));
}

function makeTensor(
  like: Tensor | undefined,
  dims: readonly number[],
  values: Float64Array,
): Tensor {
  return like?.dtype === "float64"
    ? Tensor.from("float64", dims, values)
    : Tensor.float32(dims, values);
}
