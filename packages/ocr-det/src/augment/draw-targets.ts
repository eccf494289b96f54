import { OcrDetError } from "../errors.ts";
import type { BgrImage } from "../images/bgr-image.ts";
import { NORMALIZE_DEFAULTS, type NormalizeOptions } from "../preprocess/normalize.ts";
import type { DetectionBatch } from "./write-batch.ts";

/** Blue, green, red of what is painted over the image. */
const SHRUNK = [0, 255, 0] as const;
const BORDER = [0, 0, 255] as const;
const IGNORED = [255, 0, 0] as const;

/**
 * Returns one image of a batch as it was before it was normalized, with its maps over it: shrunk text
 * green, thresholds red, the more so the higher they are, and what the masks leave out blue.
 * `normalize` is what the batch was made with.
 *
 * @throws OcrDetError `invalid-option` if the batch has no such image.
 */
export function drawTargets(
  batch: DetectionBatch,
  index: number,
  normalize: NormalizeOptions = NORMALIZE_DEFAULTS,
): BgrImage {
  const [count = 0, , height = 0, width = 0] = batch.x.dims;
  if (!(Number.isInteger(index) && index >= 0 && index < count)) {
    throw new OcrDetError(
      "invalid-option",
      `drawTargets: there is no image ${index} in a batch of ${count}; give a number from 0 to ${count - 1}`,
    );
  }
  const plane = height * width;
  const read = (name: keyof DetectionBatch, channels: number): Float32Array =>
    (batch[name].data as Float32Array).subarray(
      index * channels * plane,
      (index + 1) * channels * plane,
    );
  const pixels = read("x", 3);
  const shrinkMap = read("shrink_map", 1);
  const shrinkMask = read("shrink_mask", 1);
  const thresholdMap = read("threshold_map", 1);
  const thresholdMask = read("threshold_mask", 1);
  const [low, high] = findRange(thresholdMap);

  const data = new Uint8Array(plane * 3);
  for (let at = 0; at < plane; at += 1) {
    const threshold = ((thresholdMap[at] as number) - low) / (high - low || 1);
    const layers = [
      [SHRUNK, 0.35 * (shrinkMap[at] as number)],
      [BORDER, 0.6 * threshold * (thresholdMask[at] as number)],
      [IGNORED, 0.5 * (1 - (shrinkMask[at] as number))],
    ] as const;
    for (let channel = 0; channel < 3; channel += 1) {
      const scaled = (pixels[channel * plane + at] as number) * (normalize.std[channel] ?? 1);
      let level = (scaled + (normalize.mean[channel] ?? 0)) / normalize.scale;
      for (const [color, part] of layers) level += ((color[channel] ?? 0) - level) * part;
      data[at * 3 + channel] = Math.min(Math.max(Math.round(level), 0), 255);
    }
  }
  return { width, height, data };
}

function findRange(values: Float32Array): readonly [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
