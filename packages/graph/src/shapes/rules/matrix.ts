import type { DataType } from "../../ir/data-type.ts";
import { broadcastDims, broadcastPair, formatDims } from "../dims.ts";
import { mismatch, type ShapeRule, type ShapeRuleContext } from "../shape-rule.ts";

function matMulDims(
  context: ShapeRuleContext,
  leftIndex: number,
  rightIndex: number,
): readonly number[] | undefined {
  const { node } = context;
  const left = context.dims(leftIndex);
  const right = context.dims(rightIndex);
  if (!left || !right) return undefined;
  if (left.length === 0 || right.length === 0) throw mismatch(node, "an operand is a scalar");
  const rows = left.length > 1 ? left.slice(-2, -1) : [];
  const columns = right.length > 1 ? right.slice(-1) : [];
  const inner = left[left.length - 1];
  const rightInner = right.length > 1 ? right[right.length - 2] : right[0];
  if (inner !== rightInner) {
    throw mismatch(
      node,
      `inner dims of ${formatDims(left)} and ${formatDims(right)} differ: ${inner} and ${rightInner}`,
    );
  }
  const batch = broadcastDims(node, [left.slice(0, -2), right.slice(0, -2)]);
  return [...batch, ...rows, ...columns];
}

const matMul =
  (
    left: number,
    right: number,
    typeOf: (context: ShapeRuleContext) => DataType | undefined,
  ): ShapeRule =>
  (context) => [{ dims: matMulDims(context, left, right), dtype: typeOf(context) }];

const gemm: ShapeRule = (context) => {
  const { node } = context;
  const left = context.dims(0);
  const right = context.dims(1);
  const dtype = context.dtype(0);
  if (!left || !right) return [{ dtype }];
  const [rows, inner] = node.int("transA", 0) ? [left[1], left[0]] : [left[0], left[1]];
  const [rightInner, columns] = node.int("transB", 0) ? [right[1], right[0]] : [right[0], right[1]];
  if (left.length !== 2 || right.length !== 2 || inner !== rightInner) {
    throw mismatch(
      node,
      `${formatDims(left)} (transA = ${node.int("transA", 0)}) and ${formatDims(right)} (transB = ${node.int("transB", 0)}) cannot be multiplied`,
    );
  }
  const dims = [rows ?? 0, columns ?? 0];
  const bias = context.dims(2);
  if (bias && broadcastPair(dims, bias)?.join() !== dims.join()) {
    throw mismatch(node, `bias ${formatDims(bias)} does not broadcast to ${formatDims(dims)}`);
  }
  return [{ dims, dtype }];
};

/** An Einsum equation, spaces removed, with its output written out. */
interface EinsumEquation {
  readonly inputs: readonly string[];
  readonly output: string;
}

/** Parses an Einsum equation; without an arrow, the output has the letters that occur once. */
function parseEinsum(equation: string): EinsumEquation {
  const [left = "", right] = equation.replaceAll(" ", "").split("->");
  const inputs = left.split(",");
  if (right !== undefined) return { inputs, output: right };
  const letters = [...left].filter((letter) => /[a-zA-Z]/.test(letter));
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter));
  return { inputs, output: (left.includes("...") ? "..." : "") + once.sort().join("") };
}

const einsum: ShapeRule = (context) => {
  const { node } = context;
  const dtype = context.dtype(0);
  const { inputs, output } = parseEinsum(node.string("equation", ""));
  const sizes = new Map<string, number>();
  let ellipsis: readonly number[] = [];
  for (const [index, term] of inputs.entries()) {
    const dims = context.dims(index);
    if (!dims) return [{ dtype }];
    const [before = "", after] = term.split("...");
    const letters = [...before, ...(after ?? "")];
    const extra = dims.length - letters.length;
    if (after === undefined ? extra !== 0 : extra < 0) {
      throw mismatch(node, `term "${term}" does not fit input ${formatDims(dims)}`);
    }
    ellipsis = broadcastDims(node, [ellipsis, dims.slice(before.length, before.length + extra)]);
    letters.forEach((letter, i) => {
      const size = dims[i < before.length ? i : i + extra] ?? 1;
      const known = sizes.get(letter) ?? 1;
      if (known !== 1 && size !== 1 && known !== size) {
        throw mismatch(node, `"${letter}" is both ${known} and ${size}`);
      }
      sizes.set(letter, Math.max(known, size));
    });
  }
  const [before = "", after] = output.split("...");
  const sizeOf = (letter: string): number => sizes.get(letter) ?? 1;
  const middle = after === undefined ? [] : ellipsis;
  return [
    { dims: [...[...before].map(sizeOf), ...middle, ...[...(after ?? "")].map(sizeOf)], dtype },
  ];
};

/** Matrix products. */
export const matrixRules: readonly (readonly [string, ShapeRule])[] = [
  ["MatMul", matMul(0, 1, (context) => context.dtype(0))],
  ["MatMulInteger", matMul(0, 1, () => "int32")],
  ["QLinearMatMul", matMul(0, 3, (context) => context.dtype(7))],
  ["Gemm", gemm],
  ["Einsum", einsum],
];
