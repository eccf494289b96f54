import { elementCount, int, ints, type Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import type { SliceRange } from "../ops/shorthands.ts";
import type { Convolution } from "./convolution-input.ts";
import { multiplyByTransposed } from "./matrix-products.ts";
import type { Window } from "./window.ts";

/** As many as images have: strided slices for each tap cost more than the product saves. */
const FEW_CHANNELS = 4;

/**
 * Gradient of a convolution with respect to its weight, [M, C / group, …kernel].
 *
 * Forms, measured on the CPU with two threads (x [4, 96, 80, 80], depthwise 3×3): a multiplication and
 * a sum for each tap 59 ms, a dot product for each tap 78 ms, a convolution of the input with the
 * gradient as its weight 39 ms. Dense ones have few taps and many channels: there a matrix product
 * for each tap wins over that convolution, 60 against 147 ms (x [4, 64, 80, 80], 3×3, 64 outputs), but
 * not where an image itself is read with strides, 30 against 22 ms (x [1, 3, 640, 640], 3×3, 16
 * outputs), 171 against 67 ms (7×7, 64 outputs).
 */
export function convolutionWeightGradient(
  ops: Ops,
  gradient: Value,
  x: Value,
  convolution: Convolution,
): Value {
  const { window, convGroups, input, weight } = convolution;
  const [batch = 1, channels = 1] = input;
  const [outputs = 1, perGroup = 1] = weight;
  if (convGroups > 1 && perGroup === 1 && outputs === channels) {
    return depthwiseGradient(ops, gradient, x, convolution);
  }
  if (convGroups === 1 && channels <= FEW_CHANNELS && window.strides.some((stride) => stride > 1)) {
    return correlatedGradient(ops, gradient, x, convolution);
  }
  const isDense = window.strides.every((stride) => stride === 1);
  const pairs =
    isDense && outputs < channels
      ? shiftGradient(ops, gradient, x, convolution)
      : shiftInput(ops, gradient, x, convolution);
  const groupRows = (value: Value): Value => {
    const [, count = 1, ...sizes] = ops.dims(value);
    const positions = elementCount(sizes);
    return ops.reshape(value, [batch, convGroups, count / convGroups, positions]);
  };
  const taps = pairs.map(([left, right]) => {
    const product = multiplyByTransposed(ops, groupRows(left), groupRows(right));
    return batch === 1 ? product : ops.sum(product, [0], true);
  });
  if (taps.length === 1 && taps[0]) return ops.reshape(taps[0], weight);
  const dims = [outputs, perGroup, 1];
  return ops.reshape(
    ops.concat(
      taps.map((tap) => ops.reshape(tap, dims)),
      2,
    ),
    weight,
  );
}

/** For each tap, the gradient and what the tap saw of the padded input. */
function shiftInput(
  ops: Ops,
  gradient: Value,
  x: Value,
  { window }: Convolution,
): readonly (readonly [Value, Value])[] {
  const zeros = [0, 0];
  const padded = ops.pad(x, [...zeros, ...window.before], [...zeros, ...window.after]);
  const output = ops.dims(gradient).slice(2);
  return listTaps(window.kernel).map((tap) => {
    const ranges = tap.map((at, axis) => {
      const step = window.strides[axis] ?? 1;
      const start = at * (window.dilations[axis] ?? 1);
      return { axis: axis + 2, start, end: start + ((output[axis] ?? 1) - 1) * step + 1, step };
    });
    return [gradient, cut(ops, padded, ranges)];
  });
}

/**
 * For each tap of a convolution of stride 1, the part of the padded gradient that each position of the
 * input went to, and the input as it is: copies less where there are fewer outputs than inputs.
 */
function shiftGradient(
  ops: Ops,
  gradient: Value,
  x: Value,
  { window, input }: Convolution,
): readonly (readonly [Value, Value])[] {
  const { kernel, dilations, before, after } = window;
  const reach = kernel.map((size, axis) => (size - 1) * (dilations[axis] ?? 1));
  const left = reach.map((size, axis) => Math.max(size - (before[axis] ?? 0), 0));
  const right = reach.map((size, axis) => Math.max(size - (after[axis] ?? 0), 0));
  const padded = ops.pad(gradient, [0, 0, ...left], [0, 0, ...right]);
  return listTaps(kernel).map((tap) => {
    const ranges = tap.map((at, axis) => {
      const start = (before[axis] ?? 0) - at * (dilations[axis] ?? 1) + (left[axis] ?? 0);
      return { axis: axis + 2, start, end: start + (input[axis + 2] ?? 1), step: 1 };
    });
    return [cut(ops, padded, ranges), x];
  });
}

/** Each channel of each image is a group. */
function depthwiseGradient(
  ops: Ops,
  gradient: Value,
  x: Value,
  { window, input, weight }: Convolution,
): Value {
  const [batch = 1, channels = 1, ...sizes] = input;
  const groups = batch * channels;
  const result = correlate(
    ops,
    ops.reshape(x, [1, groups, ...sizes]),
    ops.reshape(gradient, [groups, 1, ...ops.dims(gradient).slice(2)]),
    window,
    groups,
  );
  const images = ops.reshape(result, [batch, ...weight]);
  return batch === 1 ? ops.reshape(images, weight) : ops.sum(images, [0]);
}

/** Each input channel is an image, each output channel a filter, and images are their channels. */
function correlatedGradient(
  ops: Ops,
  gradient: Value,
  x: Value,
  { window, input }: Convolution,
): Value {
  const [batch = 1] = input;
  const swapped = [1, 0, ...window.kernel.map((_, axis) => axis + 2)];
  const swap = (value: Value): Value => {
    const [, count = 1, ...sizes] = ops.dims(value);
    return batch === 1 ? ops.reshape(value, [count, 1, ...sizes]) : ops.transpose(value, swapped);
  };
  return ops.transpose(correlate(ops, swap(x), swap(gradient), window, 1), swapped);
}

/**
 * Convolution of the input with the gradient as its kernel, which the strides of the convolution
 * dilate; the dilations become strides. The result has the spatial dims of the weight.
 */
function correlate(
  ops: Ops,
  x: Value,
  gradient: Value,
  { kernel, strides, dilations, before }: Window,
  group: number,
): Value {
  const sizes = ops.dims(x).slice(2);
  const output = ops.dims(gradient).slice(2);
  const after = kernel.map((size, axis) => {
    const span =
      (size - 1) * (dilations[axis] ?? 1) + ((output[axis] ?? 1) - 1) * (strides[axis] ?? 1);
    return span + 1 - (sizes[axis] ?? 1) - (before[axis] ?? 0);
  });
  // What no window reached is cut off.
  const cuts = after.flatMap((size, axis) =>
    size < 0 ? [{ axis: axis + 2, start: 0, end: (sizes[axis] ?? 1) + size }] : [],
  );
  return ops.node("Conv", [cut(ops, x, cuts), gradient], {
    kernel_shape: ints(output),
    strides: ints(dilations),
    dilations: ints(strides),
    pads: ints([...before, ...after.map((size) => Math.max(size, 0))]),
    group: int(group),
  });
}

/** Positions in the kernel, row-major. */
export function listTaps(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (taps, size) => taps.flatMap((tap) => Array.from({ length: size }, (_, at) => [...tap, at])),
    [[]],
  );
}

/** Slices, where the ranges leave anything out. */
function cut(ops: Ops, value: Value, ranges: readonly SliceRange[]): Value {
  const dims = ops.dims(value);
  const needed = ranges.filter(
    ({ axis, start, end, step = 1 }) => start !== 0 || end !== dims[axis] || step !== 1,
  );
  return needed.length === 0 ? value : ops.slice(value, needed);
}
