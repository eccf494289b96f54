import type { Node, Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import { type GradientRule, outputGradient } from "../gradient-rule.ts";
import { heaviside, indicator } from "./elementwise.ts";

/** The gradient goes to the operand that is chosen; equal ones share it evenly. */
function extreme(direction: 1 | -1): GradientRule {
  return (context) => {
    const { node, ops, needs } = context;
    const g = outputGradient(context);
    const inputs = node.inputs.filter((input) => input !== undefined);
    const shares = inputs.length === 2 ? ofPair : ofMany;
    const parts = inputs.length === 1 ? [g] : shares(ops, node, inputs, g, direction, needs);
    return inputs.map((input, index) => {
      const part = parts[index];
      return part && needs(index) ? ops.sumTo(part, ops.dims(input)) : undefined;
    });
  };
}

/** One mask, 1 where the first wins, 1/2 where both are equal; the other gets the rest. */
function ofPair(
  ops: Ops,
  _node: Node,
  [a, b]: readonly Value[],
  g: Value,
  direction: 1 | -1,
  needs: (index: number) => boolean,
): readonly (Value | undefined)[] {
  if (!a || !b) return [];
  const part = (winner: Value, other: Value): Value => {
    const lead = direction === 1 ? ops.sub(winner, other) : ops.sub(other, winner);
    return ops.mul(g, heaviside(ops, lead, 0.5));
  };
  if (!needs(0)) return [undefined, part(b, a)];
  const first = part(a, b);
  return [first, needs(1) ? ops.sub(g, first) : undefined];
}

function ofMany(
  ops: Ops,
  node: Node,
  inputs: readonly Value[],
  g: Value,
): readonly (Value | undefined)[] {
  const masks = inputs.map((input) => indicator(ops, ops.equal(input, node.output), g));
  const share = ops.div(g, ops.node("Sum", masks));
  return masks.map((mask) => ops.mul(share, mask));
}

export const extremeRules: readonly (readonly [string, GradientRule])[] = [
  ["Max", extreme(1)],
  ["Min", extreme(-1)],
];
