import { int, type Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Ops } from "../ops/ops.ts";
import { requireNumber } from "../optimizers/require-number.ts";
import type { ProbabilityLossOptions } from "./binary-cross-entropy.ts";
import { logProbabilities, mix } from "./bounded-log.ts";
import { type MeanOptions, meanOf } from "./masked-mean.ts";
import { asTarget } from "./operands.ts";

/**
 * The mean over elements of KL(t ‖ p) = t·log(t / p) + (1 − t)·log((1 − t) / (1 − p)), of maps of
 * probabilities, each its own yes or no; a scalar, 0 where p = t. Its gradient with respect to p is
 * that of binary cross-entropy.
 * @throws TrainError `invalid-loss` if dims do not fit, `invalid-option` if epsilon is out of range.
 */
export function bernoulliKlDivergence(
  ops: Ops,
  probability: Value,
  target: Value,
  options: ProbabilityLossOptions = {},
): Value {
  const where = "bernoulliKlDivergence";
  const wanted = asTarget(ops, where, target, probability);
  const own = logProbabilities(ops, where, probability, options.epsilon);
  const goal = logProbabilities(ops, where, wanted, options.epsilon);
  const present = ops.sub(goal.present, own.present);
  const absent = ops.sub(goal.absent, own.absent);
  return meanOf(ops, where, mix(ops, wanted, present, absent), options);
}

/** Options of {@link softmaxKlDivergence}. */
export interface SoftmaxKlDivergenceOptions extends MeanOptions {
  /** Axis of the classes; negative: from the end. Default: -1. */
  readonly axis?: number;
  /** What both logits are divided by, above 0. Default: 1. */
  readonly temperature?: number;
}

/**
 * The mean over all places of T²·Σ q·(log q − log p), with q = softmax(target / T) and
 * p = softmax(logit / T) along the axis of the classes; a scalar (Hinton et al. 2015, "Distilling the
 * Knowledge in a Neural Network", section 2.1). A mask or weight has the logits' dims, but 1 class, or
 * broadcasts to them.
 * @throws TrainError `invalid-loss` if dims do not fit, `invalid-option` if an option is out of range.
 */
export function softmaxKlDivergence(
  ops: Ops,
  logit: Value,
  targetLogit: Value,
  options: SoftmaxKlDivergenceOptions = {},
): Value {
  const where = "softmaxKlDivergence";
  const { axis = -1, temperature = 1 } = options;
  requireNumber(where, "temperature", temperature, { moreThan: 0 });
  const rank = ops.dims(logit).length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new TrainError(
      "invalid-option",
      `${where}: axis is ${axis}; give a whole number from ${-rank} to ${rank - 1}, for dims [${ops.dims(logit)}]`,
    );
  }
  const logSoftmax = (x: Value): Value => {
    const scaled = temperature === 1 ? x : ops.mul(x, 1 / temperature);
    return ops.node("LogSoftmax", [scaled], { axis: int(axis) });
  };
  const own = logSoftmax(logit);
  const goal = logSoftmax(asTarget(ops, where, targetLogit, logit));
  const parts = ops.mul(ops.exp(goal), ops.sub(goal, own));
  const sums = ops.sum(parts, [axis], true);
  return meanOf(ops, where, ops.mul(sums, temperature ** 2), options);
}
