import type { Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import {
  type GradientContext,
  type GradientRule,
  notCovered,
  outputGradient,
  readConstant,
  requireInput,
} from "../gradient-rule.ts";

/**
 * Constant padding is cut off again, and what negative pads cut off gets zeros; the gradient of the
 * constant is the sum of the rest. The other modes copy elements of the input: each axis is folded
 * back in turn, the runs of the border added to the places they were copied from.
 */
export const pad: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const gradient = outputGradient(context);
  const dims = ops.dims(requireInput(context, 0));
  const { before, after } = readPads(context, dims.length);
  const mode = node.string("mode", "constant");
  if (mode !== "constant") {
    return needs(0) ? [foldBorders(context, gradient, mode, before, after)] : [];
  }
  if (!needs(0) && !needs(2)) return [];
  const inner = crop(ops, gradient, before, after);
  const constant = node.input(2);
  return [
    needs(0) ? inner : undefined,
    undefined,
    needs(2) && constant
      ? ops.reshape(ops.sub(ops.sum(gradient), ops.sum(inner)), ops.dims(constant))
      : undefined,
  ];
};

function readPads(
  context: GradientContext,
  rank: number,
): { readonly before: readonly number[]; readonly after: readonly number[] } {
  const pads = readConstant(context, 1) ?? [];
  const axes = readConstant(context, 3) ?? [...Array(rank).keys()];
  const before = new Array<number>(rank).fill(0);
  const after = new Array<number>(rank).fill(0);
  axes.forEach((given, index) => {
    const axis = given < 0 ? given + rank : given;
    before[axis] = pads[index] ?? 0;
    after[axis] = pads[index + axes.length] ?? 0;
  });
  return { before, after };
}

/** The inverse of padding by zeros. */
function crop(ops: Ops, value: Value, before: readonly number[], after: readonly number[]): Value {
  if ([...before, ...after].some((count) => count < 0)) {
    const opposite = (counts: readonly number[]): number[] => counts.map((count) => 0 - count);
    return ops.pad(value, opposite(before), opposite(after));
  }
  const dims = ops.dims(value);
  const ranges = dims.flatMap((dim, axis) => {
    const start = before[axis] ?? 0;
    const end = dim - (after[axis] ?? 0);
    return start === 0 && end === dim ? [] : [{ axis, start, end }];
  });
  return ranges.length === 0 ? value : ops.slice(value, ranges);
}

function foldBorders(
  { node, ops }: GradientContext,
  gradient: Value,
  mode: string,
  before: readonly number[],
  after: readonly number[],
): Value {
  const source = BORDER_SOURCES.get(mode);
  if (!source) throw notCovered(node, `mode "${mode}"`);
  return before.reduce((folded, left, axis) => {
    const right = after[axis] ?? 0;
    if (left === 0 && right === 0) return folded;
    const cut = Math.min(left, 0);
    const begin = Math.max(left, 0);
    const dim = ops.dims(folded)[axis] ?? 0;
    const kept = dim - begin - Math.max(right, 0);
    // Negative pads cut first; the borders are copies of what is left.
    const sources = Array.from({ length: dim }, (_, at) => source(at - begin, kept) - cut);
    const size = kept - cut - Math.min(right, 0);
    const runs = [
      [0, begin],
      [begin, begin + kept],
      [begin + kept, dim],
    ].flatMap(([from = 0, to = 0]) => listRuns(sources, from, to));
    const parts = runs.map((run) => moveRun(ops, folded, axis, run, size));
    return parts.length === 1 && parts[0] ? parts[0] : ops.node("Sum", parts);
  }, gradient);
}

/** Index in an axis of `size` elements that padding copies to the place `at` before or after it. */
const BORDER_SOURCES: ReadonlyMap<string, (at: number, size: number) => number> = new Map([
  ["edge", (at, size) => Math.min(Math.max(at, 0), size - 1)],
  ["wrap", (at, size) => modulo(at, size)],
  [
    "reflect",
    (at, size) => {
      const period = Math.max(2 * size - 2, 1);
      const place = modulo(at, period);
      return place < size ? place : period - place;
    },
  ],
]);

const modulo = (value: number, size: number): number => ((value % size) + size) % size;

/** Neighbours [start, end) whose sources go up by one, down by one, or stay. */
interface Run {
  readonly start: number;
  readonly end: number;
  readonly slope: -1 | 0 | 1;
  /** The lowest index they come from. */
  readonly source: number;
}

function listRuns(sources: readonly number[], from: number, to: number): readonly Run[] {
  const runs: Run[] = [];
  let start = from;
  while (start < to) {
    const first = sources[start] ?? 0;
    const next = start + 1 < to ? (sources[start + 1] ?? 0) - first : 1;
    const slope = next === 0 || next === -1 ? next : 1;
    let end = start + 1;
    while (end < to && sources[end] === first + slope * (end - start)) end++;
    runs.push({ start, end, slope, source: slope < 0 ? (sources[end - 1] ?? 0) : first });
    start = end;
  }
  return runs;
}

/** The run's part of the value, at its place in an axis of `size` elements. */
function moveRun(ops: Ops, value: Value, axis: number, run: Run, size: number): Value {
  const { start, end, slope, source } = run;
  const dims = ops.dims(value);
  const isReversed = slope < 0;
  const part =
    !isReversed && start === 0 && end === dims[axis]
      ? value
      : ops.slice(value, [
          isReversed
            ? { axis, start: end - 1, end: start - 1 - (dims[axis] ?? 0), step: -1 }
            : { axis, start, end },
        ]);
  const moved = slope === 0 ? ops.sum(part, [axis], true) : part;
  const length = ops.dims(moved)[axis] ?? 0;
  const at = (count: number): readonly number[] => dims.map((_, i) => (i === axis ? count : 0));
  return ops.pad(moved, at(source), at(size - source - length));
}
