import type { Point, TextRegion } from "../data/region.ts";
import { computePerimeter, computePolygonArea } from "../metric/polygon.ts";
import { loadOpenCv, type OpenCv } from "../opencv.ts";
import type { ClipperPoint } from "../postprocess/clipper-lib.ts";
import { createPolygonOffsetter } from "../postprocess/offset-polygon.ts";
import type { ImageSize } from "../preprocess/compute-resize.ts";
import { createPolygonFiller } from "./polygon-filler.ts";
import { resolveTargetOptions, type TargetOptions } from "./target-options.ts";
import { assertTargetSize, usableRegions } from "./usable-regions.ts";

/** What a probability map is trained towards, and what drawing it found about the regions. */
export interface ShrinkMap {
  /** [height, width]: 1 within shrunk outlines, else 0. */
  readonly shrinkMap: Float32Array;
  /** [height, width]: 0 within ignored outlines, else 1. */
  readonly shrinkMask: Float32Array;
  /** The regions clipped to the image, and ignored where they are too small. */
  readonly regions: readonly TextRegion[];
}

/**
 * Draws the shrink map and its mask as PaddleOCR's `MakeShrinkMap` does (Liao et al. 2020, "Real-time
 * Scene Text Detection with Differentiable Binarization", equation 10: outlines shrink by
 * `area · (1 − r²) / perimeter`). If a shrunk outline falls into parts, larger ratios are tried.
 * Ignored are regions marked so, those of an area below 1, those lower or narrower than
 * `minTextSize`, and those of which nothing remains. Regions without corners, or with corners that
 * are not finite, are left out. Loads OpenCV at its first use.
 *
 * @throws OcrDetError `invalid-option`.
 */
export async function makeShrinkMap(
  regions: readonly TextRegion[],
  size: ImageSize,
  options: TargetOptions = {},
): Promise<ShrinkMap> {
  const resolved = resolveTargetOptions(options);
  assertTargetSize(size);
  const { cv } = await loadOpenCv();
  const planes = {
    shrinkMap: new Float32Array(size.height * size.width),
    shrinkMask: new Float32Array(size.height * size.width),
  };
  return { ...planes, regions: drawShrinkMap(cv, regions, size, resolved, planes) };
}

/** Overwrites both planes, and returns the regions as {@link ShrinkMap} has them. @internal */
export function drawShrinkMap(
  cv: OpenCv,
  regions: readonly TextRegion[],
  { height, width }: ImageSize,
  { shrinkRatio, minTextSize }: Required<TargetOptions>,
  { shrinkMap, shrinkMask }: Omit<ShrinkMap, "regions">,
): TextRegion[] {
  const shrink = createShrinker(shrinkRatio);
  const map = createPolygonFiller(cv, height, width, 0);
  const mask = createPolygonFiller(cv, height, width, 1);
  const drawn = usableRegions(regions).map((region): TextRegion => {
    const { points, area } = clipToImage(region.points, height, width);
    const ignored = region.ignored || Math.abs(area) < 1 || computeShortSide(points) < minTextSize;
    const outlines = ignored ? [] : shrink(points);
    for (const outline of outlines) map.fill(outline, 1);
    if (outlines.length === 0) mask.fill(points.map(cut), 0);
    return { ...region, points, ignored: outlines.length === 0 };
  });
  map.copyTo(shrinkMap);
  mask.copyTo(shrinkMask);
  map.dispose();
  mask.dispose();
  return drawn;
}

/** Returns what shrinks outlines by a ratio, or by a larger one if they fall into parts. */
function createShrinker(
  shrinkRatio: number,
): (points: readonly Point[]) => readonly (readonly ClipperPoint[])[] {
  const ratios = listRatios(shrinkRatio);
  const offsetter = createPolygonOffsetter();
  return (points) => {
    const reach = computePolygonArea(points) / computePerimeter(points);
    let outlines: readonly (readonly ClipperPoint[])[] = [];
    for (const ratio of ratios) {
      outlines = offsetter.offset(points, -reach * (1 - ratio ** 2));
      if (outlines.length === 1) break;
    }
    return outlines;
  };
}

/** NumPy's `arange(first, 1, first)`. */
const listRatios = (first: number): number[] =>
  Array.from({ length: Math.ceil((1 - first) / first) }, (_, index) => first + index * first);

/** The corners within the image, turning as PaddleOCR wants them, and the area with its sign. */
function clipToImage(
  corners: readonly Point[],
  height: number,
  width: number,
): { readonly points: readonly Point[]; readonly area: number } {
  const points = corners.map(
    ([x, y]): Point => [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)],
  );
  let doubled = 0;
  let before = points[points.length - 1] ?? [0, 0];
  for (const point of points) {
    doubled += point[0] * before[1] - point[1] * before[0];
    before = point;
  }
  return { points: doubled > 0 ? points.reverse() : points, area: doubled / 2 };
}

/** The shorter side of the upright rectangle around the points. */
function computeShortSide(points: readonly Point[]): number {
  const extent = (axis: 0 | 1): number => {
    const values = points.map((point) => point[axis]);
    return Math.max(...values) - Math.min(...values);
  };
  return Math.min(extent(0), extent(1));
}

const cut = ([x, y]: Point): ClipperPoint => ({ X: Math.trunc(x), Y: Math.trunc(y) });
