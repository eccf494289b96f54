import type { TextRegion } from "../data/region.ts";
import { computePerimeter, computePolygonArea } from "../metric/polygon.ts";
import { loadOpenCv, type OpenCv } from "../opencv.ts";
import type { ClipperPoint } from "../postprocess/clipper-lib.ts";
import { createPolygonOffsetter } from "../postprocess/offset-polygon.ts";
import type { ImageSize } from "../preprocess/compute-resize.ts";
import { computeBorderDistance, type PixelBounds } from "./border-distance.ts";
import { createPolygonFiller } from "./polygon-filler.ts";
import { resolveTargetOptions, type TargetOptions } from "./target-options.ts";
import { assertTargetSize, usableRegions } from "./usable-regions.ts";

/** What a threshold map is trained towards. */
export interface BorderMap {
  /** [height, width]: `thresholdMax` on outlines, down to `thresholdMin` at the reach of one. */
  readonly thresholdMap: Float32Array;
  /** [height, width]: 1 within grown outlines, else 0. */
  readonly thresholdMask: Float32Array;
}

/**
 * Draws the threshold map and its mask as PaddleOCR's `MakeBorderMap` does (Liao et al. 2020,
 * "Real-time Scene Text Detection with Differentiable Binarization", section 3.5): outlines grow by
 * `area · (1 − r²) / perimeter`, which is also how far thresholds reach. Ignored regions are passed
 * over, and so are those of no area, and those that have none once their corners are cut to
 * integers (PaddleOCR fails at these and takes another image). Loads OpenCV at its first use.
 *
 * @throws OcrDetError `invalid-option`.
 */
export async function makeBorderMap(
  regions: readonly TextRegion[],
  size: ImageSize,
  options: TargetOptions = {},
): Promise<BorderMap> {
  const resolved = resolveTargetOptions(options);
  assertTargetSize(size);
  const { cv } = await loadOpenCv();
  const planes = {
    thresholdMap: new Float32Array(size.height * size.width),
    thresholdMask: new Float32Array(size.height * size.width),
  };
  drawBorderMap(cv, regions, size, resolved, planes);
  return planes;
}

/** Overwrites both planes. @internal */
export function drawBorderMap(
  cv: OpenCv,
  regions: readonly TextRegion[],
  size: ImageSize,
  { shrinkRatio, thresholdMin, thresholdMax }: Required<TargetOptions>,
  { thresholdMap, thresholdMask }: BorderMap,
): void {
  const offsetter = createPolygonOffsetter();
  const mask = createPolygonFiller(cv, size.height, size.width, 0);
  let distances = new Float32Array(0);
  thresholdMap.fill(thresholdMin);
  for (const { points, ignored } of usableRegions(regions)) {
    const area = computePolygonArea(points);
    if (ignored || area <= 0) continue;
    const reach = (area * (1 - shrinkRatio ** 2)) / computePerimeter(points);
    const [outline] = offsetter.offset(points, reach);
    const bounds = outline && findBounds(outline, size);
    if (!bounds) continue;
    mask.fill(outline, 1);
    const count = (bounds.right - bounds.left + 1) * (bounds.bottom - bounds.top + 1);
    if (distances.length < count) distances = new Float32Array(count);
    computeBorderDistance(points, reach, bounds, distances);
    let from = 0;
    for (let y = bounds.top; y <= bounds.bottom; y += 1) {
      const end = y * size.width + bounds.right;
      for (let at = y * size.width + bounds.left; at <= end; at += 1, from += 1) {
        const distance = distances[from] as number;
        const threshold = thresholdMax - (thresholdMax - thresholdMin) * distance;
        if (threshold > (thresholdMap[at] as number)) thresholdMap[at] = threshold;
      }
    }
  }
  mask.copyTo(thresholdMask);
  mask.dispose();
}

/** The pixels of the image that an outline spans; undefined if there are none. */
function findBounds(
  outline: readonly ClipperPoint[],
  { height, width }: ImageSize,
): PixelBounds | undefined {
  let left = width;
  let top = height;
  let right = -1;
  let bottom = -1;
  for (const { X, Y } of outline) {
    left = Math.min(left, X);
    top = Math.min(top, Y);
    right = Math.max(right, X);
    bottom = Math.max(bottom, Y);
  }
  const bounds = {
    left: Math.max(left, 0),
    top: Math.max(top, 0),
    right: Math.min(right, width - 1),
    bottom: Math.min(bottom, height - 1),
  };
  return bounds.left > bounds.right || bounds.top > bounds.bottom ? undefined : bounds;
}
