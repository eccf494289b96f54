import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";

/**
 * The constant that a value always holds: an initializer's or a Constant node's. An initializer
 * that is a graph input too is only a default, and none.
 */
export function constantTensor(value: Value | undefined): Tensor | undefined {
  if (!value) return undefined;
  if (value.tensor) return value.isGraphInput ? undefined : value.tensor;
  const { producer } = value;
  return producer?.opType === "Constant" && producer.domain === ""
    ? constantNodeTensor(producer)
    : undefined;
}

/** What a Constant node holds, or `undefined` for sparse and unknown contents. */
export function constantNodeTensor(node: Node): Tensor | undefined {
  for (const attribute of node.attributes) {
    switch (attribute.type) {
      case "tensor":
        return attribute.name === "value" ? attribute.value : undefined;
      case "float":
        return Tensor.float32([], [attribute.value]);
      case "floats":
        return Tensor.float32([attribute.value.length], attribute.value);
      case "int":
        return Number.isSafeInteger(attribute.value)
          ? Tensor.int64([attribute.value], [])
          : undefined;
      case "ints":
        return attribute.value.every(Number.isSafeInteger)
          ? Tensor.int64(attribute.value)
          : undefined;
      case "string":
        return Tensor.strings([], [attribute.value]);
      case "strings":
        return Tensor.strings([attribute.value.length], attribute.value);
      default:
        return undefined;
    }
  }
  return undefined;
}

const NUMERIC = new Set(["float32", "float64", "float16", "int64", "int32"]);

/** The numbers of a constant, or `undefined` if it is none or larger than `maxSize` elements. */
export function constantNumbers(value: Value | undefined, maxSize = 4096): number[] | undefined {
  const tensor = constantTensor(value);
  return tensor && NUMERIC.has(tensor.dtype) && tensor.size <= maxSize
    ? [...tensor.toNumbers()]
    : undefined;
}

/** The number of a constant with exactly one element, of any rank. */
export function constantScalar(value: Value | undefined): number | undefined {
  const tensor = constantTensor(value);
  return tensor && NUMERIC.has(tensor.dtype) && tensor.size === 1
    ? tensor.toNumbers()[0]
    : undefined;
}

/** Whether two single-precision numbers are the same up to rounding of the last few bits. */
export function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 4e-7 * Math.max(Math.abs(a), Math.abs(b));
}

/**
 * The elements of a float32 tensor, not to be written to. Copies unaligned bytes itself, as `slice`
 * of a Node Buffer, which a model's bytes may be, shares memory at an unaligned offset.
 */
export function readFloats(tensor: Tensor): Float32Array {
  const { bytes } = tensor;
  return bytes.byteOffset % 4 === 0
    ? tensor.float32Values()
    : new Float32Array(new Uint8Array(bytes).buffer);
}
