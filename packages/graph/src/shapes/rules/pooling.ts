import { formatDims } from "../dims.ts";
import { dependsOnData, mismatch, type ShapeRule } from "../shape-rule.ts";
import { readWindow, windowOutput } from "./window.ts";

/** `[N, C, …]` → `[N, C, …]`, for MaxPool also the indices. */
const pool: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype }, { dtype: "int64" }];
  const [batch = 0, channelCount = 0, ...spatial] = dims;
  const kernel = node.ints("kernel_shape");
  if (!kernel || kernel.length !== spatial.length) {
    throw mismatch(
      node,
      `kernel_shape ${kernel ? formatDims(kernel) : "is absent: it"} should have ${spatial.length} entries for input ${formatDims(dims)}`,
    );
  }
  const ceilMode = node.int("ceil_mode", 0) !== 0;
  const output = windowOutput(node, spatial, readWindow(node, kernel), ceilMode);
  const pooled = [batch, channelCount, ...output];
  return [
    { dims: pooled, dtype },
    { dims: pooled, dtype: "int64" },
  ];
};

/** `[N, C, …]` → `[N, C, 1, …]`. */
const globalPool: ShapeRule = (context) => {
  const dims = context.dims(0);
  if (dims && dims.length < 2) {
    throw mismatch(context.node, `input ${formatDims(dims)} should have a batch and channels`);
  }
  return [{ dims: dims?.map((dim, axis) => (axis < 2 ? dim : 1)), dtype: context.dtype(0) }];
};

const maxUnpool: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (node.input(2)) {
    const given = context.numbers(2);
    return given ? [{ dims: given, dtype }] : dependsOnData(context, "output_shape");
  }
  const kernel = node.ints("kernel_shape");
  if (!dims || !kernel) return [{ dtype }];
  const window = readWindow(node, kernel);
  const output = dims.slice(2).map((size, axis) => {
    const padding = (window.pads[axis] ?? 0) + (window.pads[axis + kernel.length] ?? 0);
    return (size - 1) * (window.strides[axis] ?? 1) + (kernel[axis] ?? 1) - padding;
  });
  return [{ dims: [...dims.slice(0, 2), ...output], dtype }];
};

/** `[N, C, H, W]` and R boxes → `[R, C, height, width]`. */
const roiAlign: ShapeRule = (context) => {
  const { node } = context;
  const channelCount = context.dims(0)?.[1];
  const boxCount = context.dims(1)?.[0];
  const dtype = context.dtype(0);
  if (channelCount === undefined || boxCount === undefined) return [{ dtype }];
  const [height = 1, width = 1] = node.ints("pooled_shape") ?? [
    node.int("output_height", 1),
    node.int("output_width", 1),
  ];
  return [{ dims: [boxCount, channelCount, height, width], dtype }];
};

/** Pools. */
export const poolingRules: readonly (readonly [string, ShapeRule])[] = [
  ["MaxPool", pool],
  ["AveragePool", pool],
  ["LpPool", pool],
  ["GlobalAveragePool", globalPool],
  ["GlobalMaxPool", globalPool],
  ["GlobalLpPool", globalPool],
  ["MaxUnpool", maxUnpool],
  ["RoiAlign", roiAlign],
  ["MaxRoiPool", roiAlign],
];
