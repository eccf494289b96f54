import type { Value } from "@ocrslim/graph";
import {
  type GradientContext,
  type GradientRule,
  outputGradient,
  readConstant,
  requireInput,
} from "../gradient-rule.ts";

/** What a Slice took of one axis: `count` elements from `start`, `step` apart, `step` positive. */
interface Taken {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
  /** Whether they were taken from the last to the first. */
  readonly isReversed: boolean;
}

/**
 * What was taken goes back to its places, with zeros around it, and between it where the step was not
 * 1: one Pad puts `step - 1` zeros after each element, along axes of their own.
 */
export const slice: GradientRule = (context) => {
  const { ops, needs } = context;
  if (!needs(0)) return [];
  const x = requireInput(context, 0);
  const dims = ops.dims(x);
  const gradient = outputGradient(context);
  const counts = ops.dims(gradient);
  if (counts.includes(0)) return [ops.expand(ops.scalar(0, ops.dtype(x)), dims)];
  const taken = readTaken(context, dims, counts);
  const reversed = taken.filter(({ isReversed }) => isReversed);
  let parts = gradient;
  if (reversed.length > 0) {
    parts = ops.slice(
      parts,
      reversed.map(({ axis, count }) => ({ axis, start: -1, end: -count - 1, step: -1 })),
    );
  }
  const steps = counts.map((_, axis) => taken.find((one) => one.axis === axis)?.step ?? 1);
  parts = spread(context, parts, steps);
  const before = dims.map((_, axis) => taken.find((one) => one.axis === axis)?.start ?? 0);
  const spreadDims = ops.dims(parts);
  // Where the zeros after the last element reach beyond the end, they are cut off.
  const after = dims.map((dim, axis) => dim - (before[axis] ?? 0) - (spreadDims[axis] ?? 0));
  return [ops.pad(parts, before, after)];
};

/** Puts `step - 1` zeros after each element of an axis. */
function spread({ ops }: GradientContext, value: Value, steps: readonly number[]): Value {
  if (steps.every((step) => step === 1)) return value;
  const dims = ops.dims(value);
  const open: number[] = [];
  const zeros: number[] = [];
  dims.forEach((dim, axis) => {
    const step = steps[axis] ?? 1;
    open.push(dim);
    zeros.push(0);
    if (step === 1) return;
    open.push(1);
    zeros.push(step - 1);
  });
  const padded = ops.pad(
    ops.reshape(value, open),
    zeros.map(() => 0),
    zeros,
  );
  return ops.reshape(
    padded,
    dims.map((dim, axis) => dim * (steps[axis] ?? 1)),
  );
}

function readTaken(
  context: GradientContext,
  dims: readonly number[],
  counts: readonly number[],
): readonly Taken[] {
  const starts = readConstant(context, 1) ?? [];
  const axes = readConstant(context, 3);
  const steps = readConstant(context, 4);
  return starts.map((from, index) => {
    const given = axes?.[index] ?? index;
    const axis = given < 0 ? given + dims.length : given;
    const size = dims[axis] ?? 1;
    const step = steps?.[index] ?? 1;
    const count = counts[axis] ?? 1;
    const first = Math.min(Math.max(from < 0 ? from + size : from, 0), size - 1);
    return {
      axis,
      start: step > 0 ? first : first + (count - 1) * step,
      step: Math.abs(step),
      count,
      isReversed: step < 0 && count > 1,
    };
  });
}
