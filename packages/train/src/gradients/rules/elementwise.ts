import { float, type Node, type Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import { type GradientRule, outputGradient, requireInput } from "../gradient-rule.ts";

/** What the derivative of y = f(x) is written from. */
export interface ElementwiseParts {
  readonly node: Node;
  readonly ops: Ops;
  readonly x: Value;
  readonly y: Value;
  /** Gradient of the loss with respect to y. */
  readonly g: Value;
}

/** The rule of an operator of one operand and no broadcasting; the function gives g · f′(x). */
export function elementwise(derive: (parts: ElementwiseParts) => Value): GradientRule {
  return (context) => {
    const { node, ops, needs } = context;
    if (!needs(0)) return [];
    const x = requireInput(context, 0);
    return [derive({ node, ops, x, y: node.output, g: outputGradient(context) })];
  };
}

/** All numbers beyond ±2⁻⁶³ are off the ramp of this slope; none below 2⁶⁴ overflows on it. */
const STEEPNESS = 2 ** 63;

/**
 * 0 where x < 0, 1 where x > 0, and `atZero` at 0, of x's type: clip(2⁶³·x + atZero, 0, 1). ONNX
 * Runtime computes a HardSigmoid in one vectorised pass on all threads; a comparison and a Cast are
 * two, and Where is slower than both, as it makes two selections and merges them. It has no
 * HardSigmoid of doubles on the CPU.
 */
export function heaviside(ops: Ops, x: Value, atZero: 0 | 0.5 | 1): Value {
  if (ops.dtype(x) === "float32") {
    return ops.node("HardSigmoid", [x], { alpha: float(STEEPNESS), beta: float(atZero) });
  }
  const above = (): Value => indicator(ops, ops.greater(x, 0), x);
  const notBelow = (): Value => indicator(ops, ops.greaterOrEqual(x, 0), x);
  if (atZero === 0) return above();
  return atZero === 1 ? notBelow() : ops.mul(ops.add(above(), notBelow()), 0.5);
}

/**
 * −1, 0 or 1: clip(2⁶³·x, −1, 1). On the CPU, ONNX Runtime's Sign gains nothing from threads and takes
 * longer than these two passes.
 */
export function signOf(ops: Ops, x: Value): Value {
  return ops.clip(ops.mul(x, STEEPNESS), -1, 1);
}

/** 1 where the condition holds, else 0, of the type of `like`. */
export function indicator(ops: Ops, condition: Value, like: Value): Value {
  return ops.cast(condition, ops.dtype(like));
}
