import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { logProbabilities, mix } from "./bounded-log.ts";
import { type MeanOptions, meanOf } from "./masked-mean.ts";
import { asTarget } from "./operands.ts";

/** Options of losses on probabilities. */
export interface ProbabilityLossOptions extends MeanOptions {
  /**
   * Limits probabilities to [ε, 1 − ε]; at least 1e-7, below 0.5. Default: no limit, but logarithms
   * are −100 at least, as in PyTorch and Paddle.
   */
  readonly epsilon?: number;
}

/**
 * The mean of −(t·log p + (1 − t)·log(1 − p)), a scalar. Probabilities and targets are of the same
 * dims, from 0 to 1.
 * @throws TrainError `invalid-loss` if dims do not fit, `invalid-option` if epsilon is out of range.
 */
export function binaryCrossEntropy(
  ops: Ops,
  probability: Value,
  target: Value,
  options: ProbabilityLossOptions = {},
): Value {
  const where = "binaryCrossEntropy";
  const losses = crossEntropies(ops, where, probability, target, options.epsilon);
  return meanOf(ops, where, losses, options);
}

/** The loss of each element, before any mean. @internal */
export function crossEntropies(
  ops: Ops,
  where: string,
  probability: Value,
  target: Value,
  epsilon: number | undefined,
): Value {
  const wanted = asTarget(ops, where, target, probability);
  const { present, absent } = logProbabilities(ops, where, probability, epsilon);
  return ops.neg(mix(ops, wanted, present, absent));
}

/**
 * {@link binaryCrossEntropy} of σ(logit), as softplus(z) − t·z: exact for logits of any size.
 * @throws TrainError `invalid-loss` if dims do not fit.
 */
export function binaryCrossEntropyWithLogits(
  ops: Ops,
  logit: Value,
  target: Value,
  options: MeanOptions = {},
): Value {
  const where = "binaryCrossEntropyWithLogits";
  const wanted = asTarget(ops, where, target, logit);
  const losses = ops.sub(ops.softplus(logit), ops.mul(wanted, logit));
  return meanOf(ops, where, losses, options);
}
