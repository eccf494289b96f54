import type { Lowering, LoweringEntry } from "../lowering.ts";
import { detach, maximum, minimum } from "../operations.ts";
import type { Tfjs, TfTensor } from "../tfjs.ts";

type Unary = (tf: Tfjs, x: TfTensor) => TfTensor;
type Binary = (tf: Tfjs, a: TfTensor, b: TfTensor) => TfTensor;

const unary =
  (compute: Unary): Lowering =>
  ({ tf, input }) => [compute(tf, input(0))];

const binary =
  (compute: Binary): Lowering =>
  ({ tf, input }) => [compute(tf, input(0), input(1))];

/** Any number of inputs, broadcast pair by pair. */
const variadic =
  (compute: Binary, finish: (tf: Tfjs, total: TfTensor, count: number) => TfTensor): Lowering =>
  ({ tf, node, input }) => {
    let total = input(0);
    for (let index = 1; index < node.inputs.length; index++) {
      total = compute(tf, total, input(index));
    }
    return [finish(tf, total, node.inputs.length)];
  };

/** Towards zero; flat, as floor and ceil are. */
function truncate(tf: Tfjs, x: TfTensor): TfTensor {
  return detach(tf, tf.mul(tf.sign(x), tf.floor(tf.abs(x))));
}

/** Integers are divided towards zero. */
const divide: Binary = (tf, a, b) =>
  a.dtype === "int32"
    ? tf.cast(truncate(tf, tf.div(tf.cast(a, "float32"), tf.cast(b, "float32"))), "int32")
    : tf.div(a, b);

/** fmod = 0 has the divisor's sign, 1 the dividend's. */
const modulo: Lowering = ({ tf, node, input }) => {
  const a = input(0);
  const b = input(1);
  if (node.int("fmod", 0) === 0) return [tf.mod(a, b)];
  const quotient = truncate(tf, tf.div(tf.cast(a, "float32"), tf.cast(b, "float32")));
  return [tf.sub(a, tf.mul(b, tf.cast(quotient, b.dtype)))];
};

const add: Binary = (tf, a, b) => tf.add(a, b);
const same = (_: Tfjs, total: TfTensor): TfTensor => total;

/** Element by element, with broadcasting. */
export const arithmeticLowerings: readonly LoweringEntry[] = [
  ["Add", binary(add)],
  ["Sub", binary((tf, a, b) => tf.sub(a, b))],
  ["Mul", binary((tf, a, b) => tf.mul(a, b))],
  ["Div", binary(divide)],
  ["Mod", modulo],
  ["Pow", binary((tf, a, b) => tf.pow(a, tf.cast(b, a.dtype)))],
  ["Sum", variadic(add, same)],
  ["Mean", variadic(add, (tf, total, count) => tf.div(total, count))],
  ["Min", variadic(minimum, same)],
  ["Max", variadic(maximum, same)],
  ["Neg", unary((tf, x) => tf.neg(x))],
  ["Abs", unary((tf, x) => tf.abs(x))],
  ["Sign", unary((tf, x) => tf.sign(x))],
  ["Exp", unary((tf, x) => tf.exp(x))],
  ["Log", unary((tf, x) => tf.log(x))],
  ["Sqrt", unary((tf, x) => tf.sqrt(x))],
  ["Reciprocal", unary((tf, x) => tf.reciprocal(x))],
  ["Floor", unary((tf, x) => tf.floor(x))],
  ["Ceil", unary((tf, x) => tf.ceil(x))],
  ["Round", unary((tf, x) => tf.round(x))],
  ["Sin", unary((tf, x) => tf.sin(x))],
  ["Cos", unary((tf, x) => tf.cos(x))],
  ["Tan", unary((tf, x) => tf.tan(x))],
  ["Asin", unary((tf, x) => tf.asin(x))],
  ["Acos", unary((tf, x) => tf.acos(x))],
  ["Atan", unary((tf, x) => tf.atan(x))],
  ["Sinh", unary((tf, x) => tf.sinh(x))],
  ["Cosh", unary((tf, x) => tf.cosh(x))],
  ["Asinh", unary((tf, x) => tf.asinh(x))],
  ["Acosh", unary((tf, x) => tf.acosh(x))],
  ["Atanh", unary((tf, x) => tf.atanh(x))],
  ["Erf", unary((tf, x) => tf.erf(x))],
];
