import type { Node } from "../../ir/node.ts";
import { formatDims } from "../dims.ts";
import { mismatch } from "../shape-rule.ts";

/** How a window (of a convolution or a pool) moves over the spatial axes. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begins of all axes, then ends; zeros where `autoPad` is not `NOTSET`. */
  readonly pads: readonly number[];
  readonly autoPad: string;
}

/** Reads a window's attributes and fills in the defaults. */
export function readWindow(node: Node, kernel: readonly number[]): Window {
  const spatial = kernel.length;
  const list = (name: string, length: number, fallback: number): readonly number[] => {
    const given = node.ints(name);
    if (!given) return new Array<number>(length).fill(fallback);
    if (given.length !== length) {
      throw mismatch(
        node,
        `${name} = ${formatDims(given)} should have ${length} entries for ${spatial} spatial axes`,
      );
    }
    return given;
  };
  const autoPad = node.string("auto_pad", "NOTSET") || "NOTSET";
  const strides = list("strides", spatial, 1);
  if (strides.some((stride) => stride < 1)) {
    throw mismatch(node, `strides = ${formatDims(strides)} should be 1 or more`);
  }
  return {
    kernel,
    strides,
    dilations: list("dilations", spatial, 1),
    pads: autoPad === "NOTSET" ? list("pads", 2 * spatial, 0) : new Array(2 * spatial).fill(0),
    autoPad,
  };
}

/** Spatial output dims of a convolution or a pool. */
export function windowOutput(
  node: Node,
  spatialDims: readonly number[],
  window: Window,
  ceilMode = false,
): readonly number[] {
  const { kernel, strides, dilations, pads, autoPad } = window;
  return spatialDims.map((size, axis) => {
    const stride = strides[axis] ?? 1;
    if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") return Math.ceil(size / stride);
    const span = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const before = pads[axis] ?? 0;
    const room = size + before + (pads[axis + kernel.length] ?? 0) - span;
    if (room < 0) {
      throw mismatch(
        node,
        `a window of ${span} does not fit into ${size} + ${room + span - size} of padding on spatial axis ${axis}`,
      );
    }
    if (!ceilMode) return Math.floor(room / stride) + 1;
    const count = Math.ceil(room / stride) + 1;
    // The last window must start inside the input or its left padding.
    return (count - 1) * stride >= size + before ? count - 1 : count;
  });
}
