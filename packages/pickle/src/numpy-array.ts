import { Tensor } from "@ocrslim/graph";
import { isDtype, type NumpyDtype } from "./numpy-dtype.ts";
import {
  describeValue,
  isObject,
  isTuple,
  type PickleCall,
  type PickleContext,
  type PickleObject,
  type PickleValue,
} from "./pickle-value.ts";

/** A `numpy.ndarray`; it has no tensor until its state was read. */
export interface NumpyArray extends PickleObject {
  readonly pickleType: "numpy.ndarray";
  readonly tensor: Tensor | undefined;
}

/** `numpy.core.multiarray._reconstruct`: an array that `setState` fills. */
export const reconstructArray: PickleCall = () => {
  const array = {
    pickleType: "numpy.ndarray",
    tensor: undefined as Tensor | undefined,
    // (version, shape, dtype, is Fortran order, data); the oldest files have no version.
    setState: (state: PickleValue, context: PickleContext): void => {
      const parts = isTuple(state) ? state : [];
      const [shape, dtype, isFortran, data] = parts.length === 5 ? parts.slice(1) : parts;
      if (typeof isFortran !== "boolean" && isFortran !== 0 && isFortran !== 1) {
        context.fail("the state of an array is not as NumPy writes it");
      }
      array.tensor = createTensor(shape, dtype, data, Boolean(isFortran), context);
    },
  } satisfies NumpyArray;
  return array;
};

/** `numpy.core.numeric._frombuffer(data, dtype, shape, order)`, which protocol 5 uses. */
export const arrayFromBuffer: PickleCall = ([data, dtype, shape, order], context) => {
  if (order !== "C" && order !== "F") return context.fail("an array is in neither C nor F order");
  const tensor = createTensor(shape, dtype, data, order === "F", context);
  return { pickleType: "numpy.ndarray", tensor } satisfies NumpyArray;
};

/** `numpy.core.multiarray.scalar(dtype, data)`, as a plain number. */
export const readScalar: PickleCall = ([dtype, data], context) => {
  const tensor = createTensor(Object.freeze([]), dtype, data, false, context);
  return tensor.toNumbers()[0] ?? 0;
};

export function isArray(value: PickleValue | undefined): value is NumpyArray {
  return isObject(value) && value.pickleType === "numpy.ndarray";
}

function createTensor(
  shape: PickleValue | undefined,
  dtype: PickleValue | undefined,
  data: PickleValue | undefined,
  isFortran: boolean,
  context: PickleContext,
): Tensor {
  if (!isDtype(dtype)) {
    return context.fail(`an array's dtype is ${describeValue(dtype)}, not a numpy.dtype`);
  }
  const dims = readShape(shape, context);
  const bytes = typeof data === "string" ? fromLatin1(data, context) : data;
  if (!(bytes instanceof Uint8Array)) {
    return context.fail(`an array's data is ${describeValue(data)}, not bytes`);
  }
  const needed = dims.reduce((product, dim) => product * dim, dtype.size);
  if (bytes.length !== needed) {
    return context.fail(
      `an array of shape [${dims}] and dtype ${dtype.dtype} needs ${needed} bytes, it has ${bytes.length}`,
    );
  }
  const isSwapped = dtype.isBigEndian && dtype.size > 1;
  const isTransposed = isFortran && dims.length > 1;
  if (isSwapped || isTransposed) context.allocate(bytes.length);
  const ordered = isTransposed ? toRowMajor(bytes, dims, dtype.size) : bytes;
  return Tensor.from(dtype.dtype, dims, isSwapped ? toLittleEndian(ordered, dtype) : ordered);
}

function readShape(shape: PickleValue | undefined, context: PickleContext): readonly number[] {
  if (!shape || !isTuple(shape)) return context.fail("an array's shape is not a tuple");
  if (shape.length > 64) return context.fail(`an array has ${shape.length} dimensions`);
  return shape.map((dim) =>
    typeof dim === "number" && Number.isSafeInteger(dim) && dim >= 0
      ? dim
      : context.fail("an array's shape has something else than sizes"),
  );
}

/** The bytes of a string whose characters stand for them, as Python 2's do. */
export function fromLatin1(text: string, context: PickleContext): Uint8Array {
  context.allocate(text.length);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255) context.fail("a string that stands for bytes has other characters");
    bytes[index] = code;
  }
  return bytes;
}

/** From column-major order. */
function toRowMajor(source: Uint8Array, dims: readonly number[], size: number): Uint8Array {
  const out = new Uint8Array(source.length);
  const strides: number[] = [];
  let stride = size;
  for (const dim of dims) {
    strides.push(stride);
    stride *= dim;
  }
  const index = dims.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to += size) {
    for (let byte = 0; byte < size; byte++) out[to + byte] = source[from + byte] ?? 0;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      index[axis] = next;
      if (next < (dims[axis] ?? 0)) break;
      from -= next * (strides[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return out;
}

function toLittleEndian(source: Uint8Array, { size }: NumpyDtype): Uint8Array {
  const out = new Uint8Array(source.length);
  for (let start = 0; start < source.length; start += size) {
    for (let byte = 0; byte < size; byte++) {
      out[start + byte] = source[start + size - 1 - byte] ?? 0;
    }
  }
  return out;
}
