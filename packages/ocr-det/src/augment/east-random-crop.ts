import type { Point, TextRegion } from "../data/region.ts";
import { roundHalfEven } from "../preprocess/compute-resize.ts";
import type { Augmentation } from "./augment.ts";
import { assertOption, assertSize } from "./check-option.ts";
import { fitPart, isOutside, type Part } from "./fit-part.ts";
import type { Scene } from "./scene.ts";

/** Options of {@link eastRandomCrop}. */
export interface EastRandomCropOptions {
  /** Width and height of the result, pixels. Default: [640, 640]. */
  readonly size?: readonly [number, number];
  /** Parts that are tried before the whole image is taken, 1 or more. Default: 50. */
  readonly maxTries?: number;
  /** Least side of a part, as a fraction of the image's, above 0, up to 1. Default: 0.1. */
  readonly minCropSideRatio?: number;
  /** Whether the part keeps its shape and black fills up, or is stretched. Default: true. */
  readonly keepRatio?: boolean;
}

/**
 * Cuts out a random part whose edges run through no text and that holds some, and brings it to `size`
 * (PaddleOCR's `EastRandomCropData`, after Zhou et al. 2017, "EAST"). Ignored text may be cut. If no
 * such part is found, or there is no text, the whole image is taken. Regions outside the part are
 * dropped.
 *
 * It differs from PaddleOCR in two things: the margin after the last text counts as a gap (there it
 * is forgotten), and text that begins before the image's edge keeps cuts out (there it does not).
 *
 * @throws OcrDetError `invalid-option`.
 */
export function eastRandomCrop(options: EastRandomCropOptions = {}): Augmentation {
  const { size = [640, 640], maxTries = 50, minCropSideRatio = 0.1, keepRatio = true } = options;
  assertSize("eastRandomCrop", size);
  assertOption(
    Number.isInteger(maxTries) && maxTries > 0,
    `eastRandomCrop: maxTries is ${maxTries}; give an integer of 1 or more`,
  );
  assertOption(
    minCropSideRatio > 0 && minCropSideRatio <= 1,
    `eastRandomCrop: minCropSideRatio is ${minCropSideRatio}; give a number above 0, up to 1`,
  );
  const [width, height] = size;
  return {
    name: "eastRandomCrop",
    apply(scene, { random }) {
      const part = pickPart(scene, { maxTries, minCropSideRatio, random });
      return fitPart(scene, part, { width, height }, keepRatio);
    },
  };
}

interface PickOptions {
  readonly maxTries: number;
  readonly minCropSideRatio: number;
  readonly random: () => number;
}

function pickPart(scene: Scene, { maxTries, minCropSideRatio, random }: PickOptions): Part {
  const { width, height } = scene;
  const whole = { left: 0, top: 0, width, height };
  const read = scene.regions.filter(({ ignored }) => !ignored);
  const columns = findGaps(read, 0, width);
  const rows = findGaps(read, 1, height);
  if (read.length === 0 || columns.length === 0 || rows.length === 0) return whole;
  for (let attempt = 0; attempt < maxTries; attempt += 1) {
    const [left, right] = pickSpan(columns, random);
    const [top, bottom] = pickSpan(rows, random);
    const part = { left, top, width: right - left, height: bottom - top };
    if (part.width < minCropSideRatio * width || part.height < minCropSideRatio * height) continue;
    if (read.some(({ points }) => !isOutside(points, part))) return part;
  }
  return whole;
}

/** A run of positions without text, both ends included. */
type Gap = readonly [first: number, last: number];

/** The gaps between the regions along an axis of `length` positions. */
function findGaps(regions: readonly TextRegion[], axis: 0 | 1, length: number): Gap[] {
  const taken = new Uint8Array(length);
  for (const { points } of regions) {
    const [first, end] = findSpan(points, axis);
    if (end > 0) taken.fill(1, Math.max(first, 0), end);
  }
  const gaps: Gap[] = [];
  let start = 0;
  for (let at = 0; at <= length; at += 1) {
    if (at < length && taken[at] === 0) continue;
    if (at > start) gaps.push([start, at - 1]);
    start = at + 1;
  }
  return gaps;
}

function findSpan(points: readonly Point[], axis: 0 | 1): readonly [number, number] {
  const values = points.map((point) => roundHalfEven(point[axis]));
  return [Math.min(...values), Math.max(...values)];
}

/** Two random positions of random gaps, in order. */
function pickSpan(gaps: readonly Gap[], random: () => number): readonly [number, number] {
  const pick = (): number => {
    const [first, last] = gaps[Math.floor(random() * gaps.length)] ?? [0, 0];
    return first + Math.floor(random() * (last - first + 1));
  };
  const one = pick();
  const other = pick();
  return one < other ? [one, other] : [other, one];
}
