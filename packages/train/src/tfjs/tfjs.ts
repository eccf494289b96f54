import type { DataType } from "@ocrslim/graph";
import type * as tfjs from "@tensorflow/tfjs";
import { TrainError } from "../errors.ts";

/** TensorFlow.js as a module: `@tensorflow/tfjs`, or one of its native bindings. */
export type Tfjs = typeof tfjs;

/** A tensor of TensorFlow.js of any rank. */
export type TfTensor = tfjs.Tensor;

/** What TensorFlow.js's types want of convolutions, [N, H, W, C] or a filter. */
export type TfImage = tfjs.Tensor4D;

export type TfVector = tfjs.Tensor1D;
export type TfScalar = tfjs.Scalar;

/** Element types that TensorFlow.js computes with. */
export type TfDtype = "float32" | "int32" | "bool";

const INTEGERS: ReadonlySet<DataType> = new Set([
  "int64",
  "int32",
  "int16",
  "int8",
  "uint64",
  "uint32",
  "uint16",
  "uint8",
]);

const FLOATS: ReadonlySet<DataType> = new Set(["float32", "float64", "float16", "bfloat16"]);

/**
 * The type that stands for one of ONNX: all integers are int32, all floats float32.
 * @throws TrainError `unsupported` for strings, complex and packed types.
 */
export function tfDtype(dtype: DataType): TfDtype {
  if (FLOATS.has(dtype)) return "float32";
  if (INTEGERS.has(dtype)) return "int32";
  if (dtype === "bool") return "bool";
  throw new TrainError(
    "unsupported",
    `createTfjsEngine: TensorFlow.js has no type for ${dtype}; cast to float32, or train on ONNX Runtime`,
  );
}

const INT32 = { low: -(2 ** 31), high: 2 ** 31 - 1 } as const;

/** A tensor of numbers; integers beyond int32, such as Slice's "to the end", are clamped. */
export function makeTensor(
  tf: Tfjs,
  dtype: TfDtype,
  dims: readonly number[],
  numbers: Iterable<number> & { readonly length: number },
): TfTensor {
  const shape = [...dims];
  if (dtype === "float32") {
    const data = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
    return tf.tensor(data, shape, dtype);
  }
  if (dtype === "bool") {
    return tf.tensor(
      Uint8Array.from(numbers, (value) => (value ? 1 : 0)),
      shape,
      dtype,
    );
  }
  const clamp = (value: number): number => Math.min(Math.max(value, INT32.low), INT32.high);
  return tf.tensor(Int32Array.from(numbers, clamp), shape, dtype);
}
