import type { Lowering, LoweringEntry } from "../lowering.ts";
import { padAxis, sliceAxis } from "../operations.ts";
import type { TfImage, Tfjs, TfTensor } from "../tfjs.ts";
import { addBias, dilate, toImage, toNchw, toNhwc, toWindow2d } from "./convolution.ts";

/** What is cut off the beginning of one axis, whose uncut size is `full`. */
function padBefore(mode: string, given: number | undefined, total: number): number {
  if (given !== undefined) return given;
  return mode === "SAME_UPPER" ? Math.floor(total / 2) : total - Math.floor(total / 2);
}

/** `count` elements of an axis from `start` on, zeros beyond its end. */
function crop(tf: Tfjs, x: TfTensor, axis: number, start: number, count: number): TfTensor {
  const missing = Math.max(start + count - (x.shape[axis] ?? 0), 0);
  return sliceAxis(tf, padAxis(tf, x, axis, 0, missing), axis, start, count);
}

/** The whole result by tf.conv2dTranspose, then what the pads leave of it. */
const convTranspose: Lowering = (context) => {
  const { tf, node, input, optional, outputDims } = context;
  const weight = input(1);
  const dims = outputDims();
  const spatial = weight.shape.slice(2);
  const ones = spatial.map(() => 1);
  const zeros = spatial.map(() => 0);
  const image = toImage(context, input(0));
  const { strides, dilations } = toWindow2d({
    kernel: spatial,
    strides: node.ints("strides") ?? ones,
    dilations: node.ints("dilations") ?? ones,
    before: zeros,
    after: zeros,
  });
  const x = toNhwc(tf, image);
  const filter = dilate(tf, tf.transpose(toImage(context, weight), [2, 3, 1, 0]), dilations);
  const [, height = 1, width = 1] = x.shape;
  const [kernelHeight = 1, kernelWidth = 1, depth = 1] = filter.shape;
  const full = [
    strides[0] * (height - 1) + kernelHeight,
    strides[1] * (width - 1) + kernelWidth,
  ] as const;
  const run = (part: TfTensor, own: TfTensor): TfTensor =>
    tf.conv2dTranspose(
      part as TfImage,
      own as TfImage,
      [part.shape[0] ?? 1, full[0], full[1], depth],
      [...strides],
      "valid",
    );
  const groups = node.int("group", 1);
  const filters = groups === 1 ? [filter] : tf.split(filter, groups, 3);
  const parts = groups === 1 ? [x] : tf.split(x, groups, 3);
  const results = parts.map((part, group) => run(part, filters[group] as TfTensor));
  let result = toNchw(tf, results.length === 1 ? (results[0] as TfTensor) : tf.concat(results, 3));

  const mode = node.string("auto_pad", "NOTSET") || "NOTSET";
  const hasPads = mode === "NOTSET" && !node.ints("output_shape");
  spatial.forEach((_, index) => {
    const axis = index + 4 - spatial.length;
    const size = dims[index + 2] ?? 1;
    const extra = node.ints("output_padding")?.[index] ?? 0;
    const whole = (full[axis - 2] ?? 1) + extra;
    const given = hasPads ? (node.ints("pads")?.[index] ?? 0) : mode === "VALID" ? 0 : undefined;
    result = crop(tf, result, axis, padBefore(mode, given, Math.max(whole - size, 0)), size);
  });
  return [addBias(tf, tf.reshape(result, [...dims]), optional(2))];
};

/** Transposed convolutions, 1-D and 2-D. */
export const convTransposeLowerings: readonly LoweringEntry[] = [["ConvTranspose", convTranspose]];
