import { GraphError } from "../errors.ts";
import { dataTypeBits } from "./data-type.ts";
import { Tensor } from "./tensor.ts";

/**
 * Returns a new tensor with only the given indices along an axis, in the order given.
 * @throws GraphError `unsupported` for strings and types that share bytes.
 */
export function takeIndices(tensor: Tensor, axis: number, indices: ArrayLike<number>): Tensor {
  const bits = dataTypeBits(tensor.dtype);
  if (bits < 8) {
    throw new GraphError(
      "unsupported",
      `takeIndices: "${tensor.name ?? "tensor"}" has dtype ${tensor.dtype}, whose elements can't be taken one by one`,
    );
  }
  const { dims, bytes } = tensor;
  let outer = 1;
  for (let at = 0; at < axis; at++) outer *= dims[at] ?? 1;
  let innerBytes = bits / 8;
  for (let at = axis + 1; at < dims.length; at++) innerBytes *= dims[at] ?? 1;
  const length = dims[axis] ?? 1;
  const out = new Uint8Array(outer * indices.length * innerBytes);
  let to = 0;
  for (let row = 0; row < outer; row++) {
    const base = row * length * innerBytes;
    for (let at = 0; at < indices.length; at++) {
      const from = base + (indices[at] ?? 0) * innerBytes;
      out.set(bytes.subarray(from, from + innerBytes), to);
      to += innerBytes;
    }
  }
  const newDims = dims.map((dim, at) => (at === axis ? indices.length : dim));
  return new Tensor({
    dtype: tensor.dtype,
    dims: newDims,
    storage: { kind: "raw", source: { bytes: out, start: 0, end: out.length } },
    ...(tensor.name === undefined ? {} : { name: tensor.name }),
  });
}
