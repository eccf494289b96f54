import type { Point } from "../data/region.ts";
import type { CvRotatedRect } from "../opencv.ts";

/** A rectangle's corners in PaddleOCR's order, float32: left upper, right upper, right lower, left lower. */
export interface MiniBox {
  readonly points: readonly [Point, Point, Point, Point];
  /** The shorter side. */
  readonly side: number;
}

/** PaddleOCR's `get_mini_boxes`: the corners sorted by x, then each pair by y. */
export function toMiniBox(rectangle: CvRotatedRect): MiniBox {
  const corners = computeCorners(rectangle).sort((a, b) => a[0] - b[0]);
  const [first, second, third, fourth] = corners as [Point, Point, Point, Point];
  const [leftUpper, leftLower] = second[1] > first[1] ? [first, second] : [second, first];
  const [rightUpper, rightLower] = fourth[1] > third[1] ? [third, fourth] : [fourth, third];
  return {
    points: [leftUpper, rightUpper, rightLower, leftLower],
    side: Math.min(rectangle.size.width, rectangle.size.height),
  };
}

/** OpenCV's `RotatedRect::points`, with its float32 arithmetic. */
function computeCorners({ center, size, angle }: CvRotatedRect): Point[] {
  const { fround } = Math;
  const radians = (angle * Math.PI) / 180;
  const b = fround(fround(Math.cos(radians)) * 0.5);
  const a = fround(fround(Math.sin(radians)) * 0.5);
  const aHeight = fround(a * size.height);
  const bWidth = fround(b * size.width);
  const bHeight = fround(b * size.height);
  const aWidth = fround(a * size.width);
  const x0 = fround(fround(center.x - aHeight) - bWidth);
  const y0 = fround(fround(center.y + bHeight) - aWidth);
  const x1 = fround(fround(center.x + aHeight) - bWidth);
  const y1 = fround(fround(center.y - bHeight) - aWidth);
  const mirror = (middle: number, value: number): number => fround(fround(2 * middle) - value);
  return [
    [x0, y0],
    [x1, y1],
    [mirror(center.x, x0), mirror(center.y, y0)],
    [mirror(center.x, x1), mirror(center.y, y1)],
  ];
}
