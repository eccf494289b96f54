import type { Node } from "../../ir/node.ts";
import { formatDims, normalizeAxis } from "../dims.ts";
import { dependsOnData, mismatch, type ShapeRule, type ShapeRuleContext } from "../shape-rule.ts";

const concat: ShapeRule = (context) => {
  const { node } = context;
  const count = node.inputs.length;
  const dtype = context.dtype(0);
  const first = context.dims(0);
  if (!first) return [{ dtype }];
  const axis = normalizeAxis(node, node.int("axis", 1), first.length);
  const output = [...first];
  let total = first[axis] ?? 0;
  for (let index = 1; index < count; index++) {
    const dims = context.dims(index);
    if (!dims) return [{ dtype }];
    if (dims.length !== first.length || dims.some((dim, i) => i !== axis && dim !== first[i])) {
      throw mismatch(
        node,
        `input ${index} ${formatDims(dims)} differs from input 0 ${formatDims(first)} beyond axis ${axis}`,
      );
    }
    total += dims[axis] ?? 0;
  }
  output[axis] = total;
  return [{ dims: output, dtype }];
};

function splitSizes(node: Node, size: number, given: readonly number[] | undefined): number[] {
  if (given) {
    const total = given.reduce((sum, part) => sum + part, 0);
    if (total !== size || given.length < node.outputs.length) {
      throw mismatch(node, `split ${formatDims(given)} does not add up to ${size}`);
    }
    return [...given];
  }
  const count = node.outputs.length;
  if (node.int("num_outputs", count) !== count) {
    throw mismatch(
      node,
      `num_outputs = ${node.int("num_outputs")}, but there are ${count} outputs`,
    );
  }
  const part = Math.ceil(size / count);
  return Array.from({ length: count }, (_, index) =>
    Math.max(0, Math.min(part, size - index * part)),
  );
}

const split: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  const given = node.ints("split") ?? context.numbers(1);
  if (!given && node.input(1)) {
    context.warn("data-dependent-shape", "split sizes are not constant");
    return node.outputs.map(() => ({ dtype }));
  }
  if (!dims) return node.outputs.map(() => ({ dtype }));
  const axis = normalizeAxis(node, node.int("axis", 0), dims.length);
  return splitSizes(node, dims[axis] ?? 0, given).map((part) => ({
    dims: dims.map((dim, i) => (i === axis ? part : dim)),
    dtype,
  }));
};

/** One axis of a Slice, clamped to the dim: where it begins, its step, how many elements. */
export interface SliceRange {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/**
 * What a Slice takes of an input of these dims, from attributes (before opset 10) or from inputs;
 * `undefined` if an input is not constant.
 */
export function readSlice(
  context: Pick<ShapeRuleContext, "node" | "numbers">,
  dims: readonly number[],
): readonly SliceRange[] | undefined {
  const { node } = context;
  const read = (name: string, index: number): readonly number[] | undefined =>
    node.ints(name) ?? context.numbers(index);
  const starts = read("starts", 1);
  const ends = read("ends", 2);
  const axes = read("axes", 3);
  const steps = context.numbers(4);
  if (!starts || !ends || (!axes && node.input(3)) || (!steps && node.input(4))) return undefined;
  if (starts.length !== ends.length) {
    throw mismatch(
      node,
      `starts ${formatDims(starts)} and ends ${formatDims(ends)} differ in length`,
    );
  }
  return starts.map((start, i) => {
    const axis = normalizeAxis(node, axes?.[i] ?? i, dims.length);
    return sliceRange(node, axis, dims[axis] ?? 0, start, ends[i] ?? 0, steps?.[i] ?? 1);
  });
}

function sliceRange(
  node: Node,
  axis: number,
  size: number,
  start: number,
  end: number,
  step: number,
): SliceRange {
  if (step === 0) throw mismatch(node, "a step is 0");
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? size : size - 1;
  const clamp = (at: number): number => Math.min(high, Math.max(low, at < 0 ? at + size : at));
  const from = step > 0 ? clamp(start) : Math.max(0, clamp(start));
  // Ceil may give -0.
  const count = Math.max(0, Math.ceil((clamp(end) - from) / step)) + 0;
  return { axis, start: from, step, count: size === 0 ? 0 : count };
}

const slice: ShapeRule = (context) => {
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype }];
  const ranges = readSlice(context, dims);
  if (!ranges) return dependsOnData(context, "starts, ends, axes or steps");
  const output = [...dims];
  for (const { axis, count } of ranges) output[axis] = count;
  return [{ dims: output, dtype }];
};

/**
 * Begins of all axes, then ends, of a Pad, from the attribute (before opset 11) or the input;
 * `undefined` if that is not constant.
 */
export function readPads(
  context: Pick<ShapeRuleContext, "node" | "numbers">,
  rank: number,
): readonly number[] | undefined {
  const { node } = context;
  const given = node.ints("pads") ?? context.numbers(1);
  const axes = context.numbers(3);
  if (!given || (!axes && node.input(3))) return undefined;
  const padded = axes?.map((axis) => normalizeAxis(node, axis, rank)) ?? [
    ...new Array<number>(rank).keys(),
  ];
  if (given.length !== 2 * padded.length) {
    throw mismatch(node, `pads ${formatDims(given)} should have ${2 * padded.length} entries`);
  }
  const pads = new Array<number>(2 * rank).fill(0);
  padded.forEach((axis, i) => {
    pads[axis] = given[i] ?? 0;
    pads[axis + rank] = given[i + padded.length] ?? 0;
  });
  return pads;
}

const pad: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype }];
  const pads = readPads(context, dims.length);
  if (!pads) return dependsOnData(context, "pads or axes");
  const output = dims.map((dim, axis) => dim + (pads[axis] ?? 0) + (pads[axis + dims.length] ?? 0));
  if (output.some((dim) => dim < 0)) {
    throw mismatch(node, `pads ${formatDims(pads)} cut more than input ${formatDims(dims)} has`);
  }
  return [{ dims: output, dtype }];
};

/** Operators that join, cut and pad. */
export const sliceRules: readonly (readonly [string, ShapeRule])[] = [
  ["Concat", concat],
  ["Split", split],
  ["Slice", slice],
  ["Pad", pad],
];
