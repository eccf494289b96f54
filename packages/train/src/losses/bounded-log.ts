import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { requireNumber } from "../optimizers/require-number.ts";

/** The least logarithm, as in PyTorch and Paddle. */
const LEAST_LOG = -100;
/** Where the slope of the logarithm, 1 / p, is still far from overflowing float32. */
const LEAST_PROBABILITY = 1e-30;

/** log p and log(1 − p), finite for all p from 0 to 1. @internal */
export interface LogProbabilities {
  /** log p */
  readonly present: Value;
  /** log(1 − p) */
  readonly absent: Value;
}

/**
 * Logarithms of probabilities. With an epsilon, they are limited to [ε, 1 − ε] first; without one,
 * log 0 is −100, as in PyTorch and Paddle. It has no slope there; theirs is steep, but the Sigmoid
 * before it multiplies it with 0. NaN stays NaN.
 * @throws TrainError `invalid-option` if epsilon is out of range. @internal
 */
export function logProbabilities(
  ops: Ops,
  where: string,
  probability: Value,
  epsilon: number | undefined,
): LogProbabilities {
  if (epsilon === undefined) {
    return {
      present: boundedLog(ops, probability),
      absent: boundedLog(ops, ops.sub(1, probability)),
    };
  }
  // 1 − ε must not be 1 in float32.
  requireNumber(where, "epsilon", epsilon, { atLeast: 1e-7, lessThan: 0.5 });
  const limited = ops.clip(probability, epsilon, 1 - epsilon);
  return { present: ops.log(limited), absent: ops.log(ops.sub(1, limited)) };
}

/** Where takes twice as long as the comparison, Cast, product and sum that are in its place. */
function boundedLog(ops: Ops, x: Value): Value {
  const inside = ops.log(ops.clip(x, LEAST_PROBABILITY, 1));
  const isNever = ops.cast(ops.lessOrEqual(x, 0), ops.dtype(x));
  return ops.add(inside, ops.mul(isNever, LEAST_LOG - Math.log(LEAST_PROBABILITY)));
}

/** t·a + (1 − t)·b @internal */
export function mix(ops: Ops, t: Value, a: Value, b: Value): Value {
  return ops.add(ops.mul(t, a), ops.mul(ops.sub(1, t), b));
}
