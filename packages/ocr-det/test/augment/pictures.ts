import type { Point, TextRegion } from "../../src/data/region.ts";
import type { BgrImage, LabelledImage } from "../../src/index.ts";

export type Color = readonly [number, number, number];

/** A picture of one colour. */
export function plain(width: number, height: number, color: Color): BgrImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => color[at % 3] ?? 0);
  return { width, height, data };
}

/** A picture of noise. */
export function noise(width: number, height: number, random: () => number): BgrImage {
  const data = Uint8Array.from({ length: width * height * 3 }, () => Math.floor(random() * 256));
  return { width, height, data };
}

/** A pixel, blue, green, red. */
export function pixelOf({ width, data }: BgrImage, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

/** The corners of an upright rectangle. */
export const box = (left: number, top: number, right: number, bottom: number): Point[] => [
  [left, top],
  [right, top],
  [right, bottom],
  [left, bottom],
];

export const region = (points: readonly Point[], ignored = false): TextRegion => ({
  points,
  text: ignored ? "###" : "text",
  ignored,
});

/** White rectangles on grey, each of them labelled. */
export function page(
  width: number,
  height: number,
  boxes: readonly (readonly [number, number, number, number])[],
): LabelledImage {
  const image = plain(width, height, [90, 90, 90]);
  for (const [left, top, right, bottom] of boxes) {
    for (let row = top; row < bottom; row += 1) {
      image.data.fill(255, (row * width + left) * 3, (row * width + right) * 3);
    }
  }
  return { image, regions: boxes.map((corners) => region(box(...corners))) };
}

/** Mean x, mean y and number of the pixels that are brighter than `level`. */
export function findBright(
  { width, data }: BgrImage,
  level: number,
): { readonly x: number; readonly y: number; readonly count: number } {
  let x = 0;
  let y = 0;
  let count = 0;
  for (let at = 0; at < data.length; at += 3) {
    if ((data[at] ?? 0) <= level) continue;
    x += ((at / 3) % width) + 0.5;
    y += Math.floor(at / 3 / width) + 0.5;
    count += 1;
  }
  return { x: x / count, y: y / count, count };
}

/** The mean of the corners: the centre of a parallelogram. */
export function centreOf(points: readonly Point[]): Point {
  const sum = points.reduce(([x, y], point): Point => [x + point[0], y + point[1]], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}
