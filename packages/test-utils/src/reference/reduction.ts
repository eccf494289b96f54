import { elementCount } from "@ocrslim/graph";
import {
  float64,
  offsetOf,
  positions,
  positiveAxis,
  type ReferenceContext,
  type ReferenceKernel,
  type ReferenceKernels,
  stridesOf,
} from "./reference-kernel.ts";

/** All axes of the operator; an empty list means all, or none with `noop_with_empty_axes`. */
function reducedAxes(context: ReferenceContext): readonly number[] {
  const rank = context.dims(0).length;
  const given = context.node.ints("axes") ?? [...(context.optional(1) ?? [])];
  if (given.length > 0) return given.map((axis) => positiveAxis(axis, rank));
  return context.node.int("noop_with_empty_axes", 0) !== 0 ? [] : [...context.dims(0).keys()];
}

const reduce =
  (operation: (values: readonly number[]) => number): ReferenceKernel =>
  (context) => {
    const dims = context.dims(0);
    const axes = reducedAxes(context);
    const x = context.numbers(0);
    const kept = dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
    const lists = Array.from({ length: elementCount(kept) }, (): number[] => []);
    let at = 0;
    for (const index of positions(dims)) lists[offsetOf(index, strides)]?.push(x[at++] ?? 0);
    const outputDims =
      context.node.int("keepdims", 1) !== 0 ? kept : dims.filter((_, axis) => !axes.includes(axis));
    return [float64(outputDims, lists.map(operation))];
  };

const sum = (values: readonly number[]): number => values.reduce((total, v) => total + v, 0);

const logSumExp = (values: readonly number[]): number => {
  const most = Math.max(...values);
  return most + Math.log(sum(values.map((value) => Math.exp(value - most))));
};

/** Reductions that `evaluateNode` lacks. */
export const reductionKernels: ReferenceKernels = [
  ["ReduceLogSum", reduce((values) => Math.log(sum(values)))],
  ["ReduceLogSumExp", reduce(logSumExp)],
];
