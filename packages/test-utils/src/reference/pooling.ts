import { elementCount } from "@ocrslim/graph";
import {
  float64,
  fromNumbers,
  type ReferenceContext,
  type ReferenceKernel,
  type ReferenceKernels,
} from "./reference-kernel.ts";
import { pair, readWindow } from "./windows.ts";

/** The elements of one window: those inside the input, and how many lie in the padded input. */
interface Taps {
  /** Offsets in the plane. */
  readonly inside: readonly number[];
  readonly paddedCount: number;
}

/** Reduces each window of each plane; gives the output's dims and calls `visit` in output order. */
function overWindows(
  context: ReferenceContext,
  visit: (taps: Taps, plane: number, kernelSize: number) => void,
): readonly number[] {
  const kernelShape = context.node.ints("kernel_shape") ?? [];
  const { dims, kernel, strides, dilations, pads } = readWindow(context, kernelShape);
  const [batch, channels, height, width] = dims;
  const outputDims = context.outputDims();
  const [outHeight, outWidth] = pair(outputDims.slice(2), 1);
  const rows = [pads[0]?.[0] ?? 0, height + (pads[0]?.[1] ?? 0)] as const;
  const columns = [pads[1]?.[0] ?? 0, width + (pads[1]?.[1] ?? 0)] as const;
  const windows: Taps[] = [];
  for (let i = 0; i < outHeight; i++) {
    for (let j = 0; j < outWidth; j++) {
      const inside: number[] = [];
      let paddedCount = 0;
      for (let u = 0; u < kernel[0]; u++) {
        for (let v = 0; v < kernel[1]; v++) {
          const row = i * strides[0] + u * dilations[0] - rows[0];
          const column = j * strides[1] + v * dilations[1] - columns[0];
          if (row < rows[1] && column < columns[1]) paddedCount++;
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          inside.push(row * width + column);
        }
      }
      windows.push({ inside, paddedCount });
    }
  }
  for (let plane = 0; plane < batch * channels; plane++) {
    for (const taps of windows) visit(taps, plane * height * width, kernel[0] * kernel[1]);
  }
  return outputDims;
}

/** The first of the greatest wins; indices count through the whole tensor. */
const maxPool: ReferenceKernel = (context) => {
  const x = context.numbers(0);
  if (context.node.int("storage_order", 0) !== 0)
    throw context.fail("storage_order is not covered");
  const values: number[] = [];
  const indices: number[] = [];
  const dims = overWindows(context, ({ inside }, plane) => {
    let best = Number.NEGATIVE_INFINITY;
    let at = -1;
    for (const offset of inside) {
      const value = x[plane + offset] ?? 0;
      if (value > best || at < 0) {
        best = value;
        at = plane + offset;
      }
    }
    values.push(best);
    indices.push(at);
  });
  return [float64(dims, values), fromNumbers("int64", dims, indices)];
};

const averagePool: ReferenceKernel = (context) => {
  const x = context.numbers(0);
  const includesPads = context.node.int("count_include_pad", 0) !== 0;
  const values: number[] = [];
  const dims = overWindows(context, ({ inside, paddedCount }, plane) => {
    let sum = 0;
    for (const offset of inside) sum += x[plane + offset] ?? 0;
    values.push(sum / (includesPads ? paddedCount : inside.length));
  });
  return [float64(dims, values)];
};

const lpPool: ReferenceKernel = (context) => {
  const x = context.numbers(0);
  const p = context.node.int("p", 2);
  const values: number[] = [];
  const dims = overWindows(context, ({ inside }, plane) => {
    let sum = 0;
    for (const offset of inside) sum += Math.abs(x[plane + offset] ?? 0) ** p;
    values.push(sum ** (1 / p));
  });
  return [float64(dims, values)];
};

const globalPool =
  (reduce: (plane: Float64Array) => number): ReferenceKernel =>
  (context) => {
    const dims = context.dims(0);
    const x = context.numbers(0);
    const area = elementCount(dims.slice(2));
    const count = elementCount(dims.slice(0, 2));
    const values = Float64Array.from({ length: count }, (_, plane) =>
      reduce(x.subarray(plane * area, (plane + 1) * area)),
    );
    return [
      float64(
        dims.map((dim, axis) => (axis < 2 ? dim : 1)),
        values,
      ),
    ];
  };

/** Pools over one or two spatial axes. */
export const poolingKernels: ReferenceKernels = [
  ["MaxPool", maxPool],
  ["AveragePool", averagePool],
  ["LpPool", lpPool],
  [
    "GlobalAveragePool",
    globalPool((plane) => plane.reduce((sum, value) => sum + value, 0) / plane.length),
  ],
  ["GlobalMaxPool", globalPool((plane) => plane.reduce((best, value) => Math.max(best, value)))],
];
