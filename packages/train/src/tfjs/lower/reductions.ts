import {
  type Lowering,
  type LoweringContext,
  type LoweringEntry,
  positiveAxis,
} from "../lowering.ts";
import { safeSqrt } from "../operations.ts";
import type { Tfjs, TfTensor } from "../tfjs.ts";

type Reduce = (tf: Tfjs, x: TfTensor, axes: number[]) => TfTensor;

/** `compute` keeps reduced axes as 1. */
const reduction =
  (compute: Reduce): Lowering =>
  (context) => {
    const { tf, input, outputDims } = context;
    const x = input(0);
    const axes = reducedAxes(context, x.rank);
    if (axes === undefined) return [x];
    const number = x.dtype === "bool" ? tf.cast(x, "int32") : x;
    const result =
      x.rank === 0 ? compute(tf, tf.reshape(number, [1]), [0]) : compute(tf, number, axes);
    return [tf.reshape(tf.cast(result, x.dtype), [...outputDims()])];
  };

/** Axes are an input; none means all, unless `noop_with_empty_axes` (`undefined` then). */
function reducedAxes({ node, numbers }: LoweringContext, rank: number): number[] | undefined {
  const given = numbers(1) ?? node.ints("axes");
  if (given && given.length > 0) return [...new Set(given.map((axis) => positiveAxis(axis, rank)))];
  if (node.int("noop_with_empty_axes", 0) !== 0) return undefined;
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** Equal extremes share the gradient evenly; `tf.max` would give all of it to each. */
const extreme =
  (compute: Reduce): Reduce =>
  (tf, x, axes) => {
    if (x.dtype !== "float32") return compute(tf, x, axes);
    return tf.customGrad((value, save) => {
      const source = value as TfTensor;
      const result = compute(tf, source, axes);
      (save as (tensors: TfTensor[]) => void)([source, result]);
      return {
        value: result,
        gradFunc: (dy: TfTensor, saved: TfTensor[]) => {
          const [from, to] = saved as [TfTensor, TfTensor];
          const mask = tf.cast(tf.equal(from, to), "float32");
          return tf.mul(mask, tf.div(dy, tf.sum(mask, axes, true)));
        },
      };
    })(x);
  };

const sum: Reduce = (tf, x, axes) => tf.sum(x, axes, true);

const extremeIndex =
  (find: (tf: Tfjs, x: TfTensor, axis: number) => TfTensor): Lowering =>
  ({ tf, node, input, outputDims }) => {
    const x = input(0);
    const axis = positiveAxis(node.int("axis", 0), x.rank);
    if (node.int("select_last_index", 0) === 0) {
      return [tf.reshape(find(tf, x, axis), [...outputDims()])];
    }
    const last = (x.shape[axis] ?? 1) - 1;
    return [
      tf.reshape(tf.sub(tf.scalar(last, "int32"), find(tf, tf.reverse(x, axis), axis)), [
        ...outputDims(),
      ]),
    ];
  };

/** Operators that combine elements along axes. */
export const reductionLowerings: readonly LoweringEntry[] = [
  ["ReduceSum", reduction(sum)],
  ["ReduceMean", reduction((tf, x, axes) => tf.mean(x, axes, true))],
  ["ReduceMax", reduction(extreme((tf, x, axes) => tf.max(x, axes, true)))],
  ["ReduceMin", reduction(extreme((tf, x, axes) => tf.min(x, axes, true)))],
  ["ReduceProd", reduction((tf, x, axes) => tf.prod(x, axes, true))],
  ["ReduceL1", reduction((tf, x, axes) => sum(tf, tf.abs(x), axes))],
  ["ReduceL2", reduction((tf, x, axes) => safeSqrt(tf, sum(tf, tf.square(x), axes)))],
  ["ReduceSumSquare", reduction((tf, x, axes) => sum(tf, tf.square(x), axes))],
  ["ReduceLogSum", reduction((tf, x, axes) => tf.log(sum(tf, x, axes)))],
  ["ReduceLogSumExp", reduction((tf, x, axes) => tf.logSumExp(x, axes, true))],
  ["ArgMax", extremeIndex((tf, x, axis) => tf.argMax(x, axis))],
  ["ArgMin", extremeIndex((tf, x, axis) => tf.argMin(x, axis))],
];
