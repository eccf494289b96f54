import type { BgrImage } from "../images/bgr-image.ts";

/*
 * OpenCV's 8-bit bilinear resize, bit for bit (imgproc/resize.cpp: 11-bit coefficients, the
 * vertical pass in 32-bit integers, the exact 2 × 2 reduction as an average). Written here rather
 * than called in WebAssembly: it is as fast, needs no waiting for OpenCV, and the heap of
 * WebAssembly, which never shrinks, does not grow with the largest image seen.
 */

/** Returns the image resized to `height` × `width` pixels, as `cv.resize` with `INTER_LINEAR`. */
export function resizeBilinear(image: BgrImage, height: number, width: number): BgrImage {
  if (image.height === height && image.width === width) return image;
  if (image.height === 2 * height && image.width === 2 * width) return halve(image, height, width);
  const columns = computeTaps(image.width, width, true);
  const rows = computeTaps(image.height, height, false);
  const stride = width * 3;
  const result = new Uint8Array(height * stride);
  let upper = new Int32Array(stride);
  let lower = new Int32Array(stride);
  let upperRow = -1;
  let lowerRow = -1;
  const lastRow = image.height - 1;
  for (let y = 0; y < height; y += 1) {
    const wanted = rows.index[y] ?? 0;
    const first = Math.min(Math.max(wanted, 0), lastRow);
    const second = Math.min(Math.max(wanted + 1, 0), lastRow);
    if (first !== upperRow) {
      if (first === lowerRow) {
        [upper, lower] = [lower, upper];
        [upperRow, lowerRow] = [lowerRow, upperRow];
      } else {
        interpolateRow(image, first, columns, upper);
        upperRow = first;
      }
    }
    if (second !== lowerRow) {
      interpolateRow(image, second, columns, lower);
      lowerRow = second;
    }
    mixRows(upper, lower, rows.near[y] ?? 0, rows.far[y] ?? 0, result, y * stride);
  }
  return { width, height, data: result };
}

/** Where each target position samples: `near` of `index` plus `far` of `index + 1`, in 1/2048. */
interface Taps {
  readonly index: Int32Array;
  readonly near: Int32Array;
  readonly far: Int32Array;
}

function computeTaps(source: number, target: number, clamped: boolean): Taps {
  const index = new Int32Array(target);
  const near = new Int32Array(target);
  const far = new Int32Array(target);
  const scale = 1 / (target / source);
  for (let at = 0; at < target; at += 1) {
    const position = Math.fround((at + 0.5) * scale - 0.5);
    let floor = Math.floor(position);
    let fraction = Math.fround(position - floor);
    if (clamped && floor < 0) {
      floor = 0;
      fraction = 0;
    }
    if (clamped && floor >= source - 1) {
      floor = source - 1;
      fraction = 0;
    }
    index[at] = floor;
    near[at] = roundEven(Math.fround(1 - fraction) * 2048);
    far[at] = roundEven(fraction * 2048);
  }
  return { index, near, far };
}

function roundEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function interpolateRow(image: BgrImage, row: number, taps: Taps, out: Int32Array): void {
  const { data } = image;
  const start = row * image.width * 3;
  const last = (image.width - 1) * 3;
  const { index, near, far } = taps;
  for (let x = 0, to = 0; x < index.length; x += 1, to += 3) {
    const offset = (index[x] as number) * 3;
    const from = start + offset;
    const next = offset < last ? from + 3 : from;
    const a = near[x] as number;
    const b = far[x] as number;
    out[to] = (data[from] as number) * a + (data[next] as number) * b;
    out[to + 1] = (data[from + 1] as number) * a + (data[next + 1] as number) * b;
    out[to + 2] = (data[from + 2] as number) * a + (data[next + 2] as number) * b;
  }
}

function mixRows(
  upper: Int32Array,
  lower: Int32Array,
  near: number,
  far: number,
  out: Uint8Array,
  start: number,
): void {
  for (let x = 0; x < upper.length; x += 1) {
    const a = (near * ((upper[x] as number) >> 4)) >> 16;
    const b = (far * ((lower[x] as number) >> 4)) >> 16;
    out[start + x] = (a + b + 2) >> 2;
  }
}

function halve(image: BgrImage, height: number, width: number): BgrImage {
  const result = new Uint8Array(height * width * 3);
  const { data } = image;
  const stride = image.width * 3;
  let to = 0;
  for (let y = 0; y < height; y += 1) {
    let from = 2 * y * stride;
    for (let x = 0; x < width; x += 1, from += 6) {
      for (let channel = 0; channel < 3; channel += 1, to += 1) {
        const at = from + channel;
        const sum =
          (data[at] as number) +
          (data[at + 3] as number) +
          (data[at + stride] as number) +
          (data[at + stride + 3] as number);
        result[to] = (sum + 2) >> 2;
      }
    }
  }
  return { width, height, data: result };
}
