import type { RuntimeTensor } from "@ocrslim/runtime";
import { OcrDetError } from "../errors.ts";
import { decodeImage } from "../images/decode.ts";
import { assertResizeOptions, type ResizeOptions } from "../preprocess/compute-resize.ts";
import { cropInput } from "../preprocess/crop-input.ts";
import { NORMALIZE_DEFAULTS, type NormalizeOptions } from "../preprocess/normalize.ts";
import { preprocess } from "../preprocess/preprocess.ts";
import type { Sample } from "./region.ts";

/** How many places are looked at for one crop. */
const CANDIDATES = 6;

/** Contrast is measured at every fourth pixel of every fourth row. */
const STRIDE = 4;

export interface CalibrationCropOptions {
  /** How the images are resized before they are cut; as for the detector. */
  readonly resize: ResizeOptions;
  /** Default: {@link NORMALIZE_DEFAULTS}. */
  readonly normalize?: NormalizeOptions;
  /** Side of the square crops, pixels, 32 or more, rounded down to a multiple of 32. Default: 480. */
  readonly size?: number;
  /** Crops from each image, 1 or more. Default: 3. */
  readonly perImage?: number;
  /** Numbers from 0 up to 1, which decide where the crops lie. */
  readonly random: () => number;
  readonly signal?: AbortSignal;
}

export const CALIBRATION_CROP_DEFAULTS: { readonly size: number; readonly perImage: number } = {
  size: 480,
  perImage: 3,
};

/**
 * Yields inputs for calibration, float32 `[1, 3, height, width]`: random crops of each image in
 * turn, decoded, resized and normalized as for detection. A side of the image that is shorter than
 * the crops is taken whole; an image with both sides no longer is yielded once. Each crop is the
 * one of a few random places where the luminance varies most, so that it holds text rather than a
 * margin. The same `random` gives the same crops. To be iterated over once.
 *
 * @throws OcrDetError `invalid-option` at once; what {@link decodeImage} throws, and the signal's
 * reason, while iterating.
 */
export function calibrationCrops(
  samples: readonly Pick<Sample, "imagePath">[],
  options: CalibrationCropOptions,
): AsyncIterable<RuntimeTensor> {
  const { size = CALIBRATION_CROP_DEFAULTS.size, perImage = CALIBRATION_CROP_DEFAULTS.perImage } =
    options;
  assertCount("size", size, 32);
  assertCount("perImage", perImage, 1);
  assertResizeOptions(options.resize);
  return yieldCrops(samples, options, size - (size % 32), perImage);
}

async function* yieldCrops(
  samples: readonly Pick<Sample, "imagePath">[],
  { resize, normalize = NORMALIZE_DEFAULTS, random, signal }: CalibrationCropOptions,
  size: number,
  perImage: number,
): AsyncGenerator<RuntimeTensor, void, undefined> {
  for (const { imagePath } of samples) {
    signal?.throwIfAborted();
    const prepared = preprocess(await decodeImage(imagePath), resize, normalize);
    const { input } = prepared;
    const height = Math.min(size, prepared.height);
    const width = Math.min(size, prepared.width);
    if (height === prepared.height && width === prepared.width) {
      yield input;
      continue;
    }
    const luminance = computeLuminance(input.data as Float32Array);
    for (let index = 0; index < perImage; index += 1) {
      signal?.throwIfAborted();
      let best = { top: 0, left: 0, variance: Number.NEGATIVE_INFINITY };
      for (let candidate = 0; candidate < CANDIDATES; candidate += 1) {
        const top = pick(random, prepared.height - height);
        const left = pick(random, prepared.width - width);
        const variance = computeVariance(luminance, prepared.width, top, left, height, width);
        if (variance > best.variance) best = { top, left, variance };
      }
      yield cropInput(input, best.top, best.left, height, width);
    }
  }
}

/** An integer from 0 to `last`. */
const pick = (random: () => number, last: number): number =>
  Math.min(Math.floor(random() * (last + 1)), last);

/** Of normalized planes blue, green, red: ITU-R BT.601's weights, up to scale and shift. */
function computeLuminance(planes: Float32Array): Float32Array {
  const plane = planes.length / 3;
  const result = new Float32Array(plane);
  for (let at = 0; at < plane; at += 1) {
    result[at] =
      0.114 * (planes[at] as number) +
      0.587 * (planes[at + plane] as number) +
      0.299 * (planes[at + 2 * plane] as number);
  }
  return result;
}

function computeVariance(
  values: Float32Array,
  stride: number,
  top: number,
  left: number,
  height: number,
  width: number,
): number {
  let sum = 0;
  let squares = 0;
  let count = 0;
  for (let row = top; row < top + height; row += STRIDE) {
    const end = row * stride + left + width;
    for (let at = row * stride + left; at < end; at += STRIDE) {
      const value = values[at] as number;
      sum += value;
      squares += value * value;
      count += 1;
    }
  }
  return squares / count - (sum / count) ** 2;
}

function assertCount(name: string, value: number, low: number): void {
  if (!Number.isInteger(value) || value < low) {
    throw new OcrDetError(
      "invalid-option",
      `calibrationCrops: ${name} is ${value}; give an integer of ${low} or more`,
    );
  }
}
