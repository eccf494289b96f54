import { type DataType, elementCount, type Node, shapeRules, Tensor } from "@ocrslim/graph";

/** A node whose inputs are known; floating ones are all float64. */
export interface ReferenceContext {
  readonly node: Node;
  /** Version of the standard operators. */
  readonly opset: number;
  readonly inputs: readonly (Tensor | undefined)[];
  /** Input `index`. @throws Error if it is absent. */
  tensor(index: number): Tensor;
  /** Dims of input `index`. @throws Error if it is absent. */
  dims(index: number): readonly number[];
  /** Elements of input `index`; do not write to them. @throws Error if it is absent. */
  numbers(index: number): Float64Array;
  /** Elements of input `index`, `undefined` if it is absent. */
  optional(index: number): Float64Array | undefined;
  /** Dims of output `index`, as the operator's shape rule gives them. */
  outputDims(index?: number): readonly number[];
  /** The error for a form that a kernel does not cover. */
  fail(what: string): Error;
}

/**
 * Computes a node's outputs in double precision, by the plainest loops; `undefined` leaves the node to
 * `evaluateNode` of `@ocrslim/graph`.
 */
export type ReferenceKernel = (context: ReferenceContext) => readonly Tensor[] | undefined;

/** Kernels of one family of operators, by `opType`. */
export type ReferenceKernels = readonly (readonly [string, ReferenceKernel])[];

/** What a kernel is told of a node; `inputs` have no float32 and no float16. */
export function createContext(
  node: Node,
  opset: number,
  inputs: readonly (Tensor | undefined)[],
): ReferenceContext {
  const fail = (what: string): Error => new Error(`evaluateModel: ${node.describe()}: ${what}`);
  const tensor = (index: number): Tensor => {
    const found = inputs[index];
    if (!found) throw fail(`has no input ${index}`);
    return found;
  };
  return {
    node,
    opset,
    inputs,
    tensor,
    dims: (index) => tensor(index).dims,
    numbers: (index) => numbersOf(tensor(index)),
    optional: (index) => inputs[index] && numbersOf(tensor(index)),
    outputDims(index = 0) {
      const rule = shapeRules.get(node.opType);
      const outputs = rule?.({
        node,
        opset,
        dims: (at) => inputs[at]?.dims,
        dtype: (at) => inputs[at]?.dtype,
        constant: (at) => inputs[at],
        numbers: (at) => (inputs[at] ? [...tensor(at).toNumbers()] : undefined),
        warn: () => {},
      });
      const dims = outputs?.[index]?.dims;
      if (!dims) throw fail("its output's shape is not known");
      return dims;
    },
    fail,
  };
}

const views = new WeakMap<Tensor, Float64Array>();

/** The elements as numbers, of a float64 tensor without copying it; do not write to them. */
export function numbersOf(tensor: Tensor): Float64Array {
  const known = views.get(tensor);
  if (known) return known;
  const { bytes } = tensor;
  const made =
    tensor.dtype === "float64" && bytes.byteOffset % 8 === 0
      ? new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)
      : tensor.toNumbers();
  views.set(tensor, made);
  return made;
}

/** A float64 tensor. */
export function float64(dims: readonly number[], data: ArrayLike<number>): Tensor {
  return Tensor.from(
    "float64",
    dims,
    data instanceof Float64Array ? data : Float64Array.from(data),
  );
}

/** A tensor of numbers in one of the types that the evaluator computes with. */
export function fromNumbers(
  dtype: DataType,
  dims: readonly number[],
  data: ArrayLike<number>,
): Tensor {
  switch (dtype) {
    case "float64":
      return float64(dims, data);
    case "int64":
      return Tensor.from(
        "int64",
        dims,
        BigInt64Array.from(Array.from(data), (value) => BigInt(value)),
      );
    case "int32":
      return Tensor.from("int32", dims, Int32Array.from(data));
    case "bool":
    case "uint8":
      return Tensor.from(dtype, dims, Uint8Array.from(data));
    default:
      throw new Error(`evaluateModel: tensors of ${dtype} are not covered; use float32 or int64`);
  }
}

/** Element strides of row-major dims. */
export function stridesOf(dims: readonly number[]): number[] {
  return dims.map((_, axis) => elementCount(dims.slice(axis + 1)));
}

/** `axis`, counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Each position in dims, last axis fastest; the array is used again. */
export function* positions(dims: readonly number[]): Generator<readonly number[]> {
  const index = dims.map(() => 0);
  const count = elementCount(dims);
  for (let i = 0; i < count; i++) {
    yield index;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next < (dims[axis] ?? 0) ? next : 0;
      if (next < (dims[axis] ?? 0)) break;
    }
  }
}

/** Offset of a position in strides. */
export function offsetOf(index: readonly number[], strides: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < index.length; axis++)
    offset += (index[axis] ?? 0) * (strides[axis] ?? 0);
  return offset;
}

/** A tensor seen as `[outer, size, inner]` around an axis. */
export function around(
  dims: readonly number[],
  axis: number,
): { readonly outer: number; readonly size: number; readonly inner: number } {
  return {
    outer: elementCount(dims.slice(0, axis)),
    size: dims[axis] ?? 1,
    inner: elementCount(dims.slice(axis + 1)),
  };
}
