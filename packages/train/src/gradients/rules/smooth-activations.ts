import type { Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import { type GradientRule, notCovered } from "../gradient-rule.ts";
import { type ElementwiseParts, elementwise } from "./elementwise.ts";

/** y·(1 − y) */
const sigmoid = elementwise(({ ops, y, g }) => ops.mul(ops.mul(g, y), ops.sub(1, y)));

/** 1 − y² */
const tanh = elementwise(({ ops, y, g }) => ops.mul(g, ops.sub(1, ops.square(y))));

/** σ(x) */
const softplus = elementwise(({ ops, x, g }) => ops.mul(g, ops.sigmoid(x)));

/** 1 / (1 + |x|)² = (1 − |y|)² */
const softsign = elementwise(({ ops, y, g }) => ops.mul(g, ops.square(ops.sub(1, ops.abs(y)))));

/** y = x·σ(αx): σ + α·y·(1 − σ) */
const swish = elementwise(({ node, ops, x, y, g }) => {
  const alpha = node.float("alpha", 1);
  const gate = ops.sigmoid(alpha === 1 ? x : ops.mul(x, alpha));
  const turn = ops.mul(alpha === 1 ? y : ops.mul(y, alpha), ops.sub(1, gate));
  return ops.mul(g, ops.add(gate, turn));
});

/** y = x·t, t = tanh(softplus(x)): t + x·(1 − t²)·σ(x) */
const mish = elementwise(({ ops, x, g }) => {
  const t = ops.tanh(ops.softplus(x));
  const turn = ops.mul(ops.mul(x, ops.sigmoid(x)), ops.sub(1, ops.square(t)));
  return ops.mul(g, ops.add(t, turn));
});

/** Hendrycks and Gimpel, "Gaussian Error Linear Units", with the exact Φ or its tanh form. */
const gelu = elementwise((parts) => {
  const { node, ops, g } = parts;
  const approximate = node.string("approximate", "none");
  if (approximate === "none") return ops.mul(g, exactGelu(parts));
  if (approximate === "tanh") return ops.mul(g, tanhGelu(ops, parts.x));
  throw notCovered(node, `approximate is "${approximate}", not none or tanh`);
});

/** Φ(x) + x·φ(x) with u = x/√2: (1 + erf(u)) / 2 + u·exp(−u²) / √π */
function exactGelu({ ops, x }: Pick<ElementwiseParts, "ops" | "x">): Value {
  const u = ops.mul(x, Math.SQRT1_2);
  const distribution = ops.add(ops.mul(ops.node("Erf", [u]), 0.5), 0.5);
  const bell = ops.exp(ops.neg(ops.square(u)));
  return ops.add(distribution, ops.mul(ops.mul(u, bell), 1 / Math.sqrt(Math.PI)));
}

/** y = x·(1 + t) / 2, t = tanh(k·(x + a·x³)): (1 + t)/2 + x·(1 − t²)·k·(1 + 3a·x²) / 2 */
function tanhGelu(ops: Ops, x: Value): Value {
  const k = Math.sqrt(2 / Math.PI);
  const a = 0.044715;
  const square = ops.square(x);
  const t = ops.tanh(ops.mul(x, ops.add(ops.mul(square, k * a), k)));
  const slope = ops.add(ops.mul(square, 1.5 * k * a), 0.5 * k);
  const turn = ops.mul(ops.mul(x, slope), ops.sub(1, ops.square(t)));
  return ops.add(ops.add(ops.mul(t, 0.5), 0.5), turn);
}

/** Rules of activation functions without kinks. */
export const smoothActivationRules: readonly (readonly [string, GradientRule])[] = [
  ["Sigmoid", sigmoid],
  ["Tanh", tanh],
  ["Softplus", softplus],
  ["Softsign", softsign],
  ["Swish", swish],
  ["Mish", mish],
  ["Gelu", gelu],
];
