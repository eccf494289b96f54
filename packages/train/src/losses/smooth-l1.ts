import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { requireNumber } from "../optimizers/require-number.ts";
import { type MeanOptions, meanOf } from "./masked-mean.ts";
import { asTarget } from "./operands.ts";

/** Options of {@link smoothL1}. */
export interface SmoothL1Options extends MeanOptions {
  /** Difference up to which the loss is a parabola, above 0. Default: 1. */
  readonly beta?: number;
}

/**
 * The mean of d² / 2β where |d| < β, |d| − β/2 elsewhere, d = p − t (Girshick 2015, equation 3; the
 * formula of torch.nn.SmoothL1Loss); a scalar.
 * @throws TrainError `invalid-loss` if dims do not fit, `invalid-option` if beta is out of range.
 */
export function smoothL1(
  ops: Ops,
  prediction: Value,
  target: Value,
  options: SmoothL1Options = {},
): Value {
  const { beta = 1 } = options;
  requireNumber("smoothL1", "beta", beta, { moreThan: 0 });
  const distance = ops.abs(ops.sub(prediction, asTarget(ops, "smoothL1", target, prediction)));
  // Both cases at once: with s = min(|d|, β) they are s·(|d| − s/2) / β.
  const small = ops.min(distance, beta);
  const area = ops.mul(small, ops.sub(distance, ops.mul(small, 0.5)));
  const losses = beta === 1 ? area : ops.mul(area, 1 / beta);
  return meanOf(ops, "smoothL1", losses, options);
}
