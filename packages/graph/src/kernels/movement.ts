import { elementCount } from "../ir/data-type.ts";
import { Tensor } from "../ir/tensor.ts";
import { normalizeAxis, stridesOf } from "../shapes/dims.ts";
import { readPads, readSlice } from "../shapes/rules/slices.ts";
import {
  broadcastIndices,
  combineIndices,
  elementBytes,
  OUTSIDE,
  pick,
  steps,
} from "./elements.ts";
import type { Kernel } from "./kernel.ts";

const maybe = (tensor: Tensor | undefined): readonly Tensor[] | undefined => tensor && [tensor];

/** The same elements in other dims; nothing is copied. */
const view: Kernel = ({ inputs, outputs }) => {
  const [source] = inputs;
  const dims = outputs[0]?.dims;
  if (!source || !dims || source.dtype === "string") return undefined;
  const { bytes } = source;
  return [
    new Tensor({
      dtype: source.dtype,
      dims,
      storage: { kind: "raw", source: { bytes, start: 0, end: bytes.length } },
    }),
  ];
};

const identity: Kernel = ({ inputs }) => maybe(inputs[0]);

/** Only without the mask, and never in training mode. */
const dropout: Kernel = ({ node, inputs, numbers }) =>
  node.outputs[1] || (numbers(2)?.[0] ?? 0) !== 0 ? undefined : maybe(inputs[0]);

const transpose: Kernel = ({ node, inputs, outputs }) => {
  const [source] = inputs;
  const dims = outputs[0]?.dims;
  if (!source || !dims) return undefined;
  const order = node.ints("perm") ?? [...dims.keys()].reverse();
  const strides = stridesOf(source.dims);
  const tables = dims.map((count, i) => steps(count, strides[order[i] ?? 0] ?? 0));
  return maybe(pick(source, dims, combineIndices(tables)));
};

const expand: Kernel = ({ inputs, outputs }) => {
  const [source] = inputs;
  const dims = outputs[0]?.dims;
  return source && dims && maybe(pick(source, dims, broadcastIndices(source.dims, dims)));
};

const tile: Kernel = ({ inputs, outputs }) => {
  const [source] = inputs;
  const dims = outputs[0]?.dims;
  if (!source || !dims) return undefined;
  const strides = stridesOf(source.dims);
  const tables = dims.map((count, axis) =>
    Array.from({ length: count }, (_, i) => (i % (source.dims[axis] ?? 1)) * (strides[axis] ?? 0)),
  );
  return maybe(pick(source, dims, combineIndices(tables)));
};

const slice: Kernel = (context) => {
  const [source] = context.inputs;
  const dims = context.outputs[0]?.dims;
  const ranges = source && readSlice(context, source.dims);
  if (!source || !dims || !ranges) return undefined;
  const strides = stridesOf(source.dims);
  const tables = dims.map((count, axis) => steps(count, strides[axis] ?? 0));
  for (const { axis, start, step, count } of ranges) {
    const stride = strides[axis] ?? 0;
    tables[axis] = steps(count, step * stride, start * stride);
  }
  return maybe(pick(source, dims, combineIndices(tables)));
};

const pad: Kernel = (context) => {
  const [source, , fill] = context.inputs;
  const dims = context.outputs[0]?.dims;
  const pads = source && readPads(context, source.dims.length);
  const mode = context.node.string("mode", "constant");
  if (!source || !dims || !pads || mode !== "constant") return undefined;
  if (context.node.float("value", 0) !== 0) return undefined;
  const strides = stridesOf(source.dims);
  const tables = dims.map((count, axis) => {
    const size = source.dims[axis] ?? 0;
    const before = pads[axis] ?? 0;
    return Array.from({ length: count }, (_, i) =>
      i < before || i - before >= size ? OUTSIDE : (i - before) * (strides[axis] ?? 0),
    );
  });
  return maybe(pick(source, dims, combineIndices(tables), fill));
};

