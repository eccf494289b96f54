import type { Tap } from "./axis-map.ts";

/** How Resize reads one axis. */
export interface AxisResize {
  readonly size: number;
  readonly outputSize: number;
  /** Output elements for each input element, as stated or from the sizes. */
  readonly scale: number;
}

/** What a Resize node says for all axes. */
export interface ResizeModes {
  readonly mode: "nearest" | "linear" | "cubic";
  /** `coordinate_transformation_mode`. */
  readonly coordinates: CoordinateMode;
  /** `nearest_mode`. */
  readonly rounding: RoundingMode;
  /** `cubic_coeff_a`. */
  readonly cubicCoefficient: number;
  /** `exclude_outside`. */
  readonly excludesOutside: boolean;
}

export type CoordinateMode =
  | "asymmetric"
  | "half_pixel"
  | "pytorch_half_pixel"
  | "half_pixel_symmetric"
  | "align_corners";

export type RoundingMode = "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";

const round32 = Math.fround;

/** ((x + 0.5) / scale) − 0.5, rounded after each operation. */
const halfPixel = ({ scale }: AxisResize, x: number): number =>
  round32(round32(round32(x + 0.5) / round32(scale)) - 0.5);

/**
 * The place in the input that an output position comes from. ONNX Runtime computes it in float32,
 * which decides where nearest neighbours fall.
 */
export const COORDINATES: Readonly<
  Record<CoordinateMode, (axis: AxisResize, x: number) => number>
> = {
  asymmetric: ({ scale }, x) => round32(x / round32(scale)),
  half_pixel: halfPixel,
  pytorch_half_pixel: (axis, x) => (axis.outputSize > 1 ? halfPixel(axis, x) : 0),
  half_pixel_symmetric: ({ size, outputSize, scale }, x) => {
    const adjustment = round32(outputSize / round32(round32(scale) * size));
    const offset = round32((size / 2) * round32(1 - adjustment));
    // Here it divides in double precision.
    return round32(offset + (x + 0.5) / round32(scale) - 0.5);
  },
  align_corners: ({ size, outputSize }, x) =>
    outputSize === 1 ? 0 : round32(round32(x * (size - 1)) / (outputSize - 1)),
};

/** What float32 may leave of a tie: as far from it, ONNX Runtime (1.30) still takes it for one. */
const TIE = 1e-6;

/** From a place to the nearest element, before limiting it to the axis. */
export const ROUNDINGS: Readonly<Record<RoundingMode, (place: number) => number>> = {
  round_prefer_floor: (place) => Math.ceil(place - 0.5 - TIE),
  round_prefer_ceil: (place) => Math.floor(place + 0.5 + TIE),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** For each output element of the axis, the input elements that Resize reads and their weights. */
export function listResizeTaps(axis: AxisResize, modes: ResizeModes): readonly (readonly Tap[])[] {
  const read = { nearest: nearestTaps, linear: linearTaps, cubic: cubicTaps }[modes.mode];
  return Array.from({ length: axis.outputSize }, (_, x) =>
    read(COORDINATES[modes.coordinates](axis, x), axis.size, modes),
  );
}

const limit = (index: number, size: number): number => Math.min(Math.max(index, 0), size - 1);

function nearestTaps(place: number, size: number, { rounding }: ResizeModes): readonly Tap[] {
  return [[limit(ROUNDINGS[rounding](place), size), 1]];
}

function linearTaps(place: number, size: number): readonly Tap[] {
  const inside = limit(place, size);
  const low = Math.floor(inside);
  const part = inside - low;
  return part === 0
    ? [[low, 1]]
    : [
        [low, 1 - part],
        [low + 1, part],
      ];
}

/** Keys, "Cubic convolution interpolation for digital image processing", 1981, eq. 15. */
function cubicTaps(
  place: number,
  size: number,
  { cubicCoefficient: a, excludesOutside }: ResizeModes,
): readonly Tap[] {
  const base = Math.floor(place);
  const part = place - base;
  const near = (d: number): number => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number): number => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  const weights = [far(1 + part), near(part), near(1 - part), far(2 - part)];
  const taps = weights.map((weight, at): Tap => [base - 1 + at, weight]);
  if (!excludesOutside) return taps.map(([index, weight]) => [limit(index, size), weight]);
  const kept = taps.filter(([index]) => index >= 0 && index < size);
  const total = kept.reduce((sum, [, weight]) => sum + weight, 0);
  return kept.map(([index, weight]) => [index, weight / total]);
}
