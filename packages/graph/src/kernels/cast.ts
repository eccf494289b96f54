import { type DataType, dataTypeFromCode } from "../ir/data-type.ts";
import { Tensor } from "../ir/tensor.ts";
import type { Kernel } from "./kernel.ts";
import { fromBigInts, fromNumbers, numberKind, toBigInts } from "./numbers.ts";

/** Values, exclusive at the top, that a floating number may have to be cast to an integer type. */
const INTEGER_LIMITS: Partial<Record<DataType, readonly [number, number]>> = {
  int8: [-(2 ** 7), 2 ** 7],
  int16: [-(2 ** 15), 2 ** 15],
  int32: [-(2 ** 31), 2 ** 31],
  int64: [-(2 ** 63), 2 ** 63],
  uint8: [0, 2 ** 8],
  uint16: [0, 2 ** 16],
  uint32: [0, 2 ** 32],
  uint64: [0, 2 ** 64],
};

/**
 * Integers wrap around; floating numbers are truncated, and declined where they do not fit the
 * integer type (what comes out there depends on the processor).
 */
function castTensor(source: Tensor, dtype: DataType): Tensor | undefined {
  if (source.dtype === dtype) return source;
  const from = numberKind(source.dtype);
  const to = numberKind(dtype);
  if (!from || !to) return undefined;
  const { dims } = source;
  if (from === "big") {
    const values = toBigInts(source);
    if (to === "big") return fromBigInts(dtype, dims, values);
    if (to === "bool") {
      return Tensor.from(
        dtype,
        dims,
        Uint8Array.from(values, (value: bigint) => Number(value !== 0n)),
      );
    }
    if (to === "int") {
      const low = Float64Array.from(values, (value: bigint) => Number(BigInt.asIntN(32, value)));
      return fromNumbers(dtype, dims, low);
    }
    const numbers = source.toNumbers();
    return dtype === "float64" || numbers.every(Number.isSafeInteger)
      ? fromNumbers(dtype, dims, numbers)
      : undefined;
  }
  const values = source.toNumbers();
  const limits = from === "float" ? INTEGER_LIMITS[dtype] : undefined;
  if (limits) {
    const [low, high] = limits;
    const fits = values.every((value) => Math.trunc(value) >= low && value < high);
    if (!fits) return undefined;
  }
  // Double to half goes by way of single precision, as in the runtime.
  const rounded = dtype === "float16" ? values.map(Math.fround) : values;
  return fromNumbers(
    dtype,
    dims,
    dtype === "bool" ? values.map((value) => Number(value !== 0)) : rounded,
  );
}

const cast: Kernel = ({ node, inputs }) => {
  const [source] = inputs;
  const dtype = dataTypeFromCode(node.int("to", 0));
  const result = source && dtype && castTensor(source, dtype);
  return result && [result];
};

const castLike: Kernel = ({ inputs }) => {
  const [source, like] = inputs;
  const result = source && like && castTensor(source, like.dtype);
  return result && [result];
};

/** Conversions between types. */
export const castKernels: readonly (readonly [string, Kernel])[] = [
  ["Cast", cast],
  ["CastLike", castLike],
];
