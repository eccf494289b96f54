import { elementCount, Tensor } from "@ocrslim/graph";
import {
  around,
  fromNumbers,
  offsetOf,
  positions,
  positiveAxis,
  type ReferenceKernel,
  type ReferenceKernels,
  stridesOf,
} from "./reference-kernel.ts";

/** Equal elements come in the order of their places. */
const topK: ReferenceKernel = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const x = context.numbers(0);
  const axis = positiveAxis(node.int("axis", -1), dims.length);
  const count = context.numbers(1)[0] ?? 0;
  const sign = node.int("largest", 1) !== 0 ? -1 : 1;
  const { outer, size, inner } = around(dims, axis);
  const outputDims = dims.map((dim, at) => (at === axis ? count : dim));
  const values = new Float64Array(elementCount(outputDims));
  const indices = new Float64Array(values.length);
  for (let i = 0; i < outer; i++) {
    for (let k = 0; k < inner; k++) {
      const at = (j: number): number => x[(i * size + j) * inner + k] ?? 0;
      const order = Array.from({ length: size }, (_, j) => j).sort(
        (a, b) => sign * (at(a) - at(b)) || a - b,
      );
      order.slice(0, count).forEach((j, place) => {
        const to = (i * count + place) * inner + k;
        values[to] = at(j);
        indices[to] = j;
      });
    }
  }
  return [
    fromNumbers(context.tensor(0).dtype, outputDims, values),
    fromNumbers("int64", outputDims, indices),
  ];
};

const arg =
  (sign: 1 | -1): ReferenceKernel =>
  (context) => {
    const { node } = context;
    const dims = context.dims(0);
    const x = context.numbers(0);
    const axis = positiveAxis(node.int("axis", 0), dims.length);
    const { outer, size, inner } = around(dims, axis);
    const takesLast = node.int("select_last_index", 0) !== 0;
    const indices: number[] = [];
    for (let i = 0; i < outer; i++) {
      for (let k = 0; k < inner; k++) {
        let best = 0;
        for (let j = 1; j < size; j++) {
          const gain =
            sign * ((x[(i * size + j) * inner + k] ?? 0) - (x[(i * size + best) * inner + k] ?? 0));
          if (gain > 0 || (gain === 0 && takesLast)) best = j;
        }
        indices.push(best);
      }
    }
    const kept = node.int("keepdims", 1) !== 0 ? [1] : [];
    return [
      fromNumbers("int64", [...dims.slice(0, axis), ...kept, ...dims.slice(axis + 1)], indices),
    ];
  };

const gatherNd: ReferenceKernel = (context) => {
  const dims = context.dims(0);
  const indexDims = context.dims(1);
  const batchDims = context.node.int("batch_dims", 0);
  const width = indexDims.at(-1) ?? 1;
  const x = context.numbers(0);
  const indices = context.numbers(1);
  const strides = stridesOf(dims);
  const sliceSize = elementCount(dims.slice(batchDims + width));
  const outer = indexDims.slice(0, -1);
  const out: number[] = [];
  let at = 0;
  for (const place of positions(outer)) {
    let from = offsetOf(place.slice(0, batchDims), strides);
    for (let i = 0; i < width; i++) {
      const axis = batchDims + i;
      from += positiveAxis(indices[at++] ?? 0, dims[axis] ?? 1) * (strides[axis] ?? 0);
    }
    for (let i = 0; i < sliceSize; i++) out.push(x[from + i] ?? 0);
  }
  return [fromNumbers(context.tensor(0).dtype, [...outer, ...dims.slice(batchDims + width)], out)];
};

const oneHot: ReferenceKernel = (context) => {
  const dims = context.dims(0);
  const indices = context.numbers(0);
  const depth = context.numbers(1)[0] ?? 0;
  const [off = 0, on = 1] = context.numbers(2);
  const axis = positiveAxis(context.node.int("axis", -1), dims.length + 1);
  const outputDims = [...dims.slice(0, axis), depth, ...dims.slice(axis)];
  const { outer, inner } = around(outputDims, axis);
  const out = new Float64Array(outer * depth * inner).fill(off);
  for (let i = 0; i < outer; i++) {
    for (let k = 0; k < inner; k++) {
      const index = positiveAxis(indices[i * inner + k] ?? 0, depth);
      if (index >= 0 && index < depth) out[(i * depth + index) * inner + k] = on;
    }
  }
  return [fromNumbers(context.tensor(2).dtype, outputDims, out)];
};

const eyeLike: ReferenceKernel = (context) => {
  const [rows = 0, columns = 0] = context.dims(0);
  const shift = context.node.int("k", 0);
  const out = Float64Array.from({ length: rows * columns }, (_, at) =>
    Number((at % columns) - Math.floor(at / columns) === shift),
  );
  return [fromNumbers(context.tensor(0).dtype, [rows, columns], out)];
};

const compress: ReferenceKernel = (context) => {
  const { node } = context;
  const given = node.int("axis");
  const source = context.dims(0);
  const dims = given === undefined ? [elementCount(source)] : source;
  const axis = positiveAxis(given ?? 0, dims.length);
  const { outer, inner } = around(dims, axis);
  const size = dims[axis] ?? 1;
  const kept = [...context.numbers(1).keys()].filter((i) => context.numbers(1)[i] !== 0);
  const x = context.numbers(0);
  const out: number[] = [];
  for (let i = 0; i < outer; i++)
    for (const j of kept)
      for (let k = 0; k < inner; k++) out.push(x[(i * size + j) * inner + k] ?? 0);
  const outputDims = dims.map((dim, at) => (at === axis ? kept.length : dim));
  return [fromNumbers(context.tensor(0).dtype, outputDims, out)];
};

const isInf: ReferenceKernel = (context) => [
  Tensor.from(
    "bool",
    context.dims(0),
    Uint8Array.from(context.numbers(0), (x) => Number(Math.abs(x) === Number.POSITIVE_INFINITY)),
  ),
];

/** Operators that find or choose elements. */
export const indexingKernels: ReferenceKernels = [
  ["TopK", topK],
  ["ArgMax", arg(1)],
  ["ArgMin", arg(-1)],
  ["GatherND", gatherNd],
  ["OneHot", oneHot],
  ["EyeLike", eyeLike],
  ["Compress", compress],
  ["IsInf", isInf],
];
