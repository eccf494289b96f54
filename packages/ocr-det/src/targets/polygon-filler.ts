import type { CvMat, OpenCv } from "../opencv.ts";
import type { ClipperPoint } from "../postprocess/clipper-lib.ts";

/** A picture of bytes, `[height, width]`, that polygons are filled into. Dispose of it. */
export interface PolygonFiller {
  /** Fills a polygon of integer corners, its outline included, as `cv.fillPoly` does. */
  fill(corners: readonly ClipperPoint[], value: number): void;
  /** Copies the picture. */
  copyTo(target: Float32Array): void;
  dispose(): void;
}

/** Returns a filler of a picture that is `background` everywhere. */
export function createPolygonFiller(
  cv: OpenCv,
  height: number,
  width: number,
  background: 0 | 1,
): PolygonFiller {
  const picture: CvMat = cv.Mat.zeros(height, width, cv.CV_8UC1);
  if (background === 1) picture.data.fill(1);
  return {
    fill(corners, value) {
      if (corners.length === 0) return;
      const outline = new cv.Mat(corners.length, 1, cv.CV_32SC2);
      const coordinates = outline.data32S;
      corners.forEach(({ X, Y }, index) => {
        coordinates[2 * index] = X;
        coordinates[2 * index + 1] = Y;
      });
      const outlines = new cv.MatVector();
      outlines.push_back(outline);
      cv.fillPoly(picture, outlines, [value, 0, 0, 0]);
      outlines.delete();
      outline.delete();
    },
    copyTo: (target) => target.set(picture.data),
    dispose: () => picture.delete(),
  };
}
