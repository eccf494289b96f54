import { OcrDetError } from "../errors.ts";

/** How an image is brought to the size a detector takes: PaddleOCR's `DetResizeForTest`. */
export type ResizeOptions =
  | {
      readonly kind: "limit-side";
      /** Pixels, 1 or more. */
      readonly limitSideLength: number;
      /**
       * `min`: enlarge until the short side has that length; `max`: reduce until the long side has
       * it; `resize_long`: make the long side that length either way. Both sides are then rounded
       * to multiples of 32, at least 32.
       */
      readonly limitType: "min" | "max" | "resize_long";
      /** Afterwards reduce until no side is longer than this. Default: no limit. */
      readonly maximumSideLength?: number;
    }
  | {
      readonly kind: "image-shape";
      readonly height: number;
      readonly width: number;
      /** Keep the aspect: the width follows from the height, up to a multiple of 32. Default: false. */
      readonly keepRatio?: boolean;
    }
  | {
      readonly kind: "resize-long";
      /** Length of the long side, pixels; both sides are then rounded up to multiples of 128. */
      readonly length: number;
    };

/** PaddleOCR's default for evaluation: the short side at least 736. */
export const DEFAULT_RESIZE: ResizeOptions = {
  kind: "limit-side",
  limitSideLength: 736,
  limitType: "min",
};

/** Height and width, pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/**
 * Returns the size to which an image of `height` × `width` pixels is resized.
 *
 * @throws OcrDetError `invalid-option` for a length that is not a positive integer.
 */
export function computeResize(height: number, width: number, options: ResizeOptions): ImageSize {
  assertLength("the image's height", height);
  assertLength("the image's width", width);
  assertResizeOptions(options);
  switch (options.kind) {
    case "limit-side":
      return limitSide(height, width, options);
    case "image-shape": {
      const kept = Math.ceil((width * options.height) / height / 32) * 32;
      return { height: options.height, width: options.keepRatio ? kept : options.width };
    }
    case "resize-long": {
      const ratio = options.length / Math.max(height, width);
      return { height: ceilTo128(height * ratio), width: ceilTo128(width * ratio) };
    }
  }
}

/** Throws `invalid-option` unless `options` can be carried out. */
export function assertResizeOptions(options: ResizeOptions): void {
  switch (options.kind) {
    case "limit-side":
      assertLength("limitSideLength", options.limitSideLength);
      if (options.maximumSideLength !== undefined) {
        assertLength("maximumSideLength", options.maximumSideLength);
      }
      if (!["min", "max", "resize_long"].includes(options.limitType)) {
        throw invalid("limitType", options.limitType, "min, max or resize_long");
      }
      return;
    case "image-shape":
      assertLength("height", options.height);
      assertLength("width", options.width);
      return;
    case "resize-long":
      assertLength("length", options.length);
      return;
    default:
      throw invalid(
        "kind",
        (options as { kind?: unknown }).kind,
        "limit-side, image-shape or resize-long",
      );
  }
}

function limitSide(
  height: number,
  width: number,
  options: Extract<ResizeOptions, { kind: "limit-side" }>,
): ImageSize {
  const { limitSideLength: limit, limitType, maximumSideLength } = options;
  const long = Math.max(height, width);
  const short = Math.min(height, width);
  let ratio = 1;
  if (limitType === "resize_long" || (limitType === "max" && long > limit)) ratio = limit / long;
  else if (limitType === "min" && short < limit) ratio = limit / short;
  let resizedHeight = Math.trunc(height * ratio);
  let resizedWidth = Math.trunc(width * ratio);
  const resizedLong = Math.max(resizedHeight, resizedWidth);
  if (maximumSideLength !== undefined && resizedLong > maximumSideLength) {
    const reduction = maximumSideLength / resizedLong;
    resizedHeight = Math.trunc(resizedHeight * reduction);
    resizedWidth = Math.trunc(resizedWidth * reduction);
  }
  return { height: roundTo32(resizedHeight), width: roundTo32(resizedWidth) };
}

const roundTo32 = (length: number): number => Math.max(roundHalfEven(length / 32) * 32, 32);

const ceilTo128 = (length: number): number => Math.ceil(Math.trunc(length) / 128) * 128;

/** Rounds to the nearest integer, halves to the even one, as Python and NumPy do. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function assertLength(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000) {
    throw invalid(name, value, "an integer from 1 to 1000000");
  }
}

function invalid(name: string, value: unknown, wanted: string): OcrDetError {
  return new OcrDetError(
    "invalid-option",
    `computeResize: ${name} is ${String(value)}; give ${wanted}`,
  );
}
