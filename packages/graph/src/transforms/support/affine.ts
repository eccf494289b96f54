import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { constantTensor } from "./constants.ts";
import { bypass, isOperator, onlyConsumer, removeIfUnused } from "./edit.ts";
import { at, type ChannelVector, isAll } from "./linear.ts";
import type { PartialShapes } from "./partial-shapes.ts";

/** Nodes in a row, each read by the next alone, that together compute scale · data + shift. */
export interface AffineChain {
  readonly data: Value;
  readonly nodes: readonly [Node, ...Node[]];
  readonly scale: ChannelVector;
  readonly shift: ChannelVector;
  readonly layout: ChannelLayout;
}

/** The axis that per-channel constants lie along, and the shape around it. */
export interface ChannelLayout {
  readonly rank: number;
  readonly axis: number;
  /** `undefined` if not known: then only scalars are taken. */
  readonly channels: number | undefined;
}

/** How constants beside a value may lie: along axis 1 (from rank 3 on), or along the last axis. */
function layoutsOf(value: Value, known: PartialShapes): readonly ChannelLayout[] {
  const shape = known.shapeOf(value);
  if (!shape || shape.length === 0) return [];
  const rank = shape.length;
  return (rank >= 3 ? [1, rank - 1] : [rank - 1]).map((axis) => {
    const channels = shape[axis];
    return { rank, axis, channels: typeof channels === "number" ? channels : undefined };
  });
}

/**
 * The numbers of a constant that broadcasts against a value without enlarging it: a scalar, or one
 * per channel. A constant of shape [C] lies along the last axis, which need not be the channels.
 */
function channelVector(
  tensor: Tensor,
  { rank, axis, channels }: ChannelLayout,
): ChannelVector | undefined {
  const { dims } = tensor;
  if (tensor.dtype !== "float32" || dims.length > rank || tensor.storage.kind === "external") {
    return undefined;
  }
  const offset = rank - dims.length;
  for (const [index, dim] of dims.entries()) {
    if (dim !== 1 && (index + offset !== axis || dim !== channels)) return undefined;
  }
  return tensor.size === 0 ? undefined : tensor.toNumbers();
}

const ONE = Float64Array.of(1);
const ZERO = Float64Array.of(0);

interface AffineStep {
  readonly data: Value;
  readonly scale: ChannelVector;
  readonly shift: ChannelVector;
}

/** Reads Add, Sub, Mul or Div of a value and a constant. */
function readAffine(node: Node | undefined, layout: ChannelLayout): AffineStep | undefined {
  if (!isOperator(node, "Add", "Sub", "Mul", "Div") || node.inputs.length !== 2) return undefined;
  const [left, right] = node.inputs;
  if (!left || !right) return undefined;
  const rightTensor = constantTensor(right);
  const leftTensor = rightTensor ? undefined : constantTensor(left);
  const tensor = rightTensor ?? leftTensor;
  const vector = tensor && channelVector(tensor, layout);
  if (!vector?.every(Number.isFinite)) return undefined;
  const data = rightTensor ? left : right;
  if (constantTensor(data)) return undefined;
  switch (node.opType) {
    case "Add":
      return { data, scale: ONE, shift: vector };
    case "Mul":
      return { data, scale: vector, shift: ZERO };
    case "Sub":
      return rightTensor
        ? { data, scale: ONE, shift: vector.map((number) => -number) }
        : { data, scale: Float64Array.of(-1), shift: vector };
    default:
      return rightTensor && !vector.includes(0)
        ? { data, scale: vector.map((number) => 1 / number), shift: ZERO }
        : undefined;
  }
}

/**
 * The chain that begins with this node, or `undefined` if it is not the first of one. Where the
 * constants can be read along either axis, the longer chain counts.
 */
export function readAffineChain(node: Node, known: PartialShapes): AffineChain | undefined {
  if (!isOperator(node, "Add", "Sub", "Mul", "Div")) return undefined;
  const data = node.inputs.find((value) => value && !constantTensor(value));
  if (!data) return undefined;
  let longest: AffineChain | undefined;
  for (const layout of layoutsOf(data, known)) {
    const chain = readChainAlong(node, layout);
    if (chain && chain.nodes.length > (longest?.nodes.length ?? 0)) longest = chain;
  }
  return longest;
}

