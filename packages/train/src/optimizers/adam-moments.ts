import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import type { UpdateContext } from "./optimizer.ts";
import { requireNumber } from "./require-number.ts";

/** Options that adam and adamW share. */
export interface AdamOptions {
  /** Decay of the mean of gradients, [0, 1). Default: 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients, [0, 1). Default: 0.999. */
  readonly beta2?: number;
  /** Is added to the root of the corrected mean of squares, above 0. Default: 1e-8. */
  readonly epsilon?: number;
  /** Weight decay λ, 0 or more. Default: 0 (adam), 0.01 (adamW). */
  readonly weightDecay?: number;
  /** Whether to divide by the greatest mean of squares so far (Reddi et al. 2018). Default: false. */
  readonly amsgrad?: boolean;
}

/** @internal */
export type AdamSettings = Required<AdamOptions>;

/** @internal */
export function adamSettings(
  name: string,
  options: AdamOptions,
  defaultDecay: number,
): AdamSettings {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false } = options;
  const { weightDecay = defaultDecay } = options;
  requireNumber(name, "beta1", beta1, { atLeast: 0, lessThan: 1 });
  requireNumber(name, "beta2", beta2, { atLeast: 0, lessThan: 1 });
  requireNumber(name, "epsilon", epsilon, { moreThan: 0 });
  requireNumber(name, "weightDecay", weightDecay, { atLeast: 0 });
  return { beta1, beta2, epsilon, weightDecay, amsgrad };
}

/** @internal */
export function adamSlots({ amsgrad }: AdamSettings): readonly string[] {
  return amsgrad ? ["m", "v", "vMax"] : ["m", "v"];
}

/**
 * The step of Adam that is to be taken off the parameters, and the new slots:
 *
 *   m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²
 *   step = rate·(m / c₁) / (√(v / c₂) + ε),   cᵢ = 1 − βᵢᵗ
 *        = (rate·√c₂ / c₁) · m / (√v + ε·√c₂)
 *
 * The second form corrects scalars rather than vectors, so it passes over memory less often.
 * @internal
 */
export function adamStep(
  context: UpdateContext,
  gradient: Value,
  { beta1, beta2, epsilon, amsgrad }: AdamSettings,
): { readonly step: Value; readonly slots: readonly Value[] } {
  const { ops, slots, learningRate, update } = context;
  const [oldMean, oldSquares, oldGreatest] = slots as readonly [Value, Value, Value?];
  const mean = blend(ops, oldMean, gradient, beta1);
  const squares = blend(ops, oldSquares, ops.square(gradient), beta2);
  const greatest = amsgrad && oldGreatest ? ops.max(oldGreatest, squares) : undefined;
  const root = ops.sqrt(oneMinusPower(ops, beta2, update));
  const rate = ops.mul(learningRate, ops.div(root, oneMinusPower(ops, beta1, update)));
  const divisor = ops.add(ops.sqrt(greatest ?? squares), ops.mul(root, epsilon));
  const step = ops.mul(ops.div(mean, divisor), rate);
  return { step, slots: greatest ? [mean, squares, greatest] : [mean, squares] };
}

/** β·average + (1 − β)·x */
function blend(ops: Ops, average: Value, x: Value, beta: number): Value {
  return ops.add(ops.mul(average, beta), ops.mul(x, 1 - beta));
}

/**
 * 1 − βᵗ, as 2h / (1 + h) with h = tanh(−t·ln β / 2). In float32 it is right to the last digits from
 * t = 1 on, where 1 − Pow(β, t) has four right digits of seven for β = 0.999; no float64 is needed.
 */
function oneMinusPower(ops: Ops, beta: number, update: Value): Value {
  const half = ops.tanh(ops.mul(update, -Math.log(beta) / 2));
  return ops.div(ops.mul(half, 2), ops.add(half, 1));
}
