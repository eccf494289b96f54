import { elementCount, ints, Tensor, type Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";

/** An element of an axis that an output element reads, and the factor it is read with. */
export type Tap = readonly [index: number, weight: number];

/** A linear map along one axis: each output element is a weighted sum of input elements. */
export interface AxisMap {
  readonly axis: number;
  /** Elements of the input's axis. */
  readonly size: number;
  /** For each output element, what it reads; the same element may occur twice. */
  readonly taps: readonly (readonly Tap[])[];
}

/**
 * Gradient of a map that is separable, y = A_h · x · A_wᵀ: dX = A_hᵀ · dY · A_w, with a constant matrix
 * for each axis. Repeating each element in blocks, as nearest neighbours do with whole scales, is
 * summed by a pool instead: [1, 96, 160, 160] → [1, 96, 80, 80] takes 2 ms on the CPU with two
 * threads, as ReduceSum 2 to 6 ms, as matrix products 19 ms.
 */
export function transposeAxisMaps(ops: Ops, gradient: Value, maps: readonly AxisMap[]): Value {
  const moving = maps.filter((map) => !isIdentity(map));
  const rank = ops.dims(gradient).length;
  const repeats = moving.map(repeatCount);
  const isSpatial = rank <= 5 && moving.length > 0;
  if (isSpatial && moving.every(({ axis }, index) => axis >= 2 && repeats[index])) {
    const window = Array.from({ length: rank - 2 }, (_, index) => {
      const at = moving.findIndex(({ axis }) => axis === index + 2);
      return repeats[at] ?? 1;
    });
    const pooled = ops.node("AveragePool", [gradient], {
      kernel_shape: ints(window),
      strides: ints(window),
    });
    return ops.mul(pooled, elementCount(window));
  }
  return moving.reduce((value, map) => transposeAxisMap(ops, value, map), gradient);
}

function isIdentity({ size, taps }: AxisMap): boolean {
  return taps.length === size && taps.every((own, at) => readsOnly(own, at));
}

/** How often each element is repeated; `undefined` if the map does anything else. */
function repeatCount({ size, taps }: AxisMap): number | undefined {
  const count = taps.length / size;
  if (!Number.isInteger(count)) return undefined;
  return taps.every((own, at) => readsOnly(own, Math.floor(at / count))) ? count : undefined;
}

function readsOnly(taps: readonly Tap[], index: number): boolean {
  return taps.every(([from, weight]) => from === index || weight === 0) && weightOf(taps) === 1;
}

const weightOf = (taps: readonly Tap[]): number =>
  taps.reduce((sum, [, weight]) => sum + weight, 0);

function transposeAxisMap(ops: Ops, value: Value, { axis, size, taps }: AxisMap): Value {
  const dims = ops.dims(value);
  const count = taps.length;
  const isLast = axis === dims.length - 1;
  const matrix = new Float64Array(size * count);
  taps.forEach((own, at) => {
    for (const [index, weight] of own) {
      const place = isLast ? at * size + index : index * count + at;
      matrix[place] = (matrix[place] ?? 0) + weight;
    }
  });
  const matrixDims = isLast ? [count, size] : [size, count];
  const constant = ops.constant(
    ops.dtype(value) === "float64"
      ? Tensor.from("float64", matrixDims, matrix)
      : Tensor.float32(matrixDims, matrix),
  );
  const result = dims.map((dim, at) => (at === axis ? size : dim));
  if (isLast) return ops.matMul(value, constant);
  const columns = [elementCount(dims.slice(0, axis)), count, elementCount(dims.slice(axis + 1))];
  return ops.reshape(ops.matMul(constant, ops.reshape(value, columns)), result);
}
