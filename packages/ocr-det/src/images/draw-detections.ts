import type { Point } from "../data/region.ts";
import type { BgrImage } from "./bgr-image.ts";

export interface DrawOptions {
  /** Blue, green, red, 0–255. Default: red. */
  readonly color?: readonly [number, number, number];
  /** Thickness of the outlines, pixels. Default: 2, or more in images above 1000 pixels. */
  readonly thickness?: number;
}

/** Returns a copy of the image with the outlines drawn into it. */
export function drawDetections(
  image: BgrImage,
  detections: readonly { readonly points: readonly Point[] }[],
  options: DrawOptions = {},
): BgrImage {
  const color = options.color ?? [0, 0, 255];
  const thickness =
    options.thickness ?? Math.max(2, Math.round(Math.max(image.width, image.height) / 600));
  const copy: BgrImage = { ...image, data: Uint8Array.from(image.data) };
  for (const { points } of detections) {
    points.forEach((point, index) => {
      const next = points[(index + 1) % points.length];
      if (next) drawLine(copy, point, next, color, thickness);
    });
  }
  return copy;
}

function drawLine(
  image: BgrImage,
  from: Point,
  to: Point,
  color: readonly [number, number, number],
  thickness: number,
): void {
  const steps = Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]), 1));
  if (!Number.isFinite(steps) || steps > 4 * (image.width + image.height)) return;
  const before = Math.floor((thickness - 1) / 2);
  for (let step = 0; step <= steps; step += 1) {
    const part = step / steps;
    const left = Math.round(from[0] + (to[0] - from[0]) * part) - before;
    const top = Math.round(from[1] + (to[1] - from[1]) * part) - before;
    for (let y = Math.max(top, 0); y < Math.min(top + thickness, image.height); y += 1) {
      for (let x = Math.max(left, 0); x < Math.min(left + thickness, image.width); x += 1) {
        image.data.set(color, (y * image.width + x) * 3);
      }
    }
  }
}
