import { resolveWindow } from "../../gradients/window.ts";
import type { Lowering, LoweringContext, LoweringEntry } from "../lowering.ts";
import { safeSqrt, take } from "../operations.ts";
import type { TfImage, Tfjs, TfTensor } from "../tfjs.ts";
import { padImage, toImage, toNchw, toNhwc, toWindow2d, type Window2d } from "./convolution.ts";

/** Lower than any float32 that a network gives; −∞ · 0 would be NaN. */
const LOWEST = -3.4028234663852886e38;

/** A pool's window; `after` is grown or cut so that the last window ends with the padding. */
interface Pool {
  readonly window: Window2d;
  /** [N, H, W, C], padded. */
  readonly padded: TfTensor;
  readonly output: readonly [height: number, width: number];
  /** Input positions, then those with the node's own padding: [start, end) on the padded axis. */
  readonly inside: readonly (readonly [start: number, end: number])[];
  readonly declared: readonly (readonly [start: number, end: number])[];
}

function readPool(context: LoweringContext, fill: number): Pool {
  const { tf, node, input, outputDims } = context;
  const kernel = node.ints("kernel_shape") ?? [];
  const image = toImage(context, input(0));
  const spatial = input(0).shape.slice(2);
  const found = outputDims().slice(2);
  const window = toWindow2d(resolveWindow(node, kernel, spatial, found));
  const [height = 1, width = 1] = image.shape.slice(2);
  const sizes = [height, width];
  const output = [found.length === 1 ? 1 : (found[0] ?? 1), found.at(-1) ?? 1] as const;
  const after = sizes.map((size, axis) => {
    const span = ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) + 1;
    const reach = ((output[axis] ?? 1) - 1) * (window.strides[axis] ?? 1) + span;
    return reach - size - (window.before[axis] ?? 0);
  });
  const x = toNhwc(tf, image);
  const grown = [Math.max(after[0] ?? 0, 0), Math.max(after[1] ?? 0, 0)] as const;
  return {
    window,
    padded: padImage(tf, x, window.before, grown, fill),
    output,
    inside: sizes.map((size, axis) => {
      const start = window.before[axis] ?? 0;
      return [start, start + size];
    }),
    declared: sizes.map((size, axis) => [
      0,
      (window.before[axis] ?? 0) + size + (window.after[axis] ?? 0),
    ]),
  };
}

/** The windows' elements as one tensor of the output's dims for each tap, for dilated windows. */
function listTaps({ tf }: LoweringContext, pool: Pool): readonly TfTensor[] {
  const { window, padded, output } = pool;
  const taps: TfTensor[] = [];
  for (let row = 0; row < window.kernel[0]; row++) {
    const rows = take(tf, padded, 1, {
      start: row * window.dilations[0],
      step: window.strides[0],
      count: output[0],
    });
    for (let column = 0; column < window.kernel[1]; column++) {
      taps.push(
        take(tf, rows, 2, {
          start: column * window.dilations[1],
          step: window.strides[1],
          count: output[1],
        }),
      );
    }
  }
  return taps;
}

const isDilated = ({ window }: Pool): boolean => window.dilations.some((by) => by !== 1);

const maxPool: Lowering = (context) => {
  const { tf, node, outputDims, fail } = context;
  if (node.outputs[1]) throw fail("indices of maxima are not covered");
  const pool = readPool(context, LOWEST);
  const result = isDilated(pool)
    ? listTaps(context, pool).reduce((a, b) => tf.maximum(a, b))
    : tf.maxPool(
        pool.padded as TfImage,
        [...pool.window.kernel],
        [...pool.window.strides],
        "valid",
      );
  return [tf.reshape(toNchw(tf, result), [...outputDims()])];
};

/** Elements that each window averages over, as a factor to the mean over the whole window. */
function averageFactors(pool: Pool, includesPads: boolean): readonly number[] {
  const counts = pool.output.map((length, axis) => {
    const [start, end] = (includesPads ? pool.declared : pool.inside)[axis] ?? [0, 0];
    const { kernel, strides, dilations } = pool.window;
    return Array.from({ length }, (_, at) => {
      let count = 0;
      for (let tap = 0; tap < (kernel[axis] ?? 1); tap++) {
        const place = at * (strides[axis] ?? 1) + tap * (dilations[axis] ?? 1);
        if (place >= start && place < end) count++;
      }
      return count;
    });
  });
  const [vertical, horizontal] = pool.window.kernel;
  const [rows = [], columns = []] = counts;
  return rows.flatMap((row) => columns.map((column) => (vertical * horizontal) / (row * column)));
}

/** The mean over each whole window. */
function meanOf(context: LoweringContext, pool: Pool): TfTensor {
  const { tf } = context;
  const { kernel, strides } = pool.window;
  if (!isDilated(pool)) {
    return tf.avgPool(pool.padded as TfImage, [...kernel], [...strides], "valid");
  }
  return tf.div(tf.addN([...listTaps(context, pool)]), kernel[0] * kernel[1]);
}

const averagePool: Lowering = (context) => {
  const { tf, node, outputDims, cached } = context;
  const pool = readPool(context, 0);
  const mean = meanOf(context, pool);
  const values = averageFactors(pool, node.int("count_include_pad", 0) !== 0);
  const scaled = values.every((value) => value === 1)
    ? mean
    : tf.mul(
        mean,
        cached("factors", () => tf.tensor([...values], [1, ...pool.output, 1])),
      );
  return [tf.reshape(toNchw(tf, scaled), [...outputDims()])];
};

/** What is summed of each element, and what is made of the sum. */
function power(p: number): readonly [(tf: Tfjs, x: TfTensor) => TfTensor, typeof safeSqrt] {
  if (p === 1) return [(tf, x) => tf.abs(x), (_, sum) => sum];
  if (p === 2) return [(tf, x) => tf.square(x), safeSqrt];
  return [(tf, x) => tf.pow(tf.abs(x), p), (tf, sum) => tf.pow(sum, 1 / p)];
}

const lpPool: Lowering = (context) => {
  const { tf, node, outputDims } = context;
  const pool = readPool(context, 0);
  const { kernel } = pool.window;
  const [raise, root] = power(node.int("p", 2));
  const raised = { ...pool, padded: raise(tf, pool.padded) };
  const sum = tf.mul(meanOf(context, raised), kernel[0] * kernel[1]);
  return [tf.reshape(toNchw(tf, root(tf, sum)), [...outputDims()])];
};

const overAllPositions =
  (compute: (context: LoweringContext, x: TfTensor, axes: number[]) => TfTensor): Lowering =>
  (context) => {
    const x = context.input(0);
    const axes = Array.from({ length: x.rank - 2 }, (_, index) => index + 2);
    return [compute(context, x, axes)];
  };

/** Pools, 1-D and 2-D, and global ones. */
export const poolingLowerings: readonly LoweringEntry[] = [
  ["MaxPool", maxPool],
  ["AveragePool", averagePool],
  ["GlobalAveragePool", overAllPositions(({ tf }, x, axes) => tf.mean(x, axes, true))],
  ["LpPool", lpPool],
  [
    "GlobalLpPool",
    overAllPositions(({ tf, node }, x, axes) => {
      const [raise, root] = power(node.int("p", 2));
      return root(tf, tf.sum(raise(tf, x), axes, true));
    }),
  ],
  ["GlobalMaxPool", overAllPositions(({ tf }, x, axes) => tf.max(x, axes, true))],
];