const gather: Kernel = ({ node, inputs, outputs }) => {
  const [source, indices] = inputs;
  const dims = outputs[0]?.dims;
  if (!source || !indices || !dims) return undefined;
  const axis = normalizeAxis(node, node.int("axis", 0), source.dims.length);
  const size = source.dims[axis] ?? 0;
  const stride = elementCount(source.dims.slice(axis + 1));
  const chosen = Array.from(indices.toNumbers(), (index) => (index < 0 ? index + size : index));
  if (chosen.some((index) => index < 0 || index >= size)) return undefined;
  const outer = steps(elementCount(source.dims.slice(0, axis)), size * stride);
  const middle = chosen.map((index) => index * stride);
  return maybe(pick(source, dims, combineIndices([outer, middle, steps(stride, 1)])));
};

const gatherElements: Kernel = ({ node, inputs, outputs }) => {
  const [source, indices] = inputs;
  const dims = outputs[0]?.dims;
  if (!source || !indices || !dims) return undefined;
  const axis = normalizeAxis(node, node.int("axis", 0), dims.length);
  const size = source.dims[axis] ?? 0;
  const strides = stridesOf(source.dims);
  const base = combineIndices(
    dims.map((count, i) => steps(count, i === axis ? 0 : (strides[i] ?? 0))),
  );
  const chosen = indices.toNumbers();
  for (let i = 0; i < base.length; i++) {
    const given = chosen[i] ?? 0;
    const index = given < 0 ? given + size : given;
    if (index < 0 || index >= size) return undefined;
    base[i] = (base[i] ?? 0) + index * (strides[axis] ?? 0);
  }
  return maybe(pick(source, dims, base));
};

const concat: Kernel = ({ node, inputs, outputs }) => {
  const [first] = inputs;
  const dims = outputs[0]?.dims;
  const width = first && elementBytes(first.dtype);
  if (!first || !dims || !width) return undefined;
  const axis = normalizeAxis(node, node.int("axis", 0), dims.length);
  const outer = elementCount(dims.slice(0, axis));
  const inner = elementCount(dims.slice(axis + 1)) * width;
  const bytes = new Uint8Array(elementCount(dims) * width);
  const row = (dims[axis] ?? 0) * inner;
  let offset = 0;
  for (const input of inputs) {
    if (!input || input.dtype !== first.dtype) return undefined;
    const part = (input.dims[axis] ?? 0) * inner;
    for (let i = 0; i < outer; i++) {
      bytes.set(input.bytes.subarray(i * part, (i + 1) * part), i * row + offset);
    }
    offset += part;
  }
  return [Tensor.from(first.dtype, dims, bytes)];
};

const split: Kernel = ({ node, inputs, outputs }) => {
  const [source] = inputs;
  if (!source) return undefined;
  const axis = normalizeAxis(node, node.int("axis", 0), source.dims.length);
  const strides = stridesOf(source.dims);
  const results: Tensor[] = [];
  let start = 0;
  for (const { dims } of outputs) {
    if (!dims) return undefined;
    const tables = dims.map((count, i) => steps(count, strides[i] ?? 0));
    const part = pick(source, dims, combineIndices(tables, start * (strides[axis] ?? 0)));
    if (!part) return undefined;
    results.push(part);
    start += dims[axis] ?? 0;
  }
  return results;
};

/** Keeps one triangle of the last two axes, zero elsewhere. */
const trilu: Kernel = ({ node, inputs, numbers }) => {
  const [source] = inputs;
  if (!source || source.dims.length < 2) return undefined;
  const [rows = 0, columns = 0] = source.dims.slice(-2);
  const diagonal = numbers(1)?.[0] ?? 0;
  const isUpper = node.int("upper", 1) !== 0;
  const indices = Int32Array.from({ length: source.size }, (_, i) => {
    const column = i % columns;
    const row = Math.floor(i / columns) % rows;
    const keeps = isUpper ? column - row >= diagonal : column - row <= diagonal;
    return keeps ? i : -1;
  });
  return maybe(pick(source, source.dims, indices));
};

/** Operators that move elements, for all types of whole bytes. */
export const movementKernels: readonly (readonly [string, Kernel])[] = [
  ["Identity", identity],
  ["Dropout", dropout],
  ["Reshape", view],
  ["Flatten", view],
  ["Squeeze", view],
  ["Unsqueeze", view],
  ["Transpose", transpose],
  ["Expand", expand],
  ["Tile", tile],
  ["Slice", slice],
  ["Pad", pad],
  ["Gather", gather],
  ["GatherElements", gatherElements],
  ["Concat", concat],
  ["Split", split],
  ["Trilu", trilu],
];
