import type { Node } from "@ocrslim/graph";

/** How a window moves over the spatial axes, with `auto_pad` resolved. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before and after, by spatial axis; never negative. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The window of a convolution over `input` spatial dims that gives `output` spatial dims. */
export function resolveWindow(
  node: Node,
  kernel: readonly number[],
  input: readonly number[],
  output: readonly number[],
): Window {
  const ones = kernel.map(() => 1);
  const strides = node.ints("strides") ?? ones;
  const dilations = node.ints("dilations") ?? ones;
  const mode = node.string("auto_pad", "NOTSET") || "NOTSET";
  if (mode === "SAME_UPPER" || mode === "SAME_LOWER") {
    const totals = kernel.map((size, axis) => {
      const span = (size - 1) * (dilations[axis] ?? 1) + 1;
      return Math.max(
        ((output[axis] ?? 1) - 1) * (strides[axis] ?? 1) + span - (input[axis] ?? 1),
        0,
      );
    });
    const small = totals.map((total) => Math.floor(total / 2));
    const large = totals.map((total) => Math.ceil(total / 2));
    const isUpper = mode === "SAME_UPPER";
    return {
      kernel,
      strides,
      dilations,
      before: isUpper ? small : large,
      after: isUpper ? large : small,
    };
  }
  const pads = mode === "VALID" ? undefined : node.ints("pads");
  const zeros = kernel.map(() => 0);
  return {
    kernel,
    strides,
    dilations,
    before: pads?.slice(0, kernel.length) ?? zeros,
    after: pads?.slice(kernel.length) ?? zeros,
  };
}
