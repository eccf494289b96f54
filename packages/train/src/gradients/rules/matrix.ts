import { type AttributeContent, elementCount, float, int, type Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import { type GradientRule, notCovered, outputGradient, requireInput } from "../gradient-rule.ts";
import { multiplyByTransposed } from "../matrix-products.ts";

/**
 * Y = A·B over the last two axes, the others broadcast: dA = dY·Bᵀ and dB = Aᵀ·dY, summed over what
 * was repeated. One-dimensional operands are a row and a column.
 */
const matMul: GradientRule = (context) => {
  const { ops, needs } = context;
  const a = requireInput(context, 0);
  const b = requireInput(context, 1);
  const left = ops.dims(a);
  const right = ops.dims(b);
  const rowDims = left.length === 1 ? [1, ...left] : left;
  const columnDims = right.length === 1 ? [...right, 1] : right;
  const batch = ops
    .dims(outputGradient(context))
    .slice(0, Math.max(left.length, right.length, 2) - 2);
  const rows = ops.reshape(a, rowDims);
  const columns = ops.reshape(b, columnDims);
  const gradient = ops.reshape(outputGradient(context), [
    ...batch,
    rowDims.at(-2) ?? 1,
    columnDims.at(-1) ?? 1,
  ]);
  return [
    needs(0) ? ops.reshape(leftGradient(ops, gradient, rows, columns), left) : undefined,
    needs(1) ? ops.reshape(rightGradient(ops, gradient, rows, columns), right) : undefined,
  ];
};

function leftGradient(ops: Ops, gradient: Value, a: Value, b: Value): Value {
  const dims = ops.dims(a);
  const other = ops.dims(b);
  if (countBatch(other) === 1) {
    const matrix = ops.reshape(b, other.slice(-2));
    return ops.sumTo(
      ops.reshape(gemm(ops, flatten(ops, gradient), matrix, { transB: int(1) }), [
        ...ops.dims(gradient).slice(0, -1),
        other.at(-2) ?? 1,
      ]),
      dims,
    );
  }
  const rank = Math.max(dims.length, other.length);
  return ops.sumTo(multiplyByTransposed(ops, lift(ops, gradient, rank), lift(ops, b, rank)), dims);
}

function rightGradient(ops: Ops, gradient: Value, a: Value, b: Value): Value {
  const dims = ops.dims(b);
  if (countBatch(dims) === 1) {
    // All rows of the batch meet in one product.
    const product = gemm(ops, flatten(ops, a), flatten(ops, gradient), { transA: int(1) });
    return ops.reshape(product, dims);
  }
  const rank = ops.dims(a).length;
  const turned = ops.transpose(a, [...Array(rank - 2).keys(), rank - 1, rank - 2]);
  return ops.sumTo(ops.matMul(turned, gradient), dims);
}

const countBatch = (dims: readonly number[]): number => elementCount(dims.slice(0, -2));

/** [..., M, K] → [… · M, K]. */
function flatten(ops: Ops, value: Value): Value {
  const dims = ops.dims(value);
  return ops.reshape(value, [countBatch(dims) * (dims.at(-2) ?? 1), dims.at(-1) ?? 1]);
}

/** Leading axes of 1 up to the rank. */
function lift(ops: Ops, value: Value, rank: number): Value {
  const dims = ops.dims(value);
  return ops.reshape(value, [...Array<number>(rank - dims.length).fill(1), ...dims]);
}

function gemm(
  ops: Ops,
  a: Value,
  b: Value,
  attributes: Readonly<Record<string, AttributeContent>>,
): Value {
  return ops.node("Gemm", [a, b], attributes);
}

/**
 * Y = α·A'·B' + β·C, where A' is A or its transpose: dA' = α·dY·B'ᵀ, dB' = α·A'ᵀ·dY, dC = β·dY,
 * summed over what was repeated.
 */
const gemmRule: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const gradient = outputGradient(context);
  const a = requireInput(context, 0);
  const b = requireInput(context, 1);
  const transA = node.int("transA", 0) !== 0;
  const transB = node.int("transB", 0) !== 0;
  const beta = node.float("beta", 1);
  const multiply = (left: Value, right: Value, turnLeft: boolean, turnRight: boolean): Value =>
    gemm(ops, left, right, {
      alpha: float(node.float("alpha", 1)),
      transA: int(turnLeft ? 1 : 0),
      transB: int(turnRight ? 1 : 0),
    });
  const ofA = (): Value =>
    transA ? multiply(b, gradient, transB, true) : multiply(gradient, b, false, !transB);
  const ofB = (): Value =>
    transB ? multiply(gradient, a, true, transA) : multiply(a, gradient, !transA, false);
  const ofC = (): Value => {
    const summed = ops.sumTo(gradient, ops.dims(requireInput(context, 2)));
    return beta === 1 ? summed : ops.mul(summed, beta);
  };
  return [needs(0) ? ofA() : undefined, needs(1) ? ofB() : undefined, needs(2) ? ofC() : undefined];
};

/**
 * Einsum without ellipsis or a letter twice in a term: the gradient of an operand is the Einsum of
 * the output's gradient and the other operands, repeated along the letters that only it has.
 */
const einsum: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const gradient = outputGradient(context);
  const equation = node.string("equation", "").replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  const terms = left.split(",");
  const letters = [...left].filter((letter) => letter !== ",");
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  const output = right ?? once.sort().join("");
  if ([...terms, output].some((term) => term.includes(".") || new Set(term).size < term.length)) {
    throw notCovered(node, `equation "${equation}" has an ellipsis or a letter twice in a term`);
  }
  const sizes = new Map<string, number>();
  terms.forEach((term, index) => {
    const dims = ops.dims(requireInput(context, index));
    [...term].forEach((letter, axis) => {
      const size = dims[axis] ?? 1;
      const known = sizes.get(letter);
      if (known !== undefined && known !== size) {
        throw notCovered(node, `equation "${equation}" broadcasts "${letter}"`);
      }
      sizes.set(letter, size);
    });
  });
  return terms.map((term, index) => {
    if (!needs(index)) return undefined;
    const others = terms.filter((_, other) => other !== index);
    const seen = new Set([output, ...others].join(""));
    const kept = [...term].filter((letter) => seen.has(letter));
    const operands = others.length === 0 ? [] : node.inputs.filter((_, other) => other !== index);
    const product = ops.node("Einsum", [gradient, ...operands], {
      equation: { type: "string", value: `${[output, ...others].join(",")}->${kept.join("")}` },
    });
    const dims = [...term].map((letter) => (seen.has(letter) ? (sizes.get(letter) ?? 1) : 1));
    return ops.expand(ops.reshape(product, dims), ops.dims(requireInput(context, index)));
  });
};

/** Matrix products. */
export const matrixRules: ReadonlyMap<string, GradientRule> = new Map([
  ["MatMul", matMul],
  ["Gemm", gemmRule],
  ["Einsum", einsum],
]);
