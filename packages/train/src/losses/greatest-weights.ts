import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";

/** Each halves the range of the threshold: 2⁻²⁴ of the greatest value is left, a float32's precision. */
const HALVINGS = 24;

/**
 * Weights that choose the `count` greatest of values of 0 or more: 1 above a threshold, 0 below, and
 * equal shares among those that are at the threshold, to 2⁻²⁴ of the greatest value; Σ weights·values
 * is the sum of the `count` greatest. Weights have no gradient: comparisons are all that they depend on.
 * `count`: a scalar from 0 up to the number of values.
 *
 * The threshold is found by bisection: how many values are above it? A comparison, a Cast and a sum
 * take 0.7 to 1.1 ms for 4·640² values on one or two threads of ONNX Runtime, all of this about 25 ms,
 * whatever the count is. TopK of `count` without sorting takes 2 to 31 ms, more for greater counts, but
 * its shape would not be static; TopK of all takes 250 ms.
 * @internal
 */
export function greatestWeights(ops: Ops, values: Value, count: Value): Value {
  const dtype = ops.dtype(values);
  const above = (threshold: Value): Value => ops.cast(ops.greater(values, threshold), dtype);
  // More than `count` values, or all that are not 0, are above `low`; at most `count` above `high`.
  let low = ops.scalar(0, dtype);
  let high = ops.maximum(values);
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = ops.mul(ops.add(low, high), 0.5);
    const isLow = ops.greater(ops.sum(above(middle)), count);
    low = ops.where(isLow, middle, low);
    high = ops.where(isLow, high, middle);
  }
  const aboveLow = above(low);
  const aboveHigh = above(high);
  const surely = ops.sum(aboveHigh);
  const between = ops.max(ops.sub(ops.sum(aboveLow), surely), 1);
  const share = ops.clip(ops.div(ops.sub(count, surely), between), 0, 1);
  return ops.add(ops.mul(aboveLow, share), ops.mul(aboveHigh, ops.sub(1, share)));
}
