import type { BgrImage } from "../images/bgr-image.ts";
import type { Affine } from "./affine.ts";

/*
 * Bilinear, with 11-bit weights. Written here rather than called in WebAssembly: one warp does what
 * flips, turns, scales and crops ask for together, so it takes a few milliseconds, and the images
 * need not be copied into a heap that never shrinks.
 */

const ONE = 2048;
const HALF = 1 << 21;

/**
 * Fills `target` with what `source` shows there; `toSource` takes places of the target to places of
 * the source. Places beyond the source's edge are left as they are; within half a pixel of it, its
 * last pixel is repeated. @internal
 */
export function warpInto(target: BgrImage, source: BgrImage, toSource: Affine): void {
  if (isWholeShift(toSource)) {
    copyShifted(target, source, toSource);
    return;
  }
  const [stepX, rowX, startX, stepY, rowY, startY] = toSource;
  const { width, height, data } = source;
  const stride = width * 3;
  const lastX = width - 1;
  const lastY = height - 1;
  const out = target.data;
  for (let row = 0; row < target.height; row += 1) {
    const beginX = rowX * (row + 0.5) + startX + stepX * 0.5;
    const beginY = rowY * (row + 0.5) + startY + stepY * 0.5;
    const [first, end] = visibleColumns(beginX, stepX, width, beginY, stepY, height, target.width);
    let to = (row * target.width + first) * 3;
    for (let column = first; column < end; column += 1, to += 3) {
      const x = Math.min(Math.max(beginX + stepX * column - 0.5, 0), lastX);
      const y = Math.min(Math.max(beginY + stepY * column - 0.5, 0), lastY);
      // Both are 0 or more, so cutting is rounding down.
      const left = x | 0;
      const top = y | 0;
      const right = ((x - left) * ONE) | 0;
      const below = ((y - top) * ONE) | 0;
      const at = top * stride + left * 3;
      const next = left < lastX ? 3 : 0;
      const under = top < lastY ? at + stride : at;
      for (let channel = 0; channel < 3; channel += 1) {
        const a = data[at + channel] as number;
        const c = data[under + channel] as number;
        const upper = (a << 11) + Math.imul((data[at + next + channel] as number) - a, right);
        const lower = (c << 11) + Math.imul((data[under + next + channel] as number) - c, right);
        out[to + channel] = ((upper << 11) + Math.imul(lower - upper, below) + HALF) >> 22;
      }
    }
  }
}

/** The columns of a row, from the first to before the last, whose places lie within the source. */
function visibleColumns(
  beginX: number,
  stepX: number,
  width: number,
  beginY: number,
  stepY: number,
  height: number,
  count: number,
): readonly [number, number] {
  let first = 0;
  let end = count;
  const narrow = (begin: number, step: number, length: number): void => {
    if (step === 0) {
      if (begin < 0 || begin > length) end = 0;
      return;
    }
    const atZero = -begin / step;
    const atLength = (length - begin) / step;
    first = Math.max(first, Math.ceil(Math.min(atZero, atLength)));
    end = Math.min(end, Math.floor(Math.max(atZero, atLength)) + 1);
  };
  narrow(beginX, stepX, width);
  narrow(beginY, stepY, height);
  return [first, Math.max(first, end)];
}

const isWholeShift = ([a, b, c, d, e, f]: Affine): boolean =>
  a === 1 && b === 0 && d === 0 && e === 1 && Number.isInteger(c) && Number.isInteger(f);

function copyShifted(target: BgrImage, source: BgrImage, [, , left, , , top]: Affine): void {
  const first = Math.max(0, -left);
  const end = Math.min(target.width, source.width - left);
  if (end <= first) return;
  const last = Math.min(target.height, source.height - top);
  for (let row = Math.max(0, -top); row < last; row += 1) {
    const from = ((row + top) * source.width + first + left) * 3;
    const pixels = source.data.subarray(from, from + (end - first) * 3);
    target.data.set(pixels, (row * target.width + first) * 3);
  }
}
