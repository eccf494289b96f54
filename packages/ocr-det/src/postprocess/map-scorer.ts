import type { Point } from "../data/region.ts";
import type { CvMat, CvMatVector, OpenCv } from "../opencv.ts";

const ONE = [1, 0, 0, 0] as const;

/** Means of a probability map over polygons, with one mask for all of them. */
export interface MapScorer {
  /** Mean over a polygon of 4 corners, cut to integers. */
  scoreQuad(map: Float32Array, corners: readonly Point[]): number;
  /** Mean over the outline that `contour` (int32 points) holds. */
  scoreContour(map: Float32Array, contour: CvMat): number;
  dispose(): void;
}

/** Returns a scorer for maps of `height` × `width`. */
export function createMapScorer(cv: OpenCv, height: number, width: number): MapScorer {
  const mask = cv.Mat.zeros(height, width, cv.CV_8UC1);
  const quad = cv.Mat.zeros(4, 1, cv.CV_32SC2);
  const coordinates = new Float64Array(8);
  const quads = new cv.MatVector();
  quads.push_back(quad);

  const scoreFilled = (map: Float32Array, polygons: CvMatVector, bounds: Bounds): number => {
    cv.fillPoly(mask, polygons, ONE);
    const bytes = mask.data;
    let sum = 0;
    let count = 0;
    for (let y = bounds.top; y <= bounds.bottom; y += 1) {
      const end = y * width + bounds.right;
      for (let at = y * width + bounds.left; at <= end; at += 1) {
        if (bytes[at] === 0) continue;
        bytes[at] = 0;
        sum += map[at] as number;
        count += 1;
      }
    }
    return count === 0 ? 0 : sum / count;
  };

  return {
    scoreQuad(map, corners) {
      let to = 0;
      for (const [x, y] of corners) {
        coordinates[to] = x;
        coordinates[to + 1] = y;
        to += 2;
      }
      const bounds = findBounds(coordinates, height, width);
      const { left, top } = bounds;
      const cut = quad.data32S;
      for (let at = 0; at < 8; at += 2) {
        cut[at] = Math.trunc(Math.fround((coordinates[at] as number) - left)) + left;
        cut[at + 1] = Math.trunc(Math.fround((coordinates[at + 1] as number) - top)) + top;
      }
      return scoreFilled(map, quads, bounds);
    },
    scoreContour(map, contour) {
      const bounds = findBounds(contour.data32S, height, width);
      const polygons = new cv.MatVector();
      polygons.push_back(contour);
      const score = scoreFilled(map, polygons, bounds);
      polygons.delete();
      return score;
    },
    dispose() {
      quads.delete();
      quad.delete();
      mask.delete();
    },
  };
}

interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The pixels that `coordinates` (x, y, x, y, …) span, within the map. */
function findBounds(coordinates: ArrayLike<number>, height: number, width: number): Bounds {
  let left = Number.POSITIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < coordinates.length; at += 2) {
    const x = coordinates[at] as number;
    const y = coordinates[at + 1] as number;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return {
    left: clamp(Math.floor(left), width - 1),
    top: clamp(Math.floor(top), height - 1),
    right: clamp(Math.ceil(right), width - 1),
    bottom: clamp(Math.ceil(bottom), height - 1),
  };
}

const clamp = (value: number, high: number): number => Math.min(Math.max(value, 0), high);
