import type { GradientClip } from "../step/build-update.ts";
import { requireNumber } from "./require-number.ts";

/**
 * Scales a gradient whose Euclidean norm is more than `max` down to that norm:
 * g·max / max(‖g‖, max), with ‖g‖ over all trained parameters together (Pascanu et al. 2013,
 * algorithm 1; Paddle's ClipGradByGlobalNorm; PyTorch's clip_grad_norm_ up to its 1e-6).
 * @throws TrainError `invalid-option` unless `max` is a number above 0.
 */
export function clipByNorm(max: number): GradientClip {
  requireNumber("clipByNorm", "max", max, { moreThan: 0 });
  return (ops, gradient, norm) => ops.mul(gradient, ops.div(max, ops.max(norm, max)));
}

/**
 * Limits each element of the gradient to [−max, max].
 * @throws TrainError `invalid-option` unless `max` is a number above 0.
 */
export function clipByValue(max: number): GradientClip {
  requireNumber("clipByValue", "max", max, { moreThan: 0 });
  return (ops, gradient) => ops.clip(gradient, -max, max);
}
