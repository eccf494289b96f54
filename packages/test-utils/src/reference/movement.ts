import { elementCount, Tensor } from "@ocrslim/graph";
import {
  around,
  fromNumbers,
  numbersOf,
  offsetOf,
  positions,
  positiveAxis,
  type ReferenceKernel,
  type ReferenceKernels,
  stridesOf,
} from "./reference-kernel.ts";

/** Element of an axis of `size` that stands at `at`, which may lie outside; -1: the constant. */
function padSource(at: number, size: number, mode: string): number {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case "edge":
      return at < 0 ? 0 : size - 1;
    case "reflect": {
      const period = Math.max(1, 2 * (size - 1));
      const place = ((at % period) + period) % period;
      return place < size ? place : period - place;
    }
    case "wrap":
      return ((at % size) + size) % size;
    default:
      return -1;
  }
}

const pad: ReferenceKernel = (context) => {
  const { node, opset } = context;
  const dims = context.dims(0);
  const rank = dims.length;
  const given = opset < 11 ? (node.ints("pads") ?? []) : [...context.numbers(1)];
  const axes = context.optional(3)?.length
    ? Array.from(context.numbers(3), (axis) => positiveAxis(axis, rank))
    : [...dims.keys()];
  const starts = dims.map(() => 0);
  const ends = dims.map(() => 0);
  axes.forEach((axis, i) => {
    starts[axis] = given[i] ?? 0;
    ends[axis] = given[i + axes.length] ?? 0;
  });
  const fill = opset < 11 ? node.float("value", 0) : (context.optional(2)?.[0] ?? 0);
  const mode = node.string("mode", "constant");
  const outputDims = dims.map((dim, axis) => dim + (starts[axis] ?? 0) + (ends[axis] ?? 0));
  const x = context.numbers(0);
  const strides = stridesOf(dims);
  // A negative pad crops first: what is reflected or repeated is what remains.
  const cropStarts = starts.map((start) => Math.max(0, -start));
  const sizes = dims.map(
    (dim, axis) => dim - (cropStarts[axis] ?? 0) - Math.max(0, -(ends[axis] ?? 0)),
  );
  const out = new Float64Array(elementCount(outputDims));
  let to = 0;
  for (const index of positions(outputDims)) {
    let from = 0;
    for (let axis = 0; axis < rank; axis++) {
      const place = (index[axis] ?? 0) - Math.max(0, starts[axis] ?? 0);
      const source = padSource(place, sizes[axis] ?? 1, mode);
      if (source < 0) {
        from = -1;
        break;
      }
      from += (source + (cropStarts[axis] ?? 0)) * (strides[axis] ?? 0);
    }
    out[to++] = from < 0 ? fill : (x[from] ?? 0);
  }
  return [fromNumbers(context.tensor(0).dtype, outputDims, out)];
};

/** As in `@ocrslim/graph`, but faster for float64. */
const transpose: ReferenceKernel = (context) => {
  const dims = context.dims(0);
  const order = context.node.ints("perm") ?? [...dims.keys()].reverse();
  const outputDims = order.map((axis) => dims[axis] ?? 1);
  const strides = stridesOf(dims);
  const steps = order.map((axis) => strides[axis] ?? 1);
  const x = context.numbers(0);
  const out = new Float64Array(x.length);
  // All axes but the last one, then the last one in a loop of its own.
  const [last = 1, step = 1] = [outputDims.at(-1), steps.at(-1)];
  let to = 0;
  for (const index of positions(outputDims.slice(0, -1))) {
    const from = offsetOf(index, steps);
    for (let i = 0; i < last; i++) out[to++] = x[from + i * step] as number;
  }
  return [fromNumbers(context.tensor(0).dtype, outputDims, out)];
};

