import { elementCount } from "@ocrslim/graph";
import {
  around,
  float64,
  positiveAxis,
  type ReferenceContext,
  type ReferenceKernel,
  type ReferenceKernels,
} from "./reference-kernel.ts";

const round32 = Math.fround;

/** How one axis is resized. */
interface AxisResize {
  readonly size: number;
  readonly outputSize: number;
  readonly scale: number;
  /** Region of interest, of `tf_crop_and_resize`. */
  readonly roi: readonly [number, number];
}

/** What an output position reads: elements of the axis and their weights; none: extrapolated. */
type Taps = readonly (readonly [index: number, weight: number])[];

/**
 * Place in the input of output position `x`. ONNX Runtime computes it in float32, which decides how
 * nearest neighbours fall, so this does as well.
 */
function originalPlace(mode: string, axis: AxisResize, x: number): number {
  const { size, outputSize, roi } = axis;
  const scale = round32(axis.scale);
  const half = (offset = 0): number =>
    round32(round32(offset + round32(round32(x + 0.5) / scale)) - 0.5);
  switch (mode) {
    case "half_pixel":
      return half();
    case "pytorch_half_pixel":
      return outputSize > 1 ? half() : 0;
    case "half_pixel_symmetric": {
      const adjustment = round32(outputSize / round32(scale * size));
      const offset = round32(round32(size / 2) * round32(1 - adjustment));
      return half(offset);
    }
    case "align_corners":
      return outputSize === 1 ? 0 : round32(round32(x * (size - 1)) / (outputSize - 1));
    case "tf_crop_and_resize": {
      const [start, end] = roi;
      return outputSize > 1
        ? round32(start * (size - 1) + (x * (end - start) * (size - 1)) / (outputSize - 1))
        : round32(0.5 * (start + end) * (size - 1));
    }
    default:
      return round32(x / scale);
  }
}

function nearestIndex(mode: string, place: number, isShrinking: boolean): number {
  switch (mode) {
    case "round_prefer_floor":
      return place % 1 === 0.5 ? Math.floor(place) : Math.round(place);
    case "round_prefer_ceil":
      return Math.round(place);
    case "floor":
      return Math.floor(place);
    case "ceil":
      return Math.ceil(place);
    default:
      return isShrinking ? Math.ceil(place) : Math.trunc(place);
  }
}

function linearTaps(place: number, size: number): Taps {
  const clamped = Math.min(Math.max(place, 0), size - 1);
  const low = Math.min(Math.floor(clamped), size - 1);
  const high = Math.min(low + 1, size - 1);
  return [
    [low, 1 - (clamped - low)],
    [high, clamped - low],
  ];
}

/** Keys, "Cubic convolution interpolation for digital image processing", 1981. */
function cubicTaps(place: number, size: number, a: number, excludesOutside: boolean): Taps {
  const base = Math.floor(place);
  const kernel = (distance: number): number => {
    const d = Math.abs(distance);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  };
  const taps = [-1, 0, 1, 2].map((shift) => {
    const index = base + shift;
    const isOutside = index < 0 || index >= size;
    const weight = isOutside && excludesOutside ? 0 : kernel(place - index);
    return [Math.min(Math.max(index, 0), size - 1), weight] as const;
  });
  const total = excludesOutside ? taps.reduce((sum, [, weight]) => sum + weight, 0) : 1;
  return taps.map(([index, weight]) => [index, weight / total] as const);
}

function tapsOf(context: ReferenceContext, axis: AxisResize, isSimple: boolean): readonly Taps[] {
  const { node } = context;
  const coordinates = isSimple
    ? "asymmetric"
    : node.string("coordinate_transformation_mode", "half_pixel");
  const mode = node.string("mode", "nearest");
  const nearest = isSimple ? "simple" : node.string("nearest_mode", "round_prefer_floor");
  const last = axis.size - 1;
  return Array.from({ length: axis.outputSize }, (_, x): Taps => {
    const isSame = axis.scale === 1 && coordinates !== "tf_crop_and_resize";
    const place = isSame ? x : originalPlace(coordinates, axis, x);
    if (coordinates === "tf_crop_and_resize" && (place < 0 || place > last)) return [];
    if (mode === "cubic") {
      const a = node.float("cubic_coeff_a", -0.75);
      return cubicTaps(place, axis.size, a, node.int("exclude_outside", 0) !== 0);
    }
    if (mode !== "nearest") return linearTaps(place, axis.size);
    const index = nearestIndex(nearest, place, axis.scale < 1);
    return [[Math.min(Math.max(index, 0), last), 1]];
  });
}

/** The axes that change, by axis number. */
function readAxes(context: ReferenceContext, outputDims: readonly number[]): readonly AxisResize[] {
  const { node, opset } = context;
  const dims = context.dims(0);
  const axes = (opset >= 18 ? node.ints("axes") : undefined)?.map((axis) =>
    positiveAxis(axis, dims.length),
  ) ?? [...dims.keys()];
  const isSimple = opset < 11 || node.opType === "Upsample";
  const sizes = isSimple ? undefined : context.optional(3);
  const given = node.floats("scales") ?? context.optional(isSimple ? 1 : 2);
  const roi = isSimple ? undefined : context.optional(1);
  const policy = node.string("keep_aspect_ratio_policy", "stretch");
  const ratios = axes.map((axis, i) => (sizes?.[i] ?? 1) / (dims[axis] ?? 1));
  const common = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  return dims.map((size, axis) => {
    const at = axes.indexOf(axis);
    const fromSizes = policy === "stretch" ? ratios[at] : common;
    const scale = at < 0 ? 1 : sizes && sizes.length > 0 ? fromSizes : given?.[at];
    return {
      size,
      outputSize: outputDims[axis] ?? size,
      scale: scale ?? 1,
      roi: roi && at >= 0 ? [roi[at] ?? 0, roi[at + axes.length] ?? 1] : [0, 1],
    };
  });
}

/** All modes are separable: one axis after the other. */
const resize: ReferenceKernel = (context) => {
  const { node, opset } = context;
  if (node.int("antialias", 0) !== 0) throw context.fail("antialias is not covered");
  const outputDims = context.outputDims();
  const isSimple = opset < 11 || node.opType === "Upsample";
  const fill = node.float("extrapolation_value", 0);
  let dims = [...context.dims(0)];
  let data = context.numbers(0);
  const outside: [axis: number, place: number][] = [];
  readAxes(context, outputDims).forEach((axis, at) => {
    const { outer, size, inner } = around(dims, at);
    const taps = tapsOf(context, axis, isSimple);
    taps.forEach((own, place) => {
      if (own.length === 0) outside.push([at, place]);
    });
    const next = new Float64Array(outer * axis.outputSize * inner);
    for (let i = 0; i < outer; i++) {
      taps.forEach((own, j) => {
        for (const [index, weight] of own) {
          for (let k = 0; k < inner; k++) {
            const to = (i * axis.outputSize + j) * inner + k;
            next[to] = (next[to] ?? 0) + weight * (data[(i * size + index) * inner + k] ?? 0);
          }
        }
      });
    }
    data = next;
    dims = dims.map((dim, own) => (own === at ? axis.outputSize : dim));
  });
  for (const [axis, place] of outside) {
    const inner = elementCount(dims.slice(axis + 1));
    data = data.map((value, at) =>
      Math.floor(at / inner) % (dims[axis] ?? 1) === place ? fill : value,
    );
  }
  return [float64(dims, data)];
};

/** Operators that change the resolution. */
export const resizeKernels: ReferenceKernels = [
  ["Resize", resize],
  ["Upsample", resize],
];
