import { type DataType, dataTypeBits, elementCount } from "../ir/data-type.ts";
import { Tensor } from "../ir/tensor.ts";

/** Bytes of one element; `undefined` for types whose elements are not 1, 2, 4 or 8 whole bytes. */
export function elementBytes(dtype: DataType): 1 | 2 | 4 | 8 | undefined {
  switch (dataTypeBits(dtype)) {
    case 8:
      return 1;
    case 16:
      return 2;
    case 32:
      return 4;
    case 64:
      return 8;
    default:
      return undefined;
  }
}

interface Elements<T> {
  [index: number]: T;
}

function copyAt<T>(
  target: Elements<T>,
  source: Elements<T>,
  indices: Int32Array,
  filler: T | undefined,
  zero: T,
): void {
  const fill = filler ?? zero;
  for (let i = 0; i < indices.length; i++) target[i] = source[indices[i] ?? -1] ?? fill;
}

/**
 * The elements of `source` at `indices`, in that order, bit for bit; where an index is negative,
 * `fill` (a tensor of one element; default: zero). `undefined` for types of no whole bytes.
 */
export function pick(
  source: Tensor,
  dims: readonly number[],
  indices: Int32Array,
  fill?: Tensor,
): Tensor | undefined {
  const step = elementBytes(source.dtype);
  if (!step || (fill && fill.dtype !== source.dtype)) return undefined;
  const bytes = new Uint8Array(indices.length * step);
  const from = alignedBuffer(source.bytes, step);
  const filler = fill && alignedBuffer(fill.bytes, step);
  if (step === 1) {
    copyAt(bytes, new Uint8Array(...from), indices, filler && new Uint8Array(...filler)[0], 0);
  } else if (step === 2) {
    const target = new Uint16Array(bytes.buffer);
    copyAt(target, new Uint16Array(...from), indices, filler && new Uint16Array(...filler)[0], 0);
  } else if (step === 4) {
    const target = new Uint32Array(bytes.buffer);
    copyAt(target, new Uint32Array(...from), indices, filler && new Uint32Array(...filler)[0], 0);
  } else {
    const target = new BigUint64Array(bytes.buffer);
    const first = filler && new BigUint64Array(...filler)[0];
    copyAt(target, new BigUint64Array(...from), indices, first, 0n);
  }
  return Tensor.from(source.dtype, dims, bytes);
}

function alignedBuffer(bytes: Uint8Array, step: number): [ArrayBufferLike, number, number] {
  const view = bytes.byteOffset % step === 0 ? bytes : new Uint8Array(bytes);
  return [view.buffer, view.byteOffset, view.length / step];
}

/** Stands in a table of {@link combineIndices} for a position outside the source. */
export const OUTSIDE: number = -(2 ** 40);

/**
 * Element indices for {@link pick}: output position `[i, j, …]` reads element
 * `tables[0][i] + tables[1][j] + …`, or none if one of them is {@link OUTSIDE}.
 */
export function combineIndices(tables: readonly (readonly number[])[], offset = 0): Int32Array {
  // Checked first: the product of the others may be beyond all memory.
  if (tables.some((table) => table.length === 0)) return new Int32Array(0);
  let indices = Float64Array.of(offset);
  for (const table of tables) {
    const next = new Float64Array(indices.length * table.length);
    let at = 0;
    for (const base of indices) {
      for (const step of table) next[at++] = base + step;
    }
    indices = next;
  }
  return Int32Array.from(indices, (index) => (index < 0 ? -1 : index));
}

/** A table of {@link combineIndices} that takes `count` steps of `stride`. */
export function steps(count: number, stride: number, start = 0): number[] {
  return Array.from({ length: count }, (_, i) => start + i * stride);
}

/** Element indices that repeat an operand of `dims` over the dims it is broadcast to. */
export function broadcastIndices(dims: readonly number[], target: readonly number[]): Int32Array {
  const missing = target.length - dims.length;
  let stride = elementCount(dims);
  return combineIndices(
    target.map((count, axis) => {
      const dim = axis < missing ? 1 : (dims[axis - missing] ?? 1);
      if (axis >= missing) stride /= dim || 1;
      return steps(count, dim === 1 ? 0 : stride);
    }),
  );
}
