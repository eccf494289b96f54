import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { requireNumber } from "../optimizers/require-number.ts";
import { greatestWeights } from "./greatest-weights.ts";
import { COUNT_EPSILON } from "./masked-mean.ts";
import { asFactor, asTarget } from "./operands.ts";

/** Options of losses with hard negative mining. */
export interface BalanceOptions {
  /** Negatives that count, at most, for each positive; above 0. Default: 3. */
  readonly negativeRatio?: number;
}

/**
 * The mean of losses over all positives and the hardest negatives (online hard example mining;
 * Liao et al. 2020, "Real-time Scene Text Detection with Differentiable Binarization", equation 7,
 * with PaddleOCR's BalanceLoss as the letter of it):
 *
 *   P = ⌊Σ t·m⌋,   N = ⌊min(Σ (1 − t)·m, negativeRatio·P)⌋
 *   (Σ t·m·loss + the sum of the N greatest of (1 − t)·m·loss) / (P + N + 1e-6)
 *
 * over the whole batch, a scalar. It is 0, with gradients of 0, where there are no positives.
 * `losses`: of each element, 0 or more. `target`: 1 for positives, 0 for negatives. `mask`: 0 for
 * those that are ignored; broadcasts to the losses.
 * @throws TrainError `invalid-loss` if dims do not fit, `invalid-option` if the ratio is out of range.
 */
export function balancedMean(
  ops: Ops,
  losses: Value,
  target: Value,
  mask?: Value,
  options: BalanceOptions = {},
): Value {
  return balancedMeanOf(ops, "balancedMean", losses, target, mask, options);
}

/** @internal */
export function balancedMeanOf(
  ops: Ops,
  where: string,
  losses: Value,
  target: Value,
  mask: Value | undefined,
  { negativeRatio = 3 }: BalanceOptions,
): Value {
  requireNumber(where, "negativeRatio", negativeRatio, { moreThan: 0 });
  const isPositive = asTarget(ops, where, target, losses);
  const isNegative = ops.sub(1, isPositive);
  const counts = mask && asFactor(ops, where, mask, losses);
  const positive = counts ? ops.mul(isPositive, counts) : isPositive;
  const negative = counts ? ops.mul(isNegative, counts) : isNegative;
  const floor = (x: Value): Value => ops.node("Floor", [x]);
  const positiveCount = floor(ops.sum(positive));
  const most = ops.mul(positiveCount, negativeRatio);
  const negativeCount = floor(ops.min(ops.sum(negative), most));
  const chosen = greatestWeights(ops, ops.mul(negative, losses), negativeCount);
  const weights = ops.add(positive, ops.mul(negative, chosen));
  const count = ops.add(ops.add(positiveCount, negativeCount), COUNT_EPSILON);
  return ops.div(ops.sum(ops.mul(weights, losses)), count);
}
