import type { CvMat, OpenCv } from "../opencv.ts";
import type { ClipperPoint } from "./clipper-lib.ts";
import { createMapScorer, type MapScorer } from "./map-scorer.ts";
import { type MiniBox, toMiniBox } from "./mini-box.ts";
import { createPolygonOffsetter, type PolygonOffsetter } from "./offset-polygon.ts";

/** Matrices and a reserved block of the heap for maps of one size. */
export interface Workspace {
  readonly height: number;
  readonly width: number;
  readonly binary: CvMat;
  readonly tree: CvMat;
  readonly approximation: CvMat;
  readonly scorer: MapScorer;
  readonly offsetter: PolygonOffsetter;
  /** The smallest rectangle around points with integer coordinates. */
  enclose(points: readonly ClipperPoint[]): MiniBox;
  dispose(): void;
}

/** Returns a workspace for maps of `height` × `width`; dispose of it. */
export function createWorkspace(cv: OpenCv, height: number, width: number): Workspace {
  const binary = new cv.Mat(height, width, cv.CV_8UC1);
  const tree = new cv.Mat();
  const approximation = new cv.Mat();
  const scorer = createMapScorer(cv, height, width);
  let capacity = 1024;
  let block = cv._malloc(capacity * 8);
  return {
    height,
    width,
    binary,
    tree,
    approximation,
    scorer,
    offsetter: createPolygonOffsetter(),
    enclose(points) {
      if (points.length > capacity) {
        cv._free(block);
        capacity = points.length * 2;
        block = cv._malloc(capacity * 8);
      }
      const heap = cv.HEAP32;
      let to = block >> 2;
      for (const { X, Y } of points) {
        heap[to] = X;
        heap[to + 1] = Y;
        to += 2;
      }
      const mat = new cv.Mat(points.length, 1, cv.CV_32SC2, block, 8);
      const box = toMiniBox(cv.minAreaRect(mat));
      mat.delete();
      return box;
    },
    dispose() {
      scorer.dispose();
      binary.delete();
      tree.delete();
      approximation.delete();
      cv._free(block);
    },
  };
}
