import { int, type Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import { type GradientRule, outputGradient, requireInput } from "../gradient-rule.ts";
import { pad } from "./pad.ts";
import { slice } from "./slice.ts";

/** The same elements in other dims: back to those of the input. */
const reshape: GradientRule = (context) => {
  const { ops, needs } = context;
  if (!needs(0)) return [];
  return [ops.reshape(outputGradient(context), ops.dims(requireInput(context, 0)))];
};

const transpose: GradientRule = (context) => {
  const { node, ops, needs } = context;
  if (!needs(0)) return [];
  const rank = ops.dims(requireInput(context, 0)).length;
  const order = node.ints("perm") ?? [...Array(rank).keys()].reverse();
  const back = order.map((_, axis) => order.indexOf(axis));
  return [ops.transpose(outputGradient(context), back)];
};

const expand: GradientRule = (context) => {
  const { ops, needs } = context;
  if (!needs(0)) return [];
  return [ops.sumTo(outputGradient(context), ops.dims(requireInput(context, 0)))];
};

/** The sum over the repetitions. */
const tile: GradientRule = (context) => {
  const { ops, needs } = context;
  if (!needs(0)) return [];
  const gradient = outputGradient(context);
  const dims = ops.dims(requireInput(context, 0));
  const output = ops.dims(gradient);
  const repeated: number[] = [];
  const axes: number[] = [];
  dims.forEach((dim, axis) => {
    const count = dim === 0 ? 1 : (output[axis] ?? dim) / dim;
    if (count !== 1) {
      axes.push(repeated.length);
      repeated.push(count);
    }
    repeated.push(dim);
  });
  return [ops.reshape(ops.sum(ops.reshape(gradient, repeated), axes), dims)];
};

/** Each input gets its part. */
const concat: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const gradient = outputGradient(context);
  const axis = fromEnd(node.int("axis", 1), ops.dims(gradient).length);
  const sizes = node.inputs.map((_, index) => ops.dims(requireInput(context, index))[axis] ?? 0);
  if (sizes.every((_, index) => needs(index))) return ops.split(gradient, sizes, axis);
  let start = 0;
  return sizes.map((size, index) => {
    const from = start;
    start += size;
    if (!needs(index)) return undefined;
    return ops.slice(gradient, [{ axis, start: from, end: from + size }]);
  });
};

/** The gradients of the parts, joined; those that the loss does not depend on are zeros. */
const split: GradientRule = (context) => {
  const { node, ops, gradient, needs } = context;
  if (!needs(0)) return [];
  const x = requireInput(context, 0);
  const dims = ops.dims(x);
  const axis = fromEnd(node.int("axis", 0), dims.length);
  const size = dims[axis] ?? 0;
  const sizes = splitSizes(ops, node.input(1), size, node.outputs.length);
  const parts = sizes.map((_, index) => gradient(index));
  const present = [...parts.keys()].filter((index) => parts[index]);
  const first = present[0];
  const last = present.at(-1);
  if (first === undefined || last === undefined) return [];
  const zeros = (count: number): Value =>
    ops.expand(
      ops.scalar(0, ops.dtype(x)),
      dims.map((dim, at) => (at === axis ? count : dim)),
    );
  const joined = ops.concat(
    parts.slice(first, last + 1).map((part, offset) => part ?? zeros(sizes[first + offset] ?? 0)),
    axis,
  );
  const around = (count: number): readonly number[] =>
    dims.map((_, at) => (at === axis ? count : 0));
  const total = (counts: readonly number[]): number =>
    counts.reduce((sum, count) => sum + count, 0);
  return [
    ops.pad(joined, around(total(sizes.slice(0, first))), around(total(sizes.slice(last + 1)))),
  ];
};

/** Without given sizes, all parts are equal, but for a smaller last one. */
function splitSizes(
  ops: Ops,
  given: Value | undefined,
  size: number,
  count: number,
): readonly number[] {
  const known = given && ops.numbers(given);
  if (known) return known;
  const part = Math.ceil(size / count);
  return Array.from({ length: count }, (_, index) =>
    Math.max(0, Math.min(part, size - index * part)),
  );
}

const depthToSpace: GradientRule = (context) => {
  const { node, ops, needs } = context;
  if (!needs(0)) return [];
  const gradient = outputGradient(context);
  const block = node.int("blocksize", 1);
  if (node.string("mode", "DCR") !== "CRD") {
    return [ops.node("SpaceToDepth", [gradient], { blocksize: int(block) })];
  }
  const dims = ops.dims(requireInput(context, 0));
  const [batch = 1, channels = 1, height = 1, width = 1] = dims;
  const outputs = channels / (block * block);
  const blocks = ops.reshape(gradient, [batch, outputs, height, block, width, block]);
  return [ops.reshape(ops.transpose(blocks, [0, 1, 3, 5, 2, 4]), dims)];
};

const spaceToDepth: GradientRule = (context) => {
  const { node, ops, needs } = context;
  if (!needs(0)) return [];
  const blocksize = int(node.int("blocksize", 1));
  return [ops.node("DepthToSpace", [outputGradient(context)], { blocksize })];
};

const fromEnd = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Operators that move elements and join, cut or repeat them. */
export const reshapingRules: ReadonlyMap<string, GradientRule> = new Map([
  ["Reshape", reshape],
  ["Flatten", reshape],
  ["Squeeze", reshape],
  ["Unsqueeze", reshape],
  ["Transpose", transpose],
  ["Expand", expand],
  ["Tile", tile],
  ["Concat", concat],
  ["Split", split],
  ["Slice", slice],
  ["Pad", pad],
  ["DepthToSpace", depthToSpace],
  ["SpaceToDepth", spaceToDepth],
]);
