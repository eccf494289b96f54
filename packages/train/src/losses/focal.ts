import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { requireNumber } from "../optimizers/require-number.ts";
import type { ProbabilityLossOptions } from "./binary-cross-entropy.ts";
import { logProbabilities, mix } from "./bounded-log.ts";
import { meanOf } from "./masked-mean.ts";
import { asTarget } from "./operands.ts";

/** Options of {@link focal}. */
export interface FocalOptions extends ProbabilityLossOptions {
  /** Weight of positives, [0, 1]; negatives have 1 − α. Default: 0.25. */
  readonly alpha?: number;
  /** How much less easy elements count: 0 (as much as others), or 1 or more. Default: 2. */
  readonly gamma?: number;
}

/**
 * The mean of −(α·t·(1 − p)^γ·log p + (1 − α)·(1 − t)·p^γ·log(1 − p)), a scalar (Lin et al. 2017,
 * "Focal Loss for Dense Object Detection", equation 5, which they divide by the number of positives).
 * Probabilities and targets are of the same dims, from 0 to 1.
 * @throws TrainError `invalid-loss` if dims do not fit, `invalid-option` if a number is out of range:
 *   for γ between 0 and 1 the slope would be infinite at p = t.
 */
export function focal(
  ops: Ops,
  probability: Value,
  target: Value,
  options: FocalOptions = {},
): Value {
  const { alpha = 0.25, gamma = 2 } = options;
  requireNumber("focal", "alpha", alpha, { atLeast: 0, atMost: 1 });
  if (gamma !== 0) requireNumber("focal", "gamma", gamma, { atLeast: 1 });
  const wanted = asTarget(ops, "focal", target, probability);
  const { present, absent } = logProbabilities(ops, "focal", probability, options.epsilon);
  const damped = (logarithm: Value, error: Value, share: number): Value => {
    if (gamma === 0) return ops.mul(logarithm, -share);
    const factor = gamma === 1 ? error : gamma === 2 ? ops.square(error) : ops.pow(error, gamma);
    return ops.mul(ops.mul(logarithm, factor), -share);
  };
  const positive = damped(present, ops.sub(1, probability), alpha);
  const negative = damped(absent, probability, 1 - alpha);
  return meanOf(ops, "focal", mix(ops, wanted, positive, negative), options);
}
