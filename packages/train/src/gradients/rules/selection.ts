import type { Value } from "@ocrslim/graph";
import { type GradientRule, notCovered, outputGradient, requireInput } from "../gradient-rule.ts";
import { elementwise, indicator } from "./elementwise.ts";

/** Each operand gets the gradient where it is chosen; one mask serves both. */
const where: GradientRule = (context) => {
  const { ops, needs } = context;
  const condition = requireInput(context, 0);
  const [a, b] = [requireInput(context, 1), requireInput(context, 2)];
  const g = outputGradient(context);
  const chosen = (mask: Value): Value => ops.mul(g, indicator(ops, mask, g));
  const first = needs(1) ? chosen(condition) : undefined;
  const second = (): Value => (first ? ops.sub(g, first) : chosen(ops.not(condition)));
  return [
    undefined,
    first && ops.sumTo(first, ops.dims(a)),
    needs(2) ? ops.sumTo(second(), ops.dims(b)) : undefined,
  ];
};

const identity = elementwise(({ g }) => g);

/** Between floating types; what comes from an integer or a bool has no gradient. */
const cast: GradientRule = (context) => {
  const { ops, needs } = context;
  const x = requireInput(context, 0);
  const isFloat = ops.dtype(x).includes("float");
  return [needs(0) && isFloat ? ops.cast(outputGradient(context), ops.dtype(x)) : undefined];
};

/** y = x in inference, x·mask / (1 − ratio) in training, with the mask that the node gives out. */
const dropout: GradientRule = (context) => {
  const { node, ops, needs } = context;
  if (!needs(0)) return [];
  const g = outputGradient(context);
  const mode = node.input(2);
  const training = mode && ops.numbers(mode);
  if (mode && !training) throw notCovered(node, "training_mode is computed");
  if (!training || training[0] === 0) return [g];
  const mask = node.outputs[1];
  if (!mask) throw notCovered(node, "it trains, and its mask is no output");
  const ratio = node.input(1);
  const known = ratio ? ops.numbers(ratio)?.[0] : 0.5;
  const kept = ops.mul(g, indicator(ops, mask, g));
  if (known !== undefined) return [known === 0 ? kept : ops.mul(kept, 1 / (1 - known))];
  const computed = ops.cast(requireInput(context, 1), ops.dtype(g));
  return [ops.div(kept, ops.sub(1, computed))];
};

/** Rules of operators that pass values on unchanged, or choose among them. */
export const selectionRules: ReadonlyMap<string, GradientRule> = new Map([
  ["Where", where],
  ["Identity", identity],
  ["Cast", cast],
  ["Dropout", dropout],
]);
