import { computeCost } from "../../cost/compute-cost.ts";
import { elementCount } from "../../ir/data-type.ts";
import type { Model } from "../../ir/model.ts";
import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import type { ShapeInference } from "../../shapes/types.ts";
import { isOperator, onlyConsumer } from "../support/edit.ts";

/**
 * Multiply-accumulates that take as long as moving one byte: one core of a server CPU does about
 * 40 · 10⁹ a second of the one (AVX2, blocked convolution) and 10 · 10⁹ of the other.
 */
const MACS_PER_BYTE = 4;

/** How often an operator passes over what it reads and writes, where that is not once. */
const PASSES: ReadonlyMap<string, number> = new Map([
  ["DepthToSpace", 2],
  ["SpaceToDepth", 2],
  ["Transpose", 2],
  ["Gather", 0.5],
  ["Reshape", 0],
  ["Shape", 0],
]);

/** Activations that ONNX Runtime fuses into a convolution before them. */
const FUSED = ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "Clip", "HardSigmoid", "HardSwish"];

/**
 * What a model costs by the rule that stands in for a measurement: multiply-accumulates, and four for
 * each byte that an operator reads or writes. Activations after a convolution are free; a transposed
 * convolution writes and reads the products of all taps; what turns data round passes over it twice.
 */
export function estimateCost(model: Model, shapes: ShapeInference): number {
  const { macs } = computeCost(model, { shapes });
  let bytes = 0;
  for (const node of model.graph.nodes) bytes += movedBytes(node, shapes);
  return macs + MACS_PER_BYTE * bytes;
}

function movedBytes(node: Node, shapes: ShapeInference): number {
  if (isFused(node)) return 0;
  const bytesOf = (value: Value | undefined): number =>
    4 * elementCount((value && shapes.shapeOf(value)) ?? [0]);
  let bytes = 0;
  for (const value of [...node.inputs, ...node.outputs]) {
    if (value && !value.tensor) bytes += bytesOf(value);
  }
  if (isOperator(node, "ConvTranspose")) {
    const [, out = 0, ...kernel] = node.input(1)?.tensor?.dims ?? [];
    const [batch = 0, , ...size] = (node.input(0) && shapes.shapeOf(node.output)) ?? [];
    const strides = node.ints("strides") ?? [];
    const taps = kernel.reduce((all, taps, axis) => (all * taps) / (strides[axis] ?? 1), 1);
    bytes += 2 * 4 * taps * out * elementCount([batch, ...size]);
  }
  return bytes * (node.domain === "" ? (PASSES.get(node.opType) ?? 1) : 1);
}

function isFused(node: Node): boolean {
  const data = node.input(0);
  return (
    isOperator(node, ...FUSED) &&
    data !== undefined &&
    isOperator(data.producer, "Conv") &&
    onlyConsumer(data) === node
  );
}
