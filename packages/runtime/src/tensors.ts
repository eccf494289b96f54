import { type DataType, elementCount, type Tensor } from "@ocrslim/graph";
import type { Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import { RuntimeError } from "./errors.ts";
import type { RuntimeTensor, TensorElements } from "./types.ts";

type ElementArray = Exclude<TensorElements, readonly string[]>;

/** Typed arrays that can be made over a buffer. */
interface ElementArrayConstructor {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ElementArray;
  readonly BYTES_PER_ELEMENT: number;
}

const ELEMENT_ARRAYS: Readonly<Partial<Record<DataType, ElementArrayConstructor>>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
};

/** Types that an ONNX Runtime module can take as a feed; the others exist only inside of models. */
const FEEDABLE: ReadonlySet<string> = new Set(
  Object.keys(ELEMENT_ARRAYS).filter((dtype) => dtype !== "bfloat16"),
);

/** The typed array that holds elements of a data type; `undefined` for strings and packed types. */
export function elementArrayOf(dtype: DataType): ElementArrayConstructor | undefined {
  return ELEMENT_ARRAYS[dtype];
}

/**
 * A float32 runtime tensor. `data` is taken as it is.
 * @throws RuntimeError `invalid-feed` if `data` does not have the number of elements of `dims`.
 */
export function float32Feed(dims: readonly number[], data: Float32Array): RuntimeTensor {
  if (data.length !== elementCount(dims)) {
    throw new RuntimeError(
      "invalid-feed",
      `float32Feed: dims [${dims}] need ${elementCount(dims)} elements, got ${data.length}; check the shape`,
    );
  }
  return { dtype: "float32", dims, data };
}

/**
 * The data of a constant as a runtime tensor; a view of the same bytes where they are aligned.
 * @throws RuntimeError `unsupported` for types without a typed array (4-bit, float8, complex).
 */
export function tensorToFeed(tensor: Tensor): RuntimeTensor {
  const { dtype, dims } = tensor;
  if (dtype === "string") return { dtype, dims, data: tensor.stringValues() };
  const array = elementArrayOf(dtype);
  if (!array) {
    throw new RuntimeError(
      "unsupported",
      `tensorToFeed: a tensor of ${dtype} has no typed array; cast it within the model`,
    );
  }
  const { bytes } = tensor;
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return { dtype, dims, data: new array(aligned.buffer, aligned.byteOffset, tensor.size) };
}

/** @internal Hands a tensor, checked before, to ONNX Runtime without copying it. */
export function toOrtTensor(
  construct: TensorConstructor,
  tensor: RuntimeTensor,
  name: string,
): OrtTensor {
  const { dtype, dims, data } = tensor;
  if (dtype === "string") return new construct("string", [...(data as readonly string[])], dims);
  if (!FEEDABLE.has(dtype)) {
    throw new RuntimeError(
      "unsupported",
      `run: input "${name}" is of type ${dtype}, which ONNX Runtime's JavaScript API can not take`,
      { value: name },
    );
  }
  // One signature stands for all: dtype and data were checked to belong together.
  return new construct(dtype as "float32", data as Float32Array, dims);
}

/** @internal The other way round; float16 elements come as raw 16-bit patterns everywhere. */
export function fromOrtTensor(tensor: OrtTensor): RuntimeTensor {
  const { type, dims } = tensor;
  const data: unknown = tensor.data;
  if (type === "float16" && ArrayBuffer.isView(data) && !(data instanceof Uint16Array)) {
    const bits = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
    return { dtype: type, dims, data: bits };
  }
  return { dtype: type, dims, data: data as TensorElements };
}
