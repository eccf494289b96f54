import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { type BalanceOptions, balancedMeanOf } from "./balanced-mean.ts";
import { crossEntropies, type ProbabilityLossOptions } from "./binary-cross-entropy.ts";

/** Options of {@link balancedBinaryCrossEntropy}. */
export interface BalancedBinaryCrossEntropyOptions
  extends BalanceOptions,
    Pick<ProbabilityLossOptions, "epsilon"> {}

/**
 * Binary cross-entropy over all positives and the hardest negatives, DB's loss of the probability
 * map: `balancedMean` of the elements of `binaryCrossEntropy`; see both. PaddleOCR's BalanceLoss with
 * `main_loss_type: BCELoss`.
 * @throws TrainError `invalid-loss` if dims do not fit, `invalid-option` if a number is out of range.
 */
export function balancedBinaryCrossEntropy(
  ops: Ops,
  probability: Value,
  target: Value,
  mask?: Value,
  options: BalancedBinaryCrossEntropyOptions = {},
): Value {
  const where = "balancedBinaryCrossEntropy";
  const losses = crossEntropies(ops, where, probability, target, options.epsilon);
  return balancedMeanOf(ops, where, losses, target, mask, options);
}
