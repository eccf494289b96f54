import type { Point, TextRegion } from "../data/region.ts";
import { OcrDetError } from "../errors.ts";
import type { ImageSize } from "../preprocess/compute-resize.ts";

/** Farther out, corners are moved in: no picture of that size is trained on. */
const LIMIT = 32_768;

/** The regions that can be drawn: those with corners, all of them finite. @internal */
export function usableRegions(regions: readonly TextRegion[]): TextRegion[] {
  return regions.filter(isUsable).map((region) => ({
    ...region,
    points: region.points.map(([x, y]): Point => [clamp(x), clamp(y)]),
  }));
}

const isUsable = ({ points }: TextRegion): boolean =>
  points.length > 0 && points.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y));

const clamp = (value: number): number => Math.min(Math.max(value, -LIMIT), LIMIT);

/** @throws OcrDetError `invalid-option` unless both sides are integers of 1 or more. @internal */
export function assertTargetSize({ height, width }: ImageSize): void {
  if (Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0) return;
  throw new OcrDetError(
    "invalid-option",
    `makeTargets: the size is ${height} × ${width}; give integers of 1 or more`,
  );
}
