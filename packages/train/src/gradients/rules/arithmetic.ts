import { Tensor, type Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import { type GradientRule, outputGradient, requireInput } from "../gradient-rule.ts";
import { elementwise, signOf } from "./elementwise.ts";
import { extremeRules } from "./extremes.ts";

/** Operands are broadcast: their gradients are summed to their dims. */
const add: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const g = outputGradient(context);
  return node.inputs.map((input, index) =>
    input && needs(index) ? ops.sumTo(g, ops.dims(input)) : undefined,
  );
};

const sub: GradientRule = (context) => {
  const { ops, needs } = context;
  const g = outputGradient(context);
  const [a, b] = [requireInput(context, 0), requireInput(context, 1)];
  return [
    needs(0) ? ops.sumTo(g, ops.dims(a)) : undefined,
    needs(1) ? ops.neg(ops.sumTo(g, ops.dims(b))) : undefined,
  ];
};

const mul: GradientRule = (context) => {
  const { ops, needs } = context;
  const g = outputGradient(context);
  const [a, b] = [requireInput(context, 0), requireInput(context, 1)];
  if (a === b) return needs(0) ? [ops.mul(ops.mul(g, a), 2)] : [];
  return [
    needs(0) ? ops.sumTo(ops.mul(g, b), ops.dims(a)) : undefined,
    needs(1) ? ops.sumTo(ops.mul(g, a), ops.dims(b)) : undefined,
  ];
};

/** g / b, and −Σ(g·y) / b: a broadcast divisor divides the sums only. */
const div: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const g = outputGradient(context);
  const [a, b] = [requireInput(context, 0), requireInput(context, 1)];
  return [
    needs(0) ? ops.sumTo(ops.div(g, b), ops.dims(a)) : undefined,
    needs(1) ? ops.neg(ops.div(ops.sumTo(ops.mul(g, node.output), ops.dims(b)), b)) : undefined,
  ];
};

/**
 * x: p·x^(p − 1), and 0 where p = 0. p: y·log(x), and 0 where x = 0. The exponent may be of another
 * type, also an integer.
 */
const pow: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const g = outputGradient(context);
  const [x, exponent] = [requireInput(context, 0), requireInput(context, 1)];
  const forExponent = (): Value => {
    const safe = ops.where(ops.equal(x, 0), 1, x);
    const each = ops.mul(g, ops.mul(node.output, ops.log(safe)));
    return ops.cast(ops.sumTo(each, ops.dims(exponent)), ops.dtype(exponent));
  };
  return [
    needs(0)
      ? ops.sumTo(ops.mul(g, powerSlope(ops, x, exponent, node.output)), ops.dims(x))
      : undefined,
    needs(1) ? forExponent() : undefined,
  ];
};

/** p·x^(p − 1), of x or of what it is broadcast to; common powers without Pow. */
function powerSlope(ops: Ops, x: Value, exponent: Value, y: Value): Value {
  const dtype = ops.dtype(x);
  const known = ops.numbers(exponent);
  const [first] = known ?? [];
  if (known && first !== undefined && known.every((power) => power === first)) {
    // One power for all; its slope still has the dims that broadcasting gives, if it adds any.
    const slope = uniformSlope(ops, x, first, y);
    if (slope) return slope;
  }
  if (known) {
    const dims = ops.dims(exponent);
    const constant = (values: readonly number[]): Value =>
      ops.cast(ops.constant(Tensor.float32(dims, values)), dtype);
    const factor = constant(known);
    return ops.mul(
      ops.pow(x, constant(known.map((power) => (power === 0 ? 1 : power - 1)))),
      factor,
    );
  }
  const power = ops.cast(exponent, dtype);
  const lowered = ops.where(ops.equal(power, 0), 1, ops.sub(power, 1));
  return ops.mul(ops.pow(x, lowered), power);
}

function uniformSlope(ops: Ops, x: Value, power: number, y: Value): Value | undefined {
  switch (power) {
    case 1:
      return ops.scalar(1, ops.dtype(x));
    case 2:
      return ops.mul(x, 2);
    case 3:
      return ops.mul(ops.square(x), 3);
    case 0.5:
      return ops.div(0.5, y);
    case -1:
      return ops.neg(ops.square(y));
    default:
      return undefined;
  }
}

const mean: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const count = node.inputs.length;
  const g = outputGradient(context);
  return node.inputs.map((input, index) =>
    input && needs(index) ? ops.mul(ops.sumTo(g, ops.dims(input)), 1 / count) : undefined,
  );
};

const neg = elementwise(({ ops, g }) => ops.neg(g));
const abs = elementwise(({ ops, x, g }) => ops.mul(g, signOf(ops, x)));
const sqrt = elementwise(({ ops, y, g }) => ops.mul(ops.div(g, y), 0.5));
const exp = elementwise(({ ops, y, g }) => ops.mul(g, y));
const log = elementwise(({ ops, x, g }) => ops.div(g, x));
const reciprocal = elementwise(({ ops, y, g }) => ops.neg(ops.mul(g, ops.square(y))));
const sin = elementwise(({ ops, x, g }) => ops.mul(g, ops.node("Cos", [x])));
const cos = elementwise(({ ops, x, g }) => ops.neg(ops.mul(g, ops.node("Sin", [x]))));

/** 2/√π·exp(−x²) */
const erf = elementwise(({ ops, x, g }) =>
  ops.mul(ops.mul(g, ops.exp(ops.neg(ops.square(x)))), 2 / Math.sqrt(Math.PI)),
);

/** Rules of arithmetic, with broadcasting. */
export const arithmeticRules: ReadonlyMap<string, GradientRule> = new Map([
  ...extremeRules,
  ["Add", add],
  ["Sum", add],
  ["Sub", sub],
  ["Mul", mul],
  ["Div", div],
  ["Pow", pow],
  ["Mean", mean],
  ["Neg", neg],
  ["Abs", abs],
  ["Sqrt", sqrt],
  ["Exp", exp],
  ["Log", log],
  ["Reciprocal", reciprocal],
  ["Sin", sin],
  ["Cos", cos],
  ["Erf", erf],
]);
