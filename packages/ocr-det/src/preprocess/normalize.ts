import { OcrDetError } from "../errors.ts";
import type { BgrImage } from "../images/bgr-image.ts";

/** `(pixel · scale − mean) / std`, one mean and std for each channel in blue, green, red order. */
export interface NormalizeOptions {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly scale: number;
}

/**
 * PaddleOCR's values: ImageNet's means and deviations of red, green and blue, which it applies to
 * blue, green and red in that order. Its detectors were trained so.
 */
export const NORMALIZE_DEFAULTS: NormalizeOptions = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  scale: 1 / 255,
};

/**
 * Returns the image as float32 `[3, H, W]` (planes blue, green, red), each step rounded to float32
 * as NumPy rounds it.
 *
 * @throws OcrDetError `invalid-option` if a std is 0 or a value is not finite.
 */
export function normalizeImage(
  image: BgrImage,
  options: NormalizeOptions = NORMALIZE_DEFAULTS,
): Float32Array {
  const plane = image.width * image.height;
  const result = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel += 1) {
    const table = computeTable(options, channel);
    const out = result.subarray(channel * plane, (channel + 1) * plane);
    for (let pixel = 0, from = channel; pixel < plane; pixel += 1, from += 3) {
      out[pixel] = table[image.data[from] as number] as number;
    }
  }
  return result;
}

function computeTable(options: NormalizeOptions, channel: number): Float32Array {
  const mean = Math.fround(options.mean[channel] ?? Number.NaN);
  const std = Math.fround(options.std[channel] ?? Number.NaN);
  const scale = Math.fround(options.scale);
  if (!Number.isFinite(mean) || !Number.isFinite(scale) || !Number.isFinite(std) || std === 0) {
    throw new OcrDetError(
      "invalid-option",
      `normalizeImage: mean ${mean}, std ${std}, scale ${scale} of channel ${channel}; give finite numbers, std not 0`,
    );
  }
  return Float32Array.from({ length: 256 }, (_, level) =>
    Math.fround(Math.fround(Math.fround(level * scale) - mean) / std),
  );
}
