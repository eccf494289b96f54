import type { Point } from "../data/region.ts";
import type { BgrImage } from "../images/bgr-image.ts";
import type { ImageSize } from "../preprocess/compute-resize.ts";
import { type Affine, invert, move } from "./affine.ts";
import type { Homography } from "./homography.ts";

/**
 * Draws a part of `donor` into `image`, in place: straightened to a rectangle of the patch's size,
 * then moved by `toImage`. `toDonor` takes the patch, as a unit square, to its place in the donor;
 * beyond the donor's edge its last pixels are repeated. @internal
 */
export function pastePatch(
  image: BgrImage,
  donor: BgrImage,
  patch: ImageSize & { readonly toDonor: Homography },
  toImage: Affine,
): void {
  const { width, height } = patch;
  const [a, b, c, d, e, f, g, h] = patch.toDonor;
  const toPatch = invert(toImage);
  const bounds = findBounds(patch, toImage, image);
  for (let row = bounds.top; row < bounds.bottom; row += 1) {
    for (let column = bounds.left; column < bounds.right; column += 1) {
      const [x, y] = move(toPatch, [column + 0.5, row + 0.5]);
      if (!(x >= 0 && y >= 0 && x < width && y < height)) continue;
      const u = x / width;
      const v = y / height;
      const w = g * u + h * v + 1;
      const to = (row * image.width + column) * 3;
      samplePixel(donor, (a * u + b * v + c) / w, (d * u + e * v + f) / w, image.data, to);
    }
  }
}

/** The pixels of the image that the patch may cover, from the first to before the last. */
function findBounds(
  { width, height }: ImageSize,
  toImage: Affine,
  image: BgrImage,
): { left: number; top: number; right: number; bottom: number } {
  const corners: readonly Point[] = [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ];
  const placed = corners.map((corner) => move(toImage, corner));
  const xs = placed.map(([x]) => x);
  const ys = placed.map(([, y]) => y);
  return {
    left: Math.max(Math.floor(Math.min(...xs)), 0),
    top: Math.max(Math.floor(Math.min(...ys)), 0),
    right: Math.min(Math.ceil(Math.max(...xs)), image.width),
    bottom: Math.min(Math.ceil(Math.max(...ys)), image.height),
  };
}

function samplePixel(
  { width, height, data }: BgrImage,
  placeX: number,
  placeY: number,
  out: Uint8Array,
  to: number,
): void {
  const x = Math.min(Math.max(placeX - 0.5, 0), width - 1);
  const y = Math.min(Math.max(placeY - 0.5, 0), height - 1);
  const left = Math.floor(x);
  const top = Math.floor(y);
  const at = (top * width + left) * 3;
  const next = left < width - 1 ? 3 : 0;
  const under = top < height - 1 ? width * 3 : 0;
  for (let channel = 0; channel < 3; channel += 1) {
    const from = at + channel;
    const upper =
      (data[from] as number) * (1 - x + left) + (data[from + next] as number) * (x - left);
    const lower =
      (data[from + under] as number) * (1 - x + left) +
      (data[from + under + next] as number) * (x - left);
    out[to + channel] = Math.round(upper * (1 - y + top) + lower * (y - top));
  }
}
