import { resolveWindow, type Window } from "../../gradients/window.ts";
import type { Lowering, LoweringContext, LoweringEntry } from "../lowering.ts";
import { take } from "../operations.ts";
import type { TfImage, Tfjs, TfTensor } from "../tfjs.ts";

/** Height and width; of one-dimensional images the height is 1. */
export type Pair = readonly [height: number, width: number];

/** A window over two axes. */
export interface Window2d {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly before: Pair;
  readonly after: Pair;
}

/** [N, C, H, W] of [N, C, W]. @throws TrainError `unsupported` for other ranks. */
export function toImage({ tf, fail }: LoweringContext, x: TfTensor): TfTensor {
  const [outer = 1, inner = 1, ...spatial] = x.shape;
  if (spatial.length === 2) return x;
  if (spatial.length !== 1)
    throw fail(`${spatial.length} spatial axes are not covered, only 1 or 2`);
  return tf.reshape(x, [outer, inner, 1, ...spatial]);
}

export const toNhwc = (tf: Tfjs, x: TfTensor): TfTensor => tf.transpose(x, [0, 2, 3, 1]);
export const toNchw = (tf: Tfjs, x: TfTensor): TfTensor => tf.transpose(x, [0, 3, 1, 2]);

/** The window with a height of 1, if it has none. */
export function toWindow2d(window: Window): Window2d {
  const pair = (values: readonly number[], height: number): Pair =>
    values.length === 1
      ? [height, values[0] ?? height]
      : [values[0] ?? height, values[1] ?? height];
  return {
    kernel: pair(window.kernel, 1),
    strides: pair(window.strides, 1),
    dilations: pair(window.dilations, 1),
    before: pair(window.before, 0),
    after: pair(window.after, 0),
  };
}

/** Pads [N, H, W, C]. */
export function padImage(tf: Tfjs, x: TfTensor, before: Pair, after: Pair, value = 0): TfTensor {
  if ([...before, ...after].every((count) => count === 0)) return x;
  const pads: [number, number][] = [
    [0, 0],
    [before[0], after[0]],
    [before[1], after[1]],
    [0, 0],
  ];
  return tf.pad(x, pads, value);
}

/**
 * Puts zeros between the taps of a filter [H, W, …, …]: the gradients of TensorFlow.js's convolutions
 * know no dilation.
 */
export function dilate(tf: Tfjs, filter: TfTensor, dilations: Pair): TfTensor {
  let result = filter;
  dilations.forEach((dilation, axis) => {
    if (dilation === 1) return;
    const dims = result.shape;
    const size = dims[axis] ?? 1;
    const outer = axis === 0 ? 1 : (dims[0] ?? 1);
    const inner = result.size / (outer * size);
    const spread = tf.pad(tf.reshape(result, [outer, size, 1, inner]), [
      [0, 0],
      [0, 0],
      [0, dilation - 1],
      [0, 0],
    ]);
    const span = (size - 1) * dilation + 1;
    const flat = tf.reshape(spread, [outer, size * dilation, inner]);
    result = tf.reshape(tf.slice(flat, [0, 0, 0], [outer, span, inner]), dims.with(axis, span));
  });
  return result;
}

/** [N, H, W, C] with a filter for each channel, [H, W, C, multiplier]. */
function depthwise(tf: Tfjs, x: TfTensor, filter: TfTensor, strides: Pair): TfTensor {
  const [vertical, horizontal] = strides;
  const run = (step: [number, number]): TfTensor =>
    tf.depthwiseConv2d(x as TfImage, filter as TfImage, step, "valid");
  if (vertical === horizontal) return run([vertical, horizontal]);
  // TensorFlow has no depthwise convolution of two different strides.
  const whole = run([1, 1]);
  const [, height = 1, width = 1] = whole.shape;
  const counts = [Math.ceil(height / vertical), Math.ceil(width / horizontal)] as const;
  const rows = take(tf, whole, 1, { start: 0, step: vertical, count: counts[0] });
  return take(tf, rows, 2, { start: 0, step: horizontal, count: counts[1] });
}

/** Adds a bias for each channel of [N, C, …]. */
export function addBias(tf: Tfjs, x: TfTensor, bias: TfTensor | undefined): TfTensor {
  if (!bias) return x;
  return tf.add(x, tf.reshape(bias, [1, bias.size, ...x.shape.slice(2).map(() => 1)]));
}

const conv: Lowering = (context) => {
  const { tf, node, input, optional, outputDims } = context;
  const weight = input(1);
  const dims = outputDims();
  const spatial = weight.shape.slice(2);
  const image = toImage(context, input(0));
  const found = resolveWindow(node, spatial, input(0).shape.slice(2), dims.slice(2));
  const window = toWindow2d(found);
  const x = padImage(tf, toNhwc(tf, image), window.before, window.after);
  const filter = dilate(tf, tf.transpose(toImage(context, weight), [2, 3, 1, 0]), window.dilations);
  const groups = node.int("group", 1);
  const channels = image.shape[1] ?? 1;
  const strides: [number, number] = [...window.strides];
  const dense = (part: TfTensor, own: TfTensor): TfTensor =>
    tf.conv2d(part as TfImage, own as TfImage, strides, "valid");
  let result: TfTensor;
  if (groups === 1) result = dense(x, filter);
  else if (groups === channels) {
    const [height = 1, width = 1, , out = 1] = filter.shape;
    const own = tf.reshape(filter, [height, width, channels, out / channels]);
    result = depthwise(tf, x, own, window.strides);
  } else {
    const filters = tf.split(filter, groups, 3);
    result = tf.concat(
      tf.split(x, groups, 3).map((part, group) => dense(part, filters[group] as TfTensor)),
      3,
    );
  }
  return [addBias(tf, tf.reshape(toNchw(tf, result), [...dims]), optional(2))];
};

/** Convolutions, 1-D and 2-D. */
export const convolutionLowerings: readonly LoweringEntry[] = [["Conv", conv]];