function readChainAlong(node: Node, layout: ChannelLayout): AffineChain | undefined {
  const first = readAffine(node, layout);
  if (!first) return undefined;
  const { producer } = first.data;
  if (producer && onlyConsumer(first.data) === node && readAffine(producer, layout)) {
    return undefined;
  }
  const nodes: [Node, ...Node[]] = [node];
  let { scale, shift } = first;
  for (let next = onlyConsumer(node.output); next; next = onlyConsumer(next.output)) {
    const step = readAffine(next, layout);
    if (!step) break;
    shift = combine(combine(shift, step.scale, multiply), step.shift, add);
    scale = combine(scale, step.scale, multiply);
    nodes.push(next);
  }
  return { data: first.data, nodes, scale, shift, layout };
}

const multiply = (a: number, b: number): number => a * b;
const add = (a: number, b: number): number => a + b;

/** The node whose output is the chain's. */
export function lastOf({ nodes }: AffineChain): Node {
  return nodes[nodes.length - 1] ?? nodes[0];
}

/** Combines two channel vectors, either of which may stand for all channels. */
export function combine(
  a: ChannelVector,
  b: ChannelVector,
  compute: (a: number, b: number) => number,
): ChannelVector {
  const length = Math.max(a.length, b.length);
  return Float64Array.from({ length }, (_, channel) => compute(at(a, channel), at(b, channel)));
}

/** How many nodes a scale and a shift need. */
export function canonicalLength(scale: ChannelVector, shift: ChannelVector): number {
  return (isAll(scale, 1) ? 0 : 1) + (isAll(shift, 0) ? 0 : 1);
}

/**
 * Reads a node as scale · data + shift with two numbers. The constants have one element each, and a
 * rank that does not enlarge the data's.
 */
export function readScalarAffine(
  node: Node | undefined,
  known: PartialShapes,
): { readonly data: Value; readonly scale: number; readonly shift: number } | undefined {
  if (!isOperator(node, "Add", "Sub", "Mul", "Div")) return undefined;
  const data = node.inputs.find((value) => value && !constantTensor(value));
  const rank = known.shapeOf(data)?.length ?? 0;
  const step = readAffine(node, { rank, axis: Math.max(0, rank - 1), channels: undefined });
  if (step?.scale.length !== 1 || step.shift.length !== 1) return undefined;
  return { data: step.data, scale: at(step.scale, 0), shift: at(step.shift, 0) };
}

/** Puts a Mul and an Add, as far as they are needed, in the place of a chain. */
export function rewriteChain(
  chain: AffineChain,
  scale: ChannelVector,
  shift: ChannelVector,
): boolean {
  const { data, nodes, layout } = chain;
  const last = lastOf(chain);
  const { graph } = last;
  const trailing = Array<number>(layout.rank - 1 - layout.axis).fill(1);
  let value = data;
  const created: Node[] = [];
  const append = (opType: "Mul" | "Add", vector: ChannelVector): void => {
    const constant = graph.addInitializer(
      `${last.key}_${opType === "Mul" ? "scale" : "shift"}`,
      Tensor.float32(
        vector.length === 1 ? [] : [vector.length, ...trailing],
        Float32Array.from(vector),
      ),
    );
    const node = graph.createNode({ opType, inputs: [value, constant], before: last });
    created.push(node);
    value = node.output;
  };
  if (!isAll(scale, 1)) append("Mul", scale);
  if (!isAll(shift, 0)) append("Add", shift);
  const isDone = bypass(last, value);
  removeDead(isDone ? nodes : created);
  return isDone;
}

/** Lets everything that reads a chain read its data instead. */
export function removeChain(chain: AffineChain): boolean {
  if (!bypass(lastOf(chain), chain.data)) return false;
  removeDead(chain.nodes);
  return true;
}

/** Removes nodes, last first, as far as nothing reads them, and the constants only they read. */
export function removeDead(nodes: readonly Node[]): void {
  for (const node of [...nodes].reverse()) {
    if (node.removed || node.output.uses.length > 0 || node.output.isGraphOutput) continue;
    const inputs = [...node.inputs];
    node.graph.remove(node);
    for (const input of inputs) removeIfUnused(input);
  }
}
