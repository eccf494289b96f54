import type { Point } from "../data/region.ts";
import { ClipperOffset, type ClipperPoint, ET_CLOSED_POLYGON, JT_ROUND } from "./clipper-lib.ts";

/** pyclipper's defaults. */
const MITER_LIMIT = 2;
const ARC_TOLERANCE = 0.25;

/** Grows polygons as pyclipper does; used over and over. */
export interface PolygonOffsetter {
  /**
   * Returns the outlines that result when a polygon grows by `distance` (pixels; negative ones shrink it) with
   * round corners. Coordinates are cut to integers first. None if fewer than three distinct points
   * remain; several if holes or parts come about. The result is overwritten by the next call.
   */
  offset(points: readonly Point[], distance: number): readonly (readonly ClipperPoint[])[];
}

/** Returns an offsetter. */
export function createPolygonOffsetter(): PolygonOffsetter {
  const clipper = new ClipperOffset(MITER_LIMIT, ARC_TOLERANCE);
  const pool: ClipperPoint[] = [];
  const path: ClipperPoint[] = [];
  const solution: ClipperPoint[][] = [];
  return {
    offset(points, distance) {
      path.length = 0;
      for (const [x, y] of points) {
        const point = pool[path.length] ?? { X: 0, Y: 0 };
        pool[path.length] = point;
        point.X = Math.trunc(x);
        point.Y = Math.trunc(y);
        path.push(point);
      }
      clipper.Clear();
      clipper.AddPath(path, JT_ROUND, ET_CLOSED_POLYGON);
      clipper.Execute(solution, distance);
      return solution;
    },
  };
}
