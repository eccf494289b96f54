import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { requireNumber } from "../optimizers/require-number.ts";
import { asFactor, asTarget } from "./operands.ts";

/** Options of {@link dice}. */
export interface DiceOptions {
  /** Is added to the sum that is divided by, above 0. Default: 1e-6. */
  readonly epsilon?: number;
}

/**
 * 1 − 2·Σ p·t·m / (Σ p·m + Σ t·m + ε), over the whole batch, a scalar: PaddleOCR's DiceLoss
 * (Milletari et al. 2016, without their squares). It is 1 where nothing is to be found.
 * `mask`: 0 for what is ignored; broadcasts to the prediction.
 * @throws TrainError `invalid-loss` if dims do not fit, `invalid-option` if epsilon is out of range.
 */
export function dice(
  ops: Ops,
  prediction: Value,
  target: Value,
  mask?: Value,
  options: DiceOptions = {},
): Value {
  const { epsilon = 1e-6 } = options;
  requireNumber("dice", "epsilon", epsilon, { moreThan: 0 });
  const wanted = asTarget(ops, "dice", target, prediction);
  const factor = mask && asFactor(ops, "dice", mask, prediction);
  const found = factor ? ops.mul(prediction, factor) : prediction;
  const sought = factor ? ops.mul(wanted, factor) : wanted;
  const overlap = ops.sum(ops.mul(found, wanted));
  const total = ops.add(ops.add(ops.sum(found), ops.sum(sought)), epsilon);
  return ops.sub(1, ops.div(ops.mul(overlap, 2), total));
}
