import { elementCount } from "@ocrslim/graph";
import {
  fromNumbers,
  offsetOf,
  positions,
  positiveAxis,
  type ReferenceContext,
  type ReferenceKernel,
  type ReferenceKernels,
  stridesOf,
} from "./reference-kernel.ts";

function combine(context: ReferenceContext): (old: number, update: number) => number {
  const reduction = context.node.string("reduction", "none");
  switch (reduction) {
    case "none":
      return (_, update) => update;
    case "add":
      return (old, update) => old + update;
    case "mul":
      return (old, update) => old * update;
    case "min":
      return Math.min;
    case "max":
      return Math.max;
    default:
      throw context.fail(`reduction "${reduction}" is not covered`);
  }
}

const scatterElements: ReferenceKernel = (context) => {
  const dims = context.dims(0);
  const axis = positiveAxis(context.node.int("axis", 0), dims.length);
  const strides = stridesOf(dims);
  const indices = context.numbers(1);
  const updates = context.numbers(2);
  const join = combine(context);
  const out = context.numbers(0).slice();
  let at = 0;
  for (const place of positions(context.dims(1))) {
    const index = positiveAxis(indices[at] ?? 0, dims[axis] ?? 1);
    const to = offsetOf(
      place.map((own, i) => (i === axis ? index : own)),
      strides,
    );
    out[to] = join(out[to] ?? 0, updates[at] ?? 0);
    at++;
  }
  return [fromNumbers(context.tensor(0).dtype, dims, out)];
};

const scatterNd: ReferenceKernel = (context) => {
  const dims = context.dims(0);
  const strides = stridesOf(dims);
  const indexDims = context.dims(1);
  const width = indexDims.at(-1) ?? 1;
  const sliceSize = elementCount(dims.slice(width));
  const indices = context.numbers(1);
  const updates = context.numbers(2);
  const join = combine(context);
  const out = context.numbers(0).slice();
  const count = elementCount(indexDims.slice(0, -1));
  for (let row = 0; row < count; row++) {
    let to = 0;
    for (let axis = 0; axis < width; axis++) {
      const index = positiveAxis(indices[row * width + axis] ?? 0, dims[axis] ?? 1);
      to += index * (strides[axis] ?? 0);
    }
    for (let i = 0; i < sliceSize; i++) {
      out[to + i] = join(out[to + i] ?? 0, updates[row * sliceSize + i] ?? 0);
    }
  }
  return [fromNumbers(context.tensor(0).dtype, dims, out)];
};

/** Operators that write into a tensor. */
export const scatterKernels: ReferenceKernels = [
  ["ScatterElements", scatterElements],
  ["ScatterND", scatterNd],
];
