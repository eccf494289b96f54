import type { Lowering, LoweringEntry } from "../lowering.ts";
import { select } from "../operations.ts";
import { type Tfjs, type TfTensor, tfDtype } from "../tfjs.ts";

/** Comparisons are of numbers: bools count as 0 and 1. */
const compare =
  (compute: (tf: Tfjs, a: TfTensor, b: TfTensor) => TfTensor): Lowering =>
  ({ tf, input }) => {
    const number = (x: TfTensor): TfTensor => (x.dtype === "bool" ? tf.cast(x, "int32") : x);
    return [compute(tf, number(input(0)), number(input(1)))];
  };

const logical =
  (compute: (tf: Tfjs, a: TfTensor, b: TfTensor) => TfTensor): Lowering =>
  ({ tf, input }) => [compute(tf, input(0), input(1))];

const cast: Lowering = ({ tf, input, outputDtype }) => {
  const x = input(0);
  const dtype = tfDtype(outputDtype());
  if (x.dtype === dtype) return [x];
  return [tf.cast(x, dtype)];
};

/** Comparisons, bools and types. */
export const logicLowerings: readonly LoweringEntry[] = [
  ["Equal", compare((tf, a, b) => tf.equal(a, b))],
  ["Greater", compare((tf, a, b) => tf.greater(a, b))],
  ["GreaterOrEqual", compare((tf, a, b) => tf.greaterEqual(a, b))],
  ["Less", compare((tf, a, b) => tf.less(a, b))],
  ["LessOrEqual", compare((tf, a, b) => tf.lessEqual(a, b))],
  ["And", logical((tf, a, b) => tf.logicalAnd(a, b))],
  ["Or", logical((tf, a, b) => tf.logicalOr(a, b))],
  ["Xor", logical((tf, a, b) => tf.logicalXor(a, b))],
  ["Not", ({ tf, input }) => [tf.logicalNot(input(0))]],
  ["IsNaN", ({ tf, input }) => [tf.isNaN(input(0))]],
  ["IsInf", ({ tf, input }) => [tf.isInf(input(0))]],
  ["Where", ({ tf, input }) => [select(tf, input(0), input(1), input(2))]],
  ["Cast", cast],
  ["CastLike", cast],
];
