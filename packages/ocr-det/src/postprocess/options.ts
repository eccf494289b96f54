import { OcrDetError } from "../errors.ts";

/** The settings of DB post-processing (Liao et al. 2020, arXiv:1911.08947; PaddleOCR's names). */
export interface PostprocessOptions {
  /** A pixel belongs to text if its probability is above this, 0–1. Default: 0.3. */
  readonly threshold: number;
  /** Detections whose mean probability is below this are dropped, 0–1. Default: 0.6. */
  readonly boxThreshold: number;
  /** Outlines grow by area · this / perimeter, 0 or more. Default: 1.5. */
  readonly unclipRatio: number;
  /** At most that many outlines are looked at, 1 or more. Default: 1000. */
  readonly maxCandidates: number;
  /** Boxes with a shorter side are dropped, map pixels; after growing, 2 more. Default: 3. */
  readonly minSize: number;
  /** What the mean is taken over: the box (`fast`) or the outline (`slow`). Default: fast. */
  readonly scoreMode: "fast" | "slow";
  /** Whether the binary map is first dilated by a 2 × 2 square. Default: false. */
  readonly dilation: boolean;
  /** Rotated rectangles of 4 points, or polygons of 4 and more. Default: quad. */
  readonly boxType: "quad" | "poly";
}

export const POSTPROCESS_DEFAULTS: PostprocessOptions = {
  threshold: 0.3,
  boxThreshold: 0.6,
  unclipRatio: 1.5,
  maxCandidates: 1000,
  minSize: 3,
  scoreMode: "fast",
  dilation: false,
  boxType: "quad",
};

/** Fills in the defaults; throws OcrDetError `invalid-option` for a value out of range. */
export function resolvePostprocessOptions(
  options: Partial<PostprocessOptions> = {},
): PostprocessOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const resolved: PostprocessOptions = { ...POSTPROCESS_DEFAULTS, ...Object.fromEntries(given) };
  assertRange("threshold", resolved.threshold, 0, 1);
  assertRange("boxThreshold", resolved.boxThreshold, 0, 1);
  assertRange("unclipRatio", resolved.unclipRatio, 0, 100);
  assertRange("maxCandidates", resolved.maxCandidates, 1, Number.MAX_SAFE_INTEGER);
  assertRange("minSize", resolved.minSize, 0, 10_000);
  assertChoice("scoreMode", resolved.scoreMode, ["fast", "slow"]);
  assertChoice("boxType", resolved.boxType, ["quad", "poly"]);
  assertChoice("dilation", resolved.dilation, [true, false]);
  return resolved;
}

function assertRange(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) {
    throw new OcrDetError(
      "invalid-option",
      `createPostprocessor: ${name} is ${value}; give a number from ${low} to ${high}`,
    );
  }
}

function assertChoice(name: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value)) {
    throw new OcrDetError(
      "invalid-option",
      `createPostprocessor: ${name} is ${String(value)}; give ${choices.join(" or ")}`,
    );
  }
}
