import type { Point } from "../data/region.ts";

/** Four corners, clockwise on the screen from the upper left one. @internal */
export type Quad = readonly [Point, Point, Point, Point];

/** `(a x + b y + c) / w, (d x + e y + f) / w` with `w = g x + h y + 1`. @internal */
export type Homography = readonly [number, number, number, number, number, number, number, number];

/**
 * Returns the map that takes the corners of the unit square, (0, 0), (1, 0), (1, 1), (0, 1), to a
 * quadrilateral's (Heckbert 1989, "Fundamentals of Texture Mapping and Image Warping", section
 * 2.2.3); undefined if it is not convex. @internal
 */
export function squareToQuad(quad: Quad): Homography | undefined {
  const [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = quad;
  const dx1 = x1 - x2;
  const dx2 = x3 - x2;
  const dy1 = y1 - y2;
  const dy2 = y3 - y2;
  const sumX = x0 - x1 + x2 - x3;
  const sumY = y0 - y1 + y2 - y3;
  const determinant = dx1 * dy2 - dx2 * dy1;
  const g = (sumX * dy2 - dx2 * sumY) / determinant;
  const h = (dx1 * sumY - sumX * dy1) / determinant;
  // On a convex one the denominator is positive at all four corners.
  const least = 1 + Math.min(g, h, g + h);
  if (!(least > 1e-6 && Number.isFinite(g) && Number.isFinite(h))) return undefined;
  return [x1 - x0 + g * x1, x3 - x0 + h * x3, x0, y1 - y0 + g * y1, y3 - y0 + h * y3, y0, g, h];
}
