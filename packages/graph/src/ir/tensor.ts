import { GraphError } from "../errors.ts";
import { byteLength, type DataType, dataTypeBits, elementCount } from "./data-type.ts";
import type { SourceRange } from "./source.ts";

/** Typed arrays whose elements have the width of a data type. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Where a tensor's bytes lie if not in the model file. */
export interface ExternalLocation {
  /** Path relative to the model's folder. */
  readonly location: string;
  readonly offset: number;
  /** Bytes; `undefined` = up to the end of the file. */
  readonly length: number | undefined;
}

/** How {@link Tensor} gets its elements; `load` is called once, on first access. */
export type TensorStorage =
  | { readonly kind: "raw"; readonly source: SourceRange }
  | { readonly kind: "typed"; readonly load: () => Uint8Array }
  | {
      readonly kind: "external";
      readonly location: ExternalLocation;
      readonly load: () => Uint8Array;
    }
  | { readonly kind: "strings"; readonly load: () => readonly Uint8Array[] };

/** What a tensor is made of. */
export interface TensorInit {
  readonly dtype: DataType;
  /** Each 0 or more; `[]` for a scalar. */
  readonly dims: readonly number[];
  readonly storage: TensorStorage;
  /** Name inside the TensorProto; initializers are named by their value instead. */
  readonly name?: string;
  /** The TensorProto this was read from. */
  readonly proto?: SourceRange;
}

/**
 * Constant data: element type, dims and little-endian bytes, row-major, all immutable. To change a
 * weight, make a new tensor; models that share one never notice.
 */
export class Tensor {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  readonly storage: TensorStorage;
  readonly name: string | undefined;
  /** @internal */
  readonly proto: SourceRange | undefined;
  #bytes: Uint8Array | undefined;

  constructor(init: TensorInit) {
    this.dtype = init.dtype;
    this.dims = init.dims;
    this.storage = init.storage;
    this.name = init.name;
    this.proto = init.proto;
  }

  /**
   * Wraps a typed array without copying it.
   * @throws GraphError `invalid-option` if the array does not hold exactly the bytes of `dims`.
   */
  static from(dtype: DataType, dims: readonly number[], data: TensorData): Tensor {
    const expected = byteLength(dtype, dims);
    if (data.byteLength !== expected) {
      throw new GraphError(
        "invalid-option",
        `Tensor.from: ${dtype} of dims [${dims}] needs ${expected} bytes, got ${data.byteLength}; give data of ${elementCount(dims)} elements`,
      );
    }
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return new Tensor({
      dtype,
      dims,
      storage: { kind: "raw", source: { bytes, start: 0, end: bytes.length } },
    });
  }

  /** A float32 tensor of the numbers given. */
  static float32(dims: readonly number[], data: ArrayLike<number>): Tensor {
    return Tensor.from(
      "float32",
      dims,
      data instanceof Float32Array ? data : Float32Array.from(data),
    );
  }

  /** An int64 tensor of the integers given; one-dimensional unless `dims` are given. */
  static int64(data: readonly number[], dims: readonly number[] = [data.length]): Tensor {
    return Tensor.from(
      "int64",
      dims,
      BigInt64Array.from(data, (value) => BigInt(value)),
    );
  }

  /** A string tensor. */
  static strings(dims: readonly number[], values: readonly string[]): Tensor {
    const encoder = new TextEncoder();
    const encoded = values.map((value) => encoder.encode(value));
    return new Tensor({ dtype: "string", dims, storage: { kind: "strings", load: () => encoded } });
  }

  /** Number of elements. */
  get size(): number {
    return elementCount(this.dims);
  }

  /** Bytes that the elements take, packed as in `raw_data`; 0 for strings. */
  get byteLength(): number {
    return byteLength(this.dtype, this.dims);
  }

  /**
   * The elements as little-endian bytes, sub-byte types packed. Do not write to them.
   * @throws GraphError `unsupported` for string tensors.
   */
  get bytes(): Uint8Array {
    if (this.#bytes) return this.#bytes;
    const { storage } = this;
    if (storage.kind === "strings") {
      throw new GraphError(
        "unsupported",
        `Tensor.bytes: ${this.name ?? "a tensor"} holds strings; use stringValues()`,
      );
    }
    if (storage.kind === "raw") {
      return storage.source.bytes.subarray(storage.source.start, storage.source.end);
    }
    this.#bytes = storage.load();
    return this.#bytes;
  }

  /** The elements of a string tensor, decoded as UTF-8. */
  stringValues(): readonly string[] {
    if (this.storage.kind !== "strings") {
      throw new GraphError(
        "unsupported",
        `Tensor.stringValues: dtype is ${this.dtype}, not string; use toNumbers()`,
      );
    }
    const decoder = new TextDecoder();
    return this.storage.load().map((value) => decoder.decode(value));
  }

  /**
   * The elements of a float32 tensor; a view where the bytes are aligned, a copy otherwise. Do not
   * write to it.
   */
  float32Values(): Float32Array {
    if (this.dtype !== "float32") {
      throw new GraphError(
        "unsupported",
        `Tensor.float32Values: dtype is ${this.dtype}; use toNumbers()`,
      );
    }
    const { bytes } = this;
    return bytes.byteOffset % 4 === 0
      ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
      : new Float32Array(new Uint8Array(bytes).buffer);
  }

  /**
   * The elements as numbers, a new array. Int64 beyond ±2^53 loses its last digits (as do
   * conventional "to the end" markers of Slice, which stay huge).
   * @throws GraphError `unsupported` for strings, complex and sub-byte floating types.
   */
  toNumbers(): Float64Array {
    return decodeNumbers(this.dtype, this.bytes, this.size, this.name);
  }
}

function decodeNumbers(
  dtype: DataType,
  bytes: Uint8Array,
  size: number,
  name: string | undefined,
): Float64Array {
  const out = new Float64Array(size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const step = dataTypeBits(dtype) / 8;
  const fill = (read: (offset: number) => number): Float64Array => {
    for (let i = 0; i < size; i++) out[i] = read(i * step);
    return out;
  };
  switch (dtype) {
    case "float32":
      return fill((at) => view.getFloat32(at, true));
    case "float64":
      return fill((at) => view.getFloat64(at, true));
    case "float16":
      return fill((at) => float16ToNumber(view.getUint16(at, true)));
    case "bfloat16":
      return fill((at) => bfloat16ToNumber(view.getUint16(at, true)));
    case "int64":
      return fill((at) => Number(view.getBigInt64(at, true)));
    case "uint64":
      return fill((at) => Number(view.getBigUint64(at, true)));
    case "int32":
      return fill((at) => view.getInt32(at, true));
    case "uint32":
      return fill((at) => view.getUint32(at, true));
    case "int16":
      return fill((at) => view.getInt16(at, true));
    case "uint16":
      return fill((at) => view.getUint16(at, true));
    case "int8":
      return fill((at) => view.getInt8(at));
    case "uint8":
    case "bool":
      return fill((at) => view.getUint8(at));
    case "int4":
    case "uint4":
      for (let i = 0; i < size; i++) {
        const nibble = ((bytes[i >> 1] ?? 0) >> ((i & 1) * 4)) & 15;
        out[i] = dtype === "int4" && nibble > 7 ? nibble - 16 : nibble;
      }
      return out;
    default:
      throw new GraphError(
        "unsupported",
        `Tensor.toNumbers: ${name ?? "a tensor"} has dtype ${dtype}, which has no plain numbers`,
      );
  }
}

function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new DataView(new ArrayBuffer(4));
function bfloat16ToNumber(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}
