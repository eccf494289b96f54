import { elementCount } from "../ir/data-type.ts";
import { Tensor } from "../ir/tensor.ts";
import { pick } from "./elements.ts";
import type { Kernel } from "./kernel.ts";
import { fromBigInts, fromNumbers, numberKind, toBigInts } from "./numbers.ts";

/** Constant, Shape and Size: the shape rule has computed them already. */
const fromRule: Kernel = ({ outputs }) => {
  const constant = outputs[0]?.constant;
  return constant && [constant];
};

const constantOfShape: Kernel = ({ node, outputs }) => {
  const value = node.attribute("value");
  const fill = value?.type === "tensor" ? value.value : Tensor.float32([], [0]);
  const dims = outputs[0]?.dims;
  const filled = dims && pick(fill, dims, new Int32Array(elementCount(dims)));
  return filled && [filled];
};

const range: Kernel = ({ inputs, outputs, numbers }) => {
  const [start, , delta] = inputs;
  const dims = outputs[0]?.dims;
  if (!start || !delta || !dims) return undefined;
  const [count = 0] = dims;
  if (numberKind(start.dtype) === "big") {
    const from = toBigInts(start)[0] ?? 0n;
    const by = toBigInts(delta)[0] ?? 0n;
    const values = Array.from({ length: count }, (_, i) => from + BigInt(i) * by);
    return [fromBigInts(start.dtype, dims, values)];
  }
  // Floating ranges accumulate, as ONNX's reference and the runtime do.
  const round = start.dtype === "float32" ? Math.fround : (value: number): number => value;
  const by = numbers(2)?.[0] ?? 0;
  let next = numbers(0)?.[0] ?? 0;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    values[i] = next;
    next = round(next + by);
  }
  const result = fromNumbers(start.dtype, dims, values);
  return result && [result];
};

/** `[rank, count]`, the indices of the elements that are not zero, in row-major order. */
const nonZero: Kernel = ({ inputs }) => {
  const [source] = inputs;
  if (!source || !numberKind(source.dtype)) return undefined;
  const values = source.toNumbers();
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) found.push(i);
  const dims = source.dims.length === 0 ? [1] : source.dims;
  const indices: number[] = [];
  let stride = source.size;
  for (const dim of dims) {
    stride /= dim || 1;
    for (const at of found) indices.push(Math.floor(at / stride) % dim);
  }
  return [Tensor.int64(indices, [dims.length, found.length])];
};

/** Operators that make tensors. */
export const creationKernels: readonly (readonly [string, Kernel])[] = [
  ["Constant", fromRule],
  ["Shape", fromRule],
  ["Size", fromRule],
  ["ConstantOfShape", constantOfShape],
  ["Range", range],
  ["NonZero", nonZero],
];
