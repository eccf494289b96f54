import type { Point } from "../data/region.ts";
import type { ImageSize } from "../preprocess/compute-resize.ts";
import { moveScene, padScene, type Scene } from "./scene.ts";

/** A rectangle of whole pixels. */
export interface Part extends ImageSize {
  readonly left: number;
  readonly top: number;
}

/**
 * Returns a part of a scene at `size`: scaled until one side fits, with black on the right or below;
 * without `keepRatio` stretched. Regions that lie wholly outside are dropped. @internal
 */
export function fitPart(scene: Scene, part: Part, size: ImageSize, keepRatio: boolean): Scene {
  const scaleX = size.width / part.width;
  const scaleY = size.height / part.height;
  const least = Math.min(scaleX, scaleY);
  // A side is never less than a pixel.
  const x = keepRatio ? Math.max(least, 1 / part.width) : scaleX;
  const y = keepRatio ? Math.max(least, 1 / part.height) : scaleY;
  const shown = {
    width: keepRatio ? Math.max(Math.trunc(part.width * x), 1) : size.width,
    height: keepRatio ? Math.max(Math.trunc(part.height * y), 1) : size.height,
  };
  const moved = moveScene(scene, [x, 0, -part.left * x, 0, y, -part.top * y], shown);
  const frame = { left: 0, top: 0, ...shown };
  const regions = moved.regions.filter(({ points }) => !isOutside(points, frame));
  return padScene({ ...moved, regions }, size);
}

/** Whether the upright rectangle around the points has nothing in common with a part. @internal */
export function isOutside(points: readonly Point[], part: Part): boolean {
  let left = Number.POSITIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (const [x, y] of points) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  // Written so that NaN counts as outside.
  return !(
    right >= part.left &&
    left <= part.left + part.width &&
    bottom >= part.top &&
    top <= part.top + part.height
  );
}
