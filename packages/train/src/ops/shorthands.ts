import { type DataType, dataTypeCode, int, ints, type Value } from "@ocrslim/graph";
import type { OpsCore } from "./ops.ts";

/** A number stands for a scalar constant of the other operand's type. */
export type Operand = Value | number;

type Unary = (x: Value) => Value;
type Binary = (a: Operand, b: Operand) => Value;
type Reduction = (x: Value, axes?: readonly number[], keepDims?: boolean) => Value;

/** Where {@link Shorthands.slice} cuts; as in ONNX, ends are exclusive, negatives count from the end. */
export interface SliceRange {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  /** Default: 1. */
  readonly step?: number;
}

/** One function for each operator that rules, losses and optimizers use often. */
export interface Shorthands {
  readonly add: Binary;
  readonly sub: Binary;
  readonly mul: Binary;
  readonly div: Binary;
  readonly pow: Binary;
  /** The smaller of two, element by element. */
  readonly min: Binary;
  readonly max: Binary;
  /** Comparisons give bools. */
  readonly greater: Binary;
  readonly less: Binary;
  readonly greaterOrEqual: Binary;
  readonly lessOrEqual: Binary;
  readonly equal: Binary;
  readonly and: (a: Value, b: Value) => Value;
  readonly or: (a: Value, b: Value) => Value;
  readonly not: Unary;
  readonly neg: Unary;
  readonly abs: Unary;
  readonly sign: Unary;
  readonly exp: Unary;
  readonly log: Unary;
  readonly sqrt: Unary;
  readonly reciprocal: Unary;
  readonly square: Unary;
  readonly sigmoid: Unary;
  readonly tanh: Unary;
  readonly relu: Unary;
  readonly softplus: Unary;
  /** Limits to [low, high]. */
  clip(x: Value, low: number, high: number): Value;
  where(condition: Value, a: Operand, b: Operand): Value;
  cast(x: Value, dtype: DataType): Value;
  /** Reductions; over all axes by default (a scalar then, unless `keepDims`). `keepDims`: false. */
  readonly sum: Reduction;
  readonly mean: Reduction;
  readonly maximum: Reduction;
  matMul(a: Value, b: Value): Value;
  reshape(x: Value, dims: readonly number[]): Value;
  transpose(x: Value, permutation: readonly number[]): Value;
  expand(x: Value, dims: readonly number[]): Value;
  concat(values: readonly Value[], axis: number): Value;
  slice(x: Value, ranges: readonly SliceRange[]): Value;
  /** Pieces of the given sizes. */
  split(x: Value, sizes: readonly number[], axis: number): readonly Value[];
  /** Zeros around: `before` and `after` for each axis. */
  pad(x: Value, before: readonly number[], after: readonly number[]): Value;
  /** Sums over the axes that broadcasting `dims` to the value's own dims would repeat. */
  sumTo(x: Value, dims: readonly number[]): Value;
}

/** @internal */
export function createShorthands(core: OpsCore): Shorthands {
  const unary =
    (opType: string): Unary =>
    (x) =>
      core.node(opType, [x]);
  const binary =
    (opType: string): Binary =>
    (a, b) => {
      const [left, right] = operands(core, a, b);
      return core.node(opType, [left, right]);
    };
  const reduction =
    (opType: string): Reduction =>
    (x, axes, keepDims = false) => {
      if (axes?.length === 0) return x;
      // ReduceMax takes its axes as an input from 18 on, like all others.
      const inputs = axes ? [x, core.ints(axes)] : [x];
      return core.node(opType, inputs, { keepdims: int(keepDims ? 1 : 0) });
    };
  const reshape: Shorthands["reshape"] = (x, dims) =>
    sameDims(core.dims(x), dims) ? x : core.node("Reshape", [x, core.ints(dims)]);
  const sum = reduction("ReduceSum");
  return {
    add: binary("Add"),
    sub: binary("Sub"),
    mul: binary("Mul"),
    div: binary("Div"),
    pow: binary("Pow"),
    min: binary("Min"),
    max: binary("Max"),
    greater: binary("Greater"),
    less: binary("Less"),
    greaterOrEqual: binary("GreaterOrEqual"),
    lessOrEqual: binary("LessOrEqual"),
    equal: binary("Equal"),
    and: (a, b) => core.node("And", [a, b]),
    or: (a, b) => core.node("Or", [a, b]),
    not: unary("Not"),
    neg: unary("Neg"),
    abs: unary("Abs"),
    sign: unary("Sign"),
    exp: unary("Exp"),
    log: unary("Log"),
    sqrt: unary("Sqrt"),
    reciprocal: unary("Reciprocal"),
    square: (x) => core.node("Mul", [x, x]),
    sigmoid: unary("Sigmoid"),
    tanh: unary("Tanh"),
    relu: unary("Relu"),
    softplus: unary("Softplus"),
    clip: (x, low, high) =>
      core.node("Clip", [x, core.scalar(low, core.dtype(x)), core.scalar(high, core.dtype(x))]),
    where(condition, a, b) {
      const [left, right] = operands(core, a, b);
      return core.node("Where", [condition, left, right]);
    },
    cast: (x, dtype) =>
      core.dtype(x) === dtype ? x : core.node("Cast", [x], { to: int(dataTypeCode(dtype)) }),
    sum,
    mean: reduction("ReduceMean"),
    maximum: reduction("ReduceMax"),
    matMul: (a, b) => core.node("MatMul", [a, b]),
    reshape,
    transpose: (x, permutation) =>
      permutation.every((axis, index) => axis === index)
        ? x
        : core.node("Transpose", [x], { perm: ints(permutation) }),
    expand: (x, dims) =>
      sameDims(core.dims(x), dims) ? x : core.node("Expand", [x, core.ints(dims)]),
    concat: (values, axis) =>
      values.length === 1 && values[0]
        ? values[0]
        : core.node("Concat", values, { axis: int(axis) }),
    slice: (x, ranges) =>
      core.node("Slice", [
        x,
        core.ints(ranges.map((range) => range.start)),
        core.ints(ranges.map((range) => range.end)),
        core.ints(ranges.map((range) => range.axis)),
        core.ints(ranges.map((range) => range.step ?? 1)),
      ]),
    split: (x, sizes, axis) =>
      sizes.length === 1
        ? [x]
        : core.nodes("Split", [x, core.ints(sizes)], sizes.length, { axis: int(axis) }),
    pad: (x, before, after) =>
      [...before, ...after].every((count) => count === 0)
        ? x
        : core.node("Pad", [x, core.ints([...before, ...after])]),
    sumTo(x, dims) {
      const from = core.dims(x);
      const added = from.length - dims.length;
      const axes = from.flatMap((dim, axis) =>
        axis < added || (dims[axis - added] === 1 && dim !== 1) ? [axis] : [],
      );
      return reshape(axes.length === 0 ? x : sum(x, axes, true), dims);
    },
  };
}

function operands(core: OpsCore, a: Operand, b: Operand): readonly [Value, Value] {
  const dtype =
    typeof a === "number" ? (typeof b === "number" ? "float32" : core.dtype(b)) : core.dtype(a);
  const lift = (operand: Operand): Value =>
    typeof operand === "number" ? core.scalar(operand, dtype) : operand;
  return [lift(a), lift(b)];
}

function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}
