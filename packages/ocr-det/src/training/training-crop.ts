import { OcrDetError } from "../errors.ts";
import { NORMALIZE_DEFAULTS, type NormalizeOptions } from "../preprocess/normalize.ts";
import type { TrainingPage } from "./page-source.ts";

/** How {@link trainingCrop} cuts and changes a page. */
export interface TrainingCropOptions {
  /** Side of the square crop, pixels, a multiple of 32. */
  readonly size: number;
  /** Numbers from 0 up to 1. */
  readonly random: () => number;
  /** Default: {@link NORMALIZE_DEFAULTS}. */
  readonly normalize?: NormalizeOptions;
  /** How far contrast and brightness may change, as a fraction, 0 to 1. Default: 0.2. */
  readonly jitter?: number;
  /** Places looked at, of which the one with most text is taken, 1 or more. Default: 2. */
  readonly candidates?: number;
}

/** A part of a page, as a model takes it. */
export interface TrainingCrop {
  /** [3, size, size], normalized; beyond the page's edge 0. */
  readonly image: Float32Array;
  /** The teacher's probabilities, [size, size]; 0 beyond the page's edge. */
  readonly map: Float32Array | undefined;
}

/**
 * Cuts a random square out of a page, with random contrast and brightness; the teacher's map is that
 * of the page as it was. The same `random` gives the same crop.
 * @throws OcrDetError `invalid-option` if an option is out of range.
 */
export function trainingCrop(page: TrainingPage, options: TrainingCropOptions): TrainingCrop {
  const { size, random, normalize = NORMALIZE_DEFAULTS, jitter = 0.2, candidates = 2 } = options;
  assertOptions(size, jitter, candidates);
  const { image, map } = page;
  let place = pickPlace(page, size, random);
  let most = map ? countText(map, image.width, place, size) : 0;
  for (let candidate = 1; candidate < candidates; candidate++) {
    const other = pickPlace(page, size, random);
    const count = map ? countText(map, image.width, other, size) : 0;
    if (count > most) {
      place = other;
      most = count;
    }
  }
  const contrast = 1 + jitter * (2 * random() - 1);
  const brightness = 255 * jitter * (random() - 0.5);
  const height = Math.min(size, image.height);
  const width = Math.min(size, image.width);
  const planes = new Float32Array(3 * size * size);
  for (let channel = 0; channel < 3; channel++) {
    const table = levelTable(normalize, channel, contrast, brightness);
    for (let row = 0; row < height; row++) {
      let to = (channel * size + row) * size;
      let from = ((place.top + row) * image.width + place.left) * 3 + channel;
      for (let column = 0; column < width; column++, to++, from += 3) {
        planes[to] = table[image.data[from] as number] as number;
      }
    }
  }
  return { image: planes, map: map && cropMap(map, image.width, place, height, width, size) };
}

interface Place {
  readonly top: number;
  readonly left: number;
}

function pickPlace({ image }: TrainingPage, size: number, random: () => number): Place {
  const pick = (length: number): number => Math.floor(random() * (Math.max(length - size, 0) + 1));
  return { top: pick(image.height), left: pick(image.width) };
}

/** How many of every eighth pixel of every eighth row are more text than not. */
function countText(map: Uint8Array, stride: number, { top, left }: Place, size: number): number {
  let count = 0;
  const bottom = Math.min(top + size, map.length / stride);
  const right = Math.min(left + size, stride);
  for (let row = top; row < bottom; row += 8) {
    for (let column = left; column < right; column += 8) {
      if ((map[row * stride + column] as number) > 127) count++;
    }
  }
  return count;
}

function cropMap(
  map: Uint8Array,
  stride: number,
  { top, left }: Place,
  height: number,
  width: number,
  size: number,
): Float32Array {
  const result = new Float32Array(size * size);
  for (let row = 0; row < height; row++) {
    let from = (top + row) * stride + left;
    let to = row * size;
    for (let column = 0; column < width; column++, from++, to++) {
      result[to] = (map[from] as number) / 255;
    }
  }
  return result;
}

/** What each level of a channel becomes: contrast about the middle, brightness, normalization. */
function levelTable(
  { mean, std, scale }: NormalizeOptions,
  channel: number,
  contrast: number,
  brightness: number,
): Float32Array {
  return Float32Array.from({ length: 256 }, (_, level) => {
    const changed = Math.min(Math.max((level - 127.5) * contrast + 127.5 + brightness, 0), 255);
    return (changed * scale - (mean[channel] ?? 0)) / (std[channel] ?? 1);
  });
}

function assertOptions(size: number, jitter: number, candidates: number): void {
  const problem =
    !Number.isInteger(size) || size < 32 || size % 32 !== 0
      ? `size is ${size}; give a multiple of 32`
      : !(jitter >= 0 && jitter <= 1)
        ? `jitter is ${jitter}; give a number from 0 to 1`
        : !Number.isInteger(candidates) || candidates < 1
          ? `candidates is ${candidates}; give an integer of 1 or more`
          : undefined;
  if (problem) throw new OcrDetError("invalid-option", `trainingCrop: ${problem}`);
}
