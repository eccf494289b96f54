import type { Point } from "../data/region.ts";

/*
 * PaddleOCR's distance of pixels to an outline, in units of `reach` and cut at 1. It computes it for
 * every pixel and edge. Here a pixel is only looked at where an edge is nearer than `reach`, which
 * gives the same numbers with a fraction of the work: the distance is never less than the one to
 * the edge itself. It is kept bit for bit, rounding errors included, since these decide what becomes
 * of pixels on an edge: where the sine's square comes out below 0 the distance is NaN, and PaddleOCR
 * then leaves the pixel as it was.
 */

/** A rectangle of pixels, both ends included. */
export interface PixelBounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * Writes into `distances` (row-major, of the size of `bounds`) how far each pixel is from the outline,
 * 0 to 1, or NaN. `reach` is above 0, in pixels.
 * @internal
 */
export function computeBorderDistance(
  points: readonly Point[],
  reach: number,
  bounds: PixelBounds,
  distances: Float32Array,
): void {
  const count = (bounds.right - bounds.left + 1) * (bounds.bottom - bounds.top + 1);
  distances.fill(1, 0, count);
  points.forEach((from, index) => {
    const to = points[(index + 1) % points.length];
    if (to) approachEdge(from, to, reach, bounds, distances);
  });
}

function approachEdge(
  [fromX, fromY]: Point,
  [toX, toY]: Point,
  reach: number,
  bounds: PixelBounds,
  distances: Float32Array,
): void {
  const edgeX = toX - fromX;
  const edgeY = toY - fromY;
  const squared = edgeX * edgeX + edgeY * edgeY;
  const stride = bounds.right - bounds.left + 1;
  const left = Math.max(bounds.left, Math.floor(Math.min(fromX, toX) - reach));
  const right = Math.min(bounds.right, Math.ceil(Math.max(fromX, toX) + reach));
  const top = Math.max(bounds.top, Math.floor(Math.min(fromY, toY) - reach));
  const bottom = Math.min(bounds.bottom, Math.ceil(Math.max(fromY, toY) + reach));
  const halfSpan =
    edgeY === 0 ? Number.POSITIVE_INFINITY : (reach * Math.sqrt(squared)) / Math.abs(edgeY);
  for (let y = top; y <= bottom; y += 1) {
    // Where this row crosses the edge's line, and as far from there as the line is near.
    const middle = edgeY === 0 ? fromX : fromX + (edgeX * (y - fromY)) / edgeY;
    const first = Math.max(left, Math.floor(middle - halfSpan) - 1);
    const last = Math.min(right, Math.ceil(middle + halfSpan) + 1);
    const fromRow = (y - fromY) * (y - fromY);
    const toRow = (y - toY) * (y - toY);
    let at = (y - bounds.top) * stride + first - bounds.left;
    for (let x = first; x <= last; x += 1, at += 1) {
      const square1 = (x - fromX) * (x - fromX) + fromRow;
      const square2 = (x - toX) * (x - toX) + toRow;
      const distance = computeDistance(squared, square1, square2) / reach;
      // A NaN stays.
      if (distance < (distances[at] as number) || Number.isNaN(distance)) distances[at] = distance;
    }
  }
}

/** From the squares of an edge's length and of a pixel's distances to its two ends. */
function computeDistance(squared: number, square1: number, square2: number): number {
  const difference = squared - square1 - square2;
  if (difference < 0) return Math.sqrt(Math.min(square1, square2));
  const product = square1 * square2;
  if (product === 0) return squared === 0 ? Number.NaN : 0;
  const cosine = difference / (2 * Math.sqrt(product));
  return Math.sqrt((product * (1 - cosine * cosine)) / squared);
}
