import type { Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import {
  type GradientContext,
  type GradientRule,
  notCovered,
  outputGradient,
  requireInput,
} from "../gradient-rule.ts";
import { indicator, signOf } from "./elementwise.ts";

/** A reduction, with reduced axes kept as 1 in `g` and `y`. */
interface Reduction {
  readonly ops: Ops;
  readonly x: Value;
  readonly y: Value;
  readonly g: Value;
  readonly axes: readonly number[];
  /** Elements that one result is made of. */
  readonly count: number;
}

/**
 * The rule of a reduction from the gradient of its input, of dims that broadcast to the input's.
 * `isIdentity`: whether reducing no axes gives the input itself.
 */
function reduction(derive: (parts: Reduction) => Value, isIdentity = false): GradientRule {
  return (context) => {
    const { node, ops, needs } = context;
    if (!needs(0)) return [];
    const x = requireInput(context, 0);
    const g = outputGradient(context);
    const dims = ops.dims(x);
    const axes = reducedAxes(context, dims.length);
    if (axes.length === 0) {
      if (isIdentity) return [g];
      throw notCovered(node, "it reduces no axes");
    }
    const kept = dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
    const count = axes.reduce((product, axis) => product * (dims[axis] ?? 1), 1);
    const y = ops.reshape(node.output, kept);
    return [derive({ ops, x, y, g: ops.reshape(g, kept), axes, count })];
  };
}

/** Axes are an input from opset 18 on; none means all, unless `noop_with_empty_axes`. */
function reducedAxes({ node, ops }: GradientContext, rank: number): readonly number[] {
  const input = node.input(1);
  const given = input && ops.numbers(input);
  if (input && !given) throw notCovered(node, "its axes are computed");
  if (!given || given.length === 0) {
    return node.int("noop_with_empty_axes", 0) === 0
      ? Array.from({ length: rank }).map((_, axis) => axis)
      : [];
  }
  return [...new Set(given.map((axis) => (axis < 0 ? axis + rank : axis)))];
}

/** Equal extremes share the gradient evenly, as torch.amax has it. */
const extreme = reduction(({ ops, x, y, g, axes }) => {
  const mask = indicator(ops, ops.equal(x, y), g);
  return ops.mul(mask, ops.div(g, ops.sum(mask, axes, true)));
}, true);

/** x / y, and 0 where the norm is 0. */
const l2 = reduction(({ ops, x, y, g }) =>
  ops.mul(x, ops.div(g, ops.where(ops.equal(y, 0), 1, y))),
);

/** Rules of reductions over some axes or all. */
export const reductionRules: ReadonlyMap<string, GradientRule> = new Map([
  ["ReduceSum", reduction(({ g }) => g, true)],
  ["ReduceMean", reduction(({ ops, g, count }) => ops.mul(g, 1 / count), true)],
  ["ReduceMax", extreme],
  ["ReduceMin", extreme],
  ["ReduceL1", reduction(({ ops, x, g }) => ops.mul(signOf(ops, x), g))],
  ["ReduceL2", l2],
  ["ReduceSumSquare", reduction(({ ops, x, g }) => ops.mul(x, ops.mul(g, 2)))],
  ["ReduceLogSum", reduction(({ ops, y, g }) => ops.div(g, ops.exp(y)))],
  ["ReduceLogSumExp", reduction(({ ops, x, y, g }) => ops.mul(g, ops.exp(ops.sub(x, y))))],
]);
