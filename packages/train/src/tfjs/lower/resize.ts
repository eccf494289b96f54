import {
  type Lowering,
  type LoweringContext,
  type LoweringEntry,
  positiveAxis,
  sizeOf,
} from "../lowering.ts";
import { applyMatrix, expand } from "../operations.ts";
import type { TfTensor } from "../tfjs.ts";

/** How one axis is resized. */
interface AxisResize {
  readonly axis: number;
  readonly size: number;
  readonly outputSize: number;
  /** Output size ÷ input size, as the node states it. */
  readonly scale: number;
}

/** What one output position reads. */
type Taps = readonly (readonly [index: number, weight: number])[];

const round32 = Math.fround;

/** Place in the input, in float32 as ONNX Runtime has it: it decides where nearest ones fall. */
function placeOf(mode: string, { size, outputSize, scale }: AxisResize, at: number): number {
  const half = (): number => round32(round32(round32(at + 0.5) / round32(scale)) - 0.5);
  switch (mode) {
    case "asymmetric":
      return round32(at / round32(scale));
    case "align_corners":
      return outputSize === 1 ? 0 : round32(round32(at * (size - 1)) / (outputSize - 1));
    case "pytorch_half_pixel":
      return outputSize > 1 ? half() : 0;
    case "half_pixel_symmetric": {
      const offset = (size / 2) * (1 - outputSize / (round32(scale) * size));
      return round32(offset + half());
    }
    default:
      return half();
  }
}

function nearest(mode: string, place: number): number {
  switch (mode) {
    case "floor":
      return Math.floor(place);
    case "ceil":
      return Math.ceil(place);
    case "round_prefer_ceil":
      return Math.floor(place + 0.5);
    default:
      return Math.ceil(place - 0.5);
  }
}

/** Keys, "Cubic convolution interpolation for digital image processing", 1981. */
function cubicWeight(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

function tapsOf({ node, fail }: LoweringContext, resize: AxisResize, at: number): Taps {
  const last = resize.size - 1;
  const inside = (index: number): number => Math.min(Math.max(index, 0), last);
  const place = placeOf(node.string("coordinate_transformation_mode", "half_pixel"), resize, at);
  const mode = node.string("mode", "nearest");
  if (mode === "nearest") {
    return [[inside(nearest(node.string("nearest_mode", "round_prefer_floor"), place)), 1]];
  }
  if (mode === "linear") {
    const clamped = inside(place);
    const low = Math.floor(clamped);
    return [
      [low, 1 - (clamped - low)],
      [inside(low + 1), clamped - low],
    ];
  }
  if (mode !== "cubic") throw fail(`mode ${mode} is not covered`);
  const base = Math.floor(place);
  const excludes = node.int("exclude_outside", 0) !== 0;
  const a = node.float("cubic_coeff_a", -0.75);
  const taps = [-1, 0, 1, 2].map((shift) => {
    const index = base + shift;
    const isOutside = index < 0 || index > last;
    return [inside(index), isOutside && excludes ? 0 : cubicWeight(place - index, a)] as const;
  });
  const total = excludes ? taps.reduce((sum, [, weight]) => sum + weight, 0) : 1;
  return taps.map(([index, weight]) => [index, weight / total] as const);
}

/** The axes that change. */
function readAxes(context: LoweringContext, dims: readonly number[]): readonly AxisResize[] {
  const { node, numbers, outputDims, fail } = context;
  if (node.string("coordinate_transformation_mode") === "tf_crop_and_resize") {
    throw fail("tf_crop_and_resize is not covered");
  }
  if (node.int("antialias", 0) !== 0) throw fail("antialias is not covered");
  const policy = node.string("keep_aspect_ratio_policy", "stretch");
  const axes = node.ints("axes")?.map((axis) => positiveAxis(axis, dims.length)) ?? [
    ...dims.keys(),
  ];
  const sizes = numbers(3);
  const hasSizes = sizes !== undefined && sizes.length > 0;
  const ratios = axes.map((axis, index) => (sizes?.[index] ?? 1) / (dims[axis] ?? 1));
  const common = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  const scales = hasSizes
    ? ratios.map((ratio) => (policy === "stretch" ? ratio : common))
    : numbers(2);
  return axes
    .map((axis, index) => ({
      axis,
      size: dims[axis] ?? 1,
      outputSize: outputDims()[axis] ?? 1,
      scale: scales?.[index] ?? 1,
    }))
    .filter(({ scale }) => scale !== 1);
}

/** Whether each element of the axis is simply repeated. */
function isRepetition(taps: readonly Taps[], { size, outputSize }: AxisResize): boolean {
  const times = outputSize / size;
  return (
    Number.isInteger(times) &&
    taps.every((own, at) =>
      own.every(([index, weight]) => weight === 0 || index === Math.floor(at / times)),
    )
  );
}

/** One axis after the other: repeated, or multiplied with an interpolation matrix [O, I]. */
const resize: Lowering = (context) => {
  const { tf, input, cached } = context;
  let x = input(0);
  for (const own of readAxes(context, x.shape)) {
    const { axis, size, outputSize } = own;
    const taps = Array.from({ length: outputSize }, (_, at) => tapsOf(context, own, at));
    if (isRepetition(taps, own)) {
      x = repeat(context, x, axis, outputSize / size);
      continue;
    }
    const matrix = cached(`axis${axis}`, () => {
      const elements = new Float32Array(outputSize * size);
      taps.forEach((tap, row) => {
        for (const [index, weight] of tap) {
          elements[row * size + index] = (elements[row * size + index] ?? 0) + weight;
        }
      });
      return tf.tensor2d(elements, [outputSize, size]);
    });
    x = applyMatrix(tf, x, axis, matrix);
  }
  return [x];
};

function repeat({ tf }: LoweringContext, x: TfTensor, axis: number, times: number): TfTensor {
  const outer = sizeOf(x.shape.slice(0, axis + 1));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const repeated = expand(tf, tf.reshape(x, [outer, 1, inner]), [outer, times, inner]);
  return tf.reshape(repeated, x.shape.with(axis, (x.shape[axis] ?? 1) * times));
}

/** Changes of resolution. */
export const resizeLowerings: readonly LoweringEntry[] = [["Resize", resize]];