const depthToSpace: ReferenceKernel = (context) => {
  const { node } = context;
  const [batch = 1, channels = 1, height = 1, width = 1] = context.dims(0);
  const block = node.int("blocksize", 1);
  const isRowMajor = node.string("mode", "DCR") === "CRD";
  const outputs = channels / (block * block);
  const dims = [batch, outputs, height * block, width * block];
  const strides = stridesOf([batch, channels, height, width]);
  const x = context.numbers(0);
  const out = new Float64Array(x.length);
  let to = 0;
  for (const [n = 0, c = 0, i = 0, j = 0] of positions(dims)) {
    const place = (i % block) * block + (j % block);
    const channel = isRowMajor ? c * block * block + place : place * outputs + c;
    const from = [n, channel, Math.floor(i / block), Math.floor(j / block)];
    out[to++] = x[offsetOf(from, strides)] ?? 0;
  }
  return [fromNumbers(context.tensor(0).dtype, dims, out)];
};

const spaceToDepth: ReferenceKernel = (context) => {
  const [batch = 1, channels = 1, height = 1, width = 1] = context.dims(0);
  const block = context.node.int("blocksize", 1);
  const dims = [batch, channels * block * block, height / block, width / block];
  const strides = stridesOf([batch, channels, height, width]);
  const x = context.numbers(0);
  const out = new Float64Array(x.length);
  let to = 0;
  for (const [n = 0, c = 0, i = 0, j = 0] of positions(dims)) {
    const place = Math.floor(c / channels);
    const row = i * block + Math.floor(place / block);
    const column = j * block + (place % block);
    out[to++] = x[offsetOf([n, c % channels, row, column], strides)] ?? 0;
  }
  return [fromNumbers(context.tensor(0).dtype, dims, out)];
};

/** At inference: what comes in, and a mask of ones. */
const dropout: ReferenceKernel = (context) => {
  if ((context.optional(2)?.[0] ?? 0) !== 0) throw context.fail("training mode is random");
  const source = context.tensor(0);
  return [source, Tensor.from("bool", source.dims, new Uint8Array(source.size).fill(1))];
};

const cumSum: ReferenceKernel = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const x = context.numbers(0);
  const axis = positiveAxis(context.numbers(1)[0] ?? 0, dims.length);
  const { outer, size, inner } = around(dims, axis);
  const isExclusive = node.int("exclusive", 0) !== 0;
  const isReverse = node.int("reverse", 0) !== 0;
  const out = new Float64Array(x.length);
  for (let i = 0; i < outer; i++) {
    for (let k = 0; k < inner; k++) {
      let sum = 0;
      for (let step = 0; step < size; step++) {
        const at = (i * size + (isReverse ? size - 1 - step : step)) * inner + k;
        const value = x[at] ?? 0;
        out[at] = isExclusive ? sum : sum + value;
        sum += value;
      }
    }
  }
  return [fromNumbers(context.tensor(0).dtype, dims, out)];
};

const reverseSequence: ReferenceKernel = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const batchAxis = node.int("batch_axis", 1);
  const timeAxis = node.int("time_axis", 0);
  const lengths = context.numbers(1);
  const strides = stridesOf(dims);
  const x = numbersOf(context.tensor(0));
  const out = new Float64Array(x.length);
  let to = 0;
  for (const index of positions(dims)) {
    const length = lengths[index[batchAxis] ?? 0] ?? 0;
    const time = index[timeAxis] ?? 0;
    const from = index.map((place, axis) =>
      axis === timeAxis && time < length ? length - 1 - time : place,
    );
    out[to++] = x[offsetOf(from, strides)] ?? 0;
  }
  return [fromNumbers(context.tensor(0).dtype, dims, out)];
};

/** Operators that move elements. */
export const movementKernels: ReferenceKernels = [
  ["Transpose", transpose],
  ["Pad", pad],
  ["DepthToSpace", depthToSpace],
  ["SpaceToDepth", spaceToDepth],
  ["Dropout", dropout],
  ["CumSum", cumSum],
  ["ReverseSequence", reverseSequence],
];
