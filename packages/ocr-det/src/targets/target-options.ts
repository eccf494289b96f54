import { OcrDetError } from "../errors.ts";

/** How training targets are drawn. */
export interface TargetOptions {
  /**
   * Which map comes first. Drawing the shrink map clips the outlines to the image and ignores small
   * text; drawn after it, the border map sees that. PaddleOCR 2: `border-first`, 1.1: `shrink-first`.
   * Default: `border-first`.
   */
  readonly order?: "border-first" | "shrink-first";
  /** Part of an outline's distance that is kept, above 0 and below 1 (DB's `r`). Default: 0.4. */
  readonly shrinkRatio?: number;
  /** Text lower or narrower than that is ignored, pixels, 0 or more. Default: 8. */
  readonly minTextSize?: number;
  /** Threshold far from outlines, 0 to 1. Default: 0.3. */
  readonly thresholdMin?: number;
  /** Threshold on outlines, `thresholdMin` to 1. Default: 0.7. */
  readonly thresholdMax?: number;
}

export const TARGET_DEFAULTS: Required<TargetOptions> = {
  order: "border-first",
  shrinkRatio: 0.4,
  minTextSize: 8,
  thresholdMin: 0.3,
  thresholdMax: 0.7,
};

/**
 * Fills in the defaults.
 *
 * @throws OcrDetError `invalid-option` if a value is out of range.
 */
export function resolveTargetOptions(options: TargetOptions): Required<TargetOptions> {
  const {
    order = TARGET_DEFAULTS.order,
    shrinkRatio = TARGET_DEFAULTS.shrinkRatio,
    minTextSize = TARGET_DEFAULTS.minTextSize,
    thresholdMin = TARGET_DEFAULTS.thresholdMin,
    thresholdMax = TARGET_DEFAULTS.thresholdMax,
  } = options;
  const problem =
    order !== "border-first" && order !== "shrink-first"
      ? `order is ${String(order)}; give border-first or shrink-first`
      : !(shrinkRatio > 0 && shrinkRatio < 1)
        ? `shrinkRatio is ${shrinkRatio}; give a number above 0 and below 1`
        : !(minTextSize >= 0)
          ? `minTextSize is ${minTextSize}; give a number of pixels, 0 or more`
          : !(thresholdMin >= 0 && thresholdMax <= 1 && thresholdMin <= thresholdMax)
            ? `thresholdMin is ${thresholdMin}, thresholdMax ${thresholdMax}; give both from 0 to 1, in this order`
            : undefined;
  if (problem) throw new OcrDetError("invalid-option", `makeTargets: ${problem}`);
  return { order, shrinkRatio, minTextSize, thresholdMin, thresholdMax };
}
