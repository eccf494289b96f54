import { elementCount } from "../ir/data-type.ts";
import { stridesOf } from "../shapes/dims.ts";
import { readReducedAxes } from "../shapes/rules/reduction.ts";
import { combineIndices, steps } from "./elements.ts";
import { type Kernel, MAX_DIM } from "./kernel.ts";
import {
  fromBigInts,
  fromNumbers,
  maxBigInt,
  minBigInt,
  numberKind,
  toBigInts,
} from "./numbers.ts";

/** How a list of elements is reduced to one; integers where it is defined on them. */
interface Reduction {
  readonly float: (values: Float64Array) => number;
  readonly big?: (values: readonly bigint[]) => bigint;
  /** Whether an empty list has a result. */
  readonly isTotal: boolean;
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

const REDUCTIONS: Readonly<Record<string, Reduction>> = {
  ReduceSum: {
    float: sum,
    big: (values) => values.reduce((total, value) => total + value, 0n),
    isTotal: true,
  },
  ReduceProd: {
    float: (values) => values.reduce((product, value) => product * value, 1),
    big: (values) => values.reduce((product, value) => product * value, 1n),
    isTotal: true,
  },
  ReduceMax: {
    float: (values) => values.reduce((best, value) => Math.max(best, value)),
    big: (values) => values.reduce(maxBigInt),
    isTotal: false,
  },
  ReduceMin: {
    float: (values) => values.reduce((best, value) => Math.min(best, value)),
    big: (values) => values.reduce(minBigInt),
    isTotal: false,
  },
  ReduceMean: { float: (values) => sum(values) / values.length, isTotal: false },
  ReduceL1: { float: (values) => sum(values.map(Math.abs)), isTotal: true },
  ReduceL2: { float: (values) => Math.sqrt(sum(values.map((v) => v * v))), isTotal: true },
  ReduceSumSquare: { float: (values) => sum(values.map((v) => v * v)), isTotal: true },
};

/** In double precision, rounded once; integers exactly. */
function reduce({ float, big, isTotal }: Reduction): Kernel {
  return (context) => {
    const [source] = context.inputs;
    const dims = context.outputs[0]?.dims;
    const axes = source && readReducedAxes(context, source.dims.length);
    if (!source || !dims || !axes) return undefined;
    // Of a tensor without elements: the reduced dims may still be large.
    if (elementCount(axes.map((axis) => source.dims[axis] ?? 1)) > MAX_DIM) return undefined;
    const strides = stridesOf(source.dims);
    const tables = source.dims.map((count, axis) => steps(count, strides[axis] ?? 0));
    const bases = combineIndices(tables.filter((_, axis) => !axes.includes(axis)));
    const offsets = combineIndices(tables.filter((_, axis) => axes.includes(axis)));
    if ((offsets.length === 0 && !isTotal) || bases.length !== elementCount(dims)) return undefined;
    const kind = numberKind(source.dtype);
    if (kind === "float" || (kind === "int" && big)) {
      const values = source.toNumbers();
      const taken = new Float64Array(offsets.length);
      const results = Float64Array.from(bases, (base) => {
        for (let i = 0; i < taken.length; i++) taken[i] = values[base + (offsets[i] ?? 0)] ?? 0;
        return float(taken);
      });
      if (kind === "int" && !results.every(Number.isSafeInteger)) return undefined;
      const result = fromNumbers(source.dtype, dims, results);
      return result && [result];
    }
    if (kind !== "big" || !big) return undefined;
    const values = toBigInts(source);
    const results = Array.from(bases, (base) =>
      big(Array.from(offsets, (offset) => values[base + offset] ?? 0n)),
    );
    return [fromBigInts(source.dtype, dims, results)];
  };
}

/** Reductions. */
export const reductionKernels: readonly (readonly [string, Kernel])[] = Object.entries(
  REDUCTIONS,
).map(([opType, reduction]) => [opType, reduce(reduction)]);
