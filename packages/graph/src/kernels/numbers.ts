import type { DataType } from "../ir/data-type.ts";
import { Tensor } from "../ir/tensor.ts";

/** How kernels compute with a type: `big` is exact 64-bit integers. */
export type NumberKind = "float" | "int" | "big" | "bool";

/** The kind of numbers of a type; `undefined` for strings, complex and packed types. */
export function numberKind(dtype: DataType | undefined): NumberKind | undefined {
  switch (dtype) {
    case "float16":
    case "bfloat16":
    case "float32":
    case "float64":
      return "float";
    case "int8":
    case "int16":
    case "int32":
    case "uint8":
    case "uint16":
    case "uint32":
      return "int";
    case "int64":
    case "uint64":
      return "big";
    case "bool":
      return "bool";
    default:
      return undefined;
  }
}

/** The elements of an int64 or uint64 tensor; a view where the bytes are aligned. */
export function toBigInts(tensor: Tensor): BigInt64Array | BigUint64Array {
  const { bytes } = tensor;
  const { buffer, byteOffset, length } = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  return tensor.dtype === "uint64"
    ? new BigUint64Array(buffer, byteOffset, length / 8)
    : new BigInt64Array(buffer, byteOffset, length / 8);
}

/** An int64 or uint64 tensor; values beyond the type wrap around. */
export function fromBigInts(
  dtype: DataType,
  dims: readonly number[],
  values: readonly bigint[] | BigInt64Array | BigUint64Array,
): Tensor {
  const data = dtype === "uint64" ? BigUint64Array.from(values) : BigInt64Array.from(values);
  return Tensor.from(dtype, dims, data);
}

/**
 * A tensor of numbers: rounded to nearest, ties to even, for floating types; truncated towards zero
 * and wrapped around for integers. `undefined` for types that have no plain numbers.
 */
export function fromNumbers(
  dtype: DataType,
  dims: readonly number[],
  values: Float64Array,
): Tensor | undefined {
  switch (dtype) {
    case "float32":
      return Tensor.from(dtype, dims, Float32Array.from(values));
    case "float64":
      return Tensor.from(dtype, dims, Float64Array.from(values));
    case "float16":
      return Tensor.from(dtype, dims, Uint16Array.from(values, float16Bits));
    case "bfloat16":
      return Tensor.from(dtype, dims, Uint16Array.from(values, bfloat16Bits));
    case "int64":
    case "uint64":
      if (!values.every(Number.isFinite)) return undefined;
      return fromBigInts(
        dtype,
        dims,
        Array.from(values, (value) => BigInt(Math.trunc(value))),
      );
    case "int32":
      return Tensor.from(dtype, dims, Int32Array.from(values));
    case "uint32":
      return Tensor.from(dtype, dims, Uint32Array.from(values));
    case "int16":
      return Tensor.from(dtype, dims, Int16Array.from(values));
    case "uint16":
      return Tensor.from(dtype, dims, Uint16Array.from(values));
    case "int8":
      return Tensor.from(dtype, dims, Int8Array.from(values));
    case "uint8":
      return Tensor.from(dtype, dims, Uint8Array.from(values));
    case "bool":
      return Tensor.from(
        dtype,
        dims,
        Uint8Array.from(values, (value) => (value ? 1 : 0)),
      );
    default:
      return undefined;
  }
}

/** `value` rounded to an integer, halves to the even one. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** IEEE 754 binary16 bits of a number, rounded once. */
export function float16Bits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  // Subnormals and the lowest normals share one spacing, 2^-24; a carry into bit 10 is right.
  if (size < 2 ** -14) return sign | roundHalfEven(size * 2 ** 24);
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent--;
  if (2 ** (exponent + 1) <= size) exponent++;
  const fraction = roundHalfEven((size / 2 ** exponent) * 1024 - 1024);
  return (sign | ((exponent + 15) << 10)) + fraction;
}

const scratch = new DataView(new ArrayBuffer(8));

/** Bits of a number as bfloat16 (the upper half of float32), rounded by way of float32. */
function bfloat16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) / 65536) & 0xffff;
}

/** The smaller of two integers. */
export function minBigInt(left: bigint, right: bigint): bigint {
  if (left < right) return left;
  return right;
}

/** The larger of two integers. */
export function maxBigInt(left: bigint, right: bigint): bigint {
  if (left > right) return left;
  return right;
}
