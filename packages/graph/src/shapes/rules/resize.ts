import { formatDims, normalizeAxis } from "../dims.ts";
import { dependsOnData, mismatch, type ShapeRule, type ShapeRuleContext } from "../shape-rule.ts";

/** Where the runtime multiplies in float32, so do we: 0.1 × 30 is 3 there. */
const scaled = (dim: number, scale: number): number =>
  Math.floor(Math.fround(Math.fround(scale) * dim));

function resizedByScales(
  context: ShapeRuleContext,
  dims: readonly number[],
  scales: readonly number[],
  axes: readonly number[],
): readonly number[] {
  const { node } = context;
  if (scales.length !== axes.length) {
    throw mismatch(
      node,
      `scales ${formatDims(scales)} should have ${axes.length} entries for input ${formatDims(dims)}`,
    );
  }
  const output = [...dims];
  // Also with `tf_crop_and_resize`: ONNX's and ONNX Runtime's own inference leave the region out.
  axes.forEach((axis, i) => {
    output[axis] = scaled(dims[axis] ?? 0, scales[i] ?? 1);
  });
  return output;
}

function resizedToSizes(
  context: ShapeRuleContext,
  dims: readonly number[],
  sizes: readonly number[],
  axes: readonly number[],
): readonly number[] {
  const { node } = context;
  if (sizes.length !== axes.length) {
    throw mismatch(
      node,
      `sizes ${formatDims(sizes)} should have ${axes.length} entries for input ${formatDims(dims)}`,
    );
  }
  const policy = node.string("keep_aspect_ratio_policy", "stretch");
  const output = [...dims];
  if (policy === "stretch") {
    axes.forEach((axis, i) => {
      output[axis] = sizes[i] ?? 0;
    });
    return output;
  }
  const ratios = axes.map((axis, i) => Math.fround((sizes[i] ?? 0) / (dims[axis] ?? 1)));
  const scale = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  for (const axis of axes) output[axis] = Math.round(Math.fround(scale * (dims[axis] ?? 0)));
  return output;
}

const resize: ShapeRule = (context) => {
  const { node, opset } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype }];
  const axes = (opset >= 18 ? node.ints("axes") : undefined)?.map((axis) =>
    normalizeAxis(node, axis, dims.length),
  ) ?? [...dims.keys()];
  const scalesIndex = opset < 11 ? 1 : 2;
  if (opset >= 11 && node.input(3)) {
    const sizes = context.numbers(3);
    if (!sizes) return dependsOnData(context, "sizes");
    if (sizes.length > 0) return [{ dims: resizedToSizes(context, dims, sizes, axes), dtype }];
  }
  const scales = context.numbers(scalesIndex);
  if (!scales) {
    if (!node.input(scalesIndex)) throw mismatch(node, "has neither scales nor sizes");
    return dependsOnData(context, "scales");
  }
  return [{ dims: resizedByScales(context, dims, scales, axes), dtype }];
};

const upsample: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const dtype = context.dtype(0);
  if (!dims) return [{ dtype }];
  const scales = node.floats("scales") ?? context.numbers(1);
  if (!scales) return dependsOnData(context, "scales");
  return [{ dims: resizedByScales(context, dims, scales, [...dims.keys()]), dtype }];
};

/** `[N, C, H, W]` and grid `[N, h, w, 2]` → `[N, C, h, w]`. */
const gridSample: ShapeRule = (context) => {
  const dims = context.dims(0);
  const grid = context.dims(1);
  const dtype = context.dtype(0);
  if (!dims || !grid) return [{ dtype }];
  if (grid.length !== dims.length || grid[0] !== dims[0]) {
    throw mismatch(context.node, `grid ${formatDims(grid)} does not fit input ${formatDims(dims)}`);
  }
  return [{ dims: [...dims.slice(0, 2), ...grid.slice(1, -1)], dtype }];
};

const depthToSpace: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const block = node.int("blocksize", 1);
  if (!dims) return [{ dtype: context.dtype(0) }];
  const [batch = 0, channelCount = 0, height = 0, width = 0] = dims;
  if (dims.length !== 4 || channelCount % (block * block) !== 0) {
    throw mismatch(node, `input ${formatDims(dims)} does not fit blocksize = ${block}`);
  }
  return [
    {
      dims: [batch, channelCount / (block * block), height * block, width * block],
      dtype: context.dtype(0),
    },
  ];
};

const spaceToDepth: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const block = node.int("blocksize", 1);
  if (!dims) return [{ dtype: context.dtype(0) }];
  const [batch = 0, channelCount = 0, height = 0, width = 0] = dims;
  if (dims.length !== 4 || height % block !== 0 || width % block !== 0) {
    throw mismatch(node, `input ${formatDims(dims)} does not fit blocksize = ${block}`);
  }
  return [
    {
      dims: [batch, channelCount * block * block, height / block, width / block],
      dtype: context.dtype(0),
    },
  ];
};

/** Operators that change the resolution. */
export const resizeRules: readonly (readonly [string, ShapeRule])[] = [
  ["Resize", resize],
  ["Upsample", upsample],
  ["GridSample", gridSample],
  ["DepthToSpace", depthToSpace],
  ["SpaceToDepth", spaceToDepth],
];
