import type { ReferenceContext } from "./reference-kernel.ts";

/** A window over two spatial axes; one-dimensional ones get a first axis of size 1. */
export interface Window {
  /** `[N, C, H, W]` of the input. */
  readonly dims: readonly [number, number, number, number];
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** What is written in `pads`, or comes from `auto_pad`: before and after each axis. */
  readonly pads: readonly (readonly [number, number])[];
}

/** Widens a list of one spatial axis to two. */
export function pair(values: readonly number[], filler: number): readonly [number, number] {
  const [first = filler, second] = values;
  return second === undefined ? [filler, first] : [first, second];
}

/** Reads the window of a Conv or a pool. `kernel` has one or two axes. */
export function readWindow(context: ReferenceContext, kernel: readonly number[]): Window {
  const { node } = context;
  const [batch = 1, channels = 1, ...spatial] = context.dims(0);
  if (spatial.length !== kernel.length || spatial.length < 1 || spatial.length > 2) {
    throw context.fail(`${spatial.length} spatial axes are not covered; use 1 or 2`);
  }
  const ones = spatial.map(() => 1);
  const strides = node.ints("strides") ?? ones;
  const dilations = node.ints("dilations") ?? ones;
  const mode = node.string("auto_pad", "NOTSET") || "NOTSET";
  const given = node.ints("pads") ?? spatial.flatMap(() => [0, 0]);
  const pads = spatial.map((size, axis): readonly [number, number] => {
    if (mode === "NOTSET") return [given[axis] ?? 0, given[axis + spatial.length] ?? 0];
    if (mode === "VALID") return [0, 0];
    const stride = strides[axis] ?? 1;
    const span = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + span - size);
    return splitPadding(total, mode === "SAME_UPPER");
  });
  return {
    dims: [batch, channels, ...pair(spatial, 1)],
    kernel: pair(kernel, 1),
    strides: pair(strides, 1),
    dilations: pair(dilations, 1),
    pads: spatial.length === 1 ? [[0, 0], ...pads] : pads,
  };
}

/** Padding before and after; the odd one goes to the end for `SAME_UPPER`. */
export function splitPadding(total: number, upper: boolean): readonly [number, number] {
  const less = Math.floor(total / 2);
  return upper ? [less, total - less] : [total - less, less];
}
