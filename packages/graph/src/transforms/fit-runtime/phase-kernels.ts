import type { Kernel, Pair } from "./convolution.ts";

/** A kernel with the padding that goes with it. */
export interface PaddedKernel {
  readonly kernel: Kernel;
  readonly begin: Pair;
  readonly end: Pair;
}

/** Where the taps of one axis fall, and the padding that keeps the size. */
interface Axis {
  /** For each tap of the old kernel, the index in the new one. */
  readonly to: readonly number[];
  readonly size: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * The kernel that computes one phase of a convolution over pixels repeated `factor` times from the
 * pixels themselves. Position factor · h + phase reads pixel ⌊(factor · h + phase + tap − begin) ÷
 * factor⌋; taps that fall on the same pixel are added up.
 */
export function phaseKernel(
  kernel: Kernel,
  begin: Pair,
  factor: number,
  [row, column]: Pair,
): PaddedKernel {
  const axis = (taps: number, phase: number, pad: number): Axis => {
    const offsets = range(taps).map((tap) => Math.floor((phase + tap - pad) / factor));
    const low = Math.min(0, ...offsets);
    const high = Math.max(0, ...offsets);
    const to = offsets.map((offset) => offset - low);
    return { to, size: high - low + 1, begin: 0 - low, end: high };
  };
  const [, , height, width] = kernel.dims;
  return gather(kernel, axis(height, row, begin[0]), axis(width, column, begin[1]));
}

/**
 * The kernel that computes one phase of a convolution over all pixels, with a stride of `factor`. A
 * phase that begins after the first pixel gets leading zeros.
 */
export function strideKernel(
  kernel: Kernel,
  begin: Pair,
  factor: number,
  [row, column]: Pair,
): PaddedKernel {
  const axis = (taps: number, phase: number, pad: number): Axis => {
    const low = Math.min(0, phase - pad);
    const high = Math.max(0, phase + taps - 1 - pad);
    const to = range(taps).map((tap) => phase + tap - pad - low);
    return { to, size: high - low + 1, begin: 0 - low, end: Math.max(0, high - factor + 1) };
  };
  const [, , height, width] = kernel.dims;
  return gather(kernel, axis(height, row, begin[0]), axis(width, column, begin[1]));
}

const range = (length: number): readonly number[] => Array.from({ length }, (_, at) => at);

function gather({ dims, data }: Kernel, rows: Axis, columns: Axis): PaddedKernel {
  const [out, inner, height, width] = dims;
  const taps = rows.size * columns.size;
  const sums = new Float64Array(out * inner * taps);
  for (let plane = 0; plane < out * inner; plane++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const to = plane * taps + (rows.to[y] ?? 0) * columns.size + (columns.to[x] ?? 0);
        sums[to] = (sums[to] ?? 0) + (data[(plane * height + y) * width + x] ?? 0);
      }
    }
  }
  return {
    kernel: { dims: [out, inner, rows.size, columns.size], data: sums },
    begin: [rows.begin, columns.begin],
    end: [rows.end, columns.end],
  };
}

/** Some of the channels that a kernel reads. */
export interface ChannelRange {
  readonly start: number;
  readonly count: number;
}

/** The part of a kernel that reads the given channels, in that order. */
export function sliceKernel({ dims, data }: Kernel, ranges: readonly ChannelRange[]): Kernel {
  const [out, inner, height, width] = dims;
  const taps = height * width;
  const kept = ranges.reduce((total, { count }) => total + count, 0);
  const slice = new Float64Array(out * kept * taps);
  let to = 0;
  for (let o = 0; o < out; o++) {
    for (const { start, count } of ranges) {
      const from = (o * inner + start) * taps;
      for (let at = 0; at < count * taps; at++) slice[to++] = data[from + at] ?? 0;
    }
  }
  return { dims: [out, kept, height, width], data: slice };
}
