import { elementCount } from "@ocrslim/graph";
import { broadcastStrides } from "./arithmetic.ts";
import {
  float64,
  offsetOf,
  positions,
  type ReferenceKernel,
  type ReferenceKernels,
  stridesOf,
} from "./reference-kernel.ts";

const matMul: ReferenceKernel = (context) => {
  const left = context.dims(0).length === 1 ? [1, ...context.dims(0)] : context.dims(0);
  const right = context.dims(1).length === 1 ? [...context.dims(1), 1] : context.dims(1);
  const a = context.numbers(0);
  const b = context.numbers(1);
  const [rows = 1, inner = 1] = left.slice(-2);
  const columns = right.at(-1) ?? 1;
  const rank = Math.max(left.length, right.length) - 2;
  const leftStrides = broadcastStrides(left.slice(0, -2), rank);
  const rightStrides = broadcastStrides(right.slice(0, -2), rank);
  const batch = Array.from({ length: rank }, (_, axis) => {
    const l = left[left.length - 2 - rank + axis] ?? 1;
    return l === 1 ? (right[right.length - 2 - rank + axis] ?? 1) : l;
  });
  const outputDims = context.outputDims();
  const out = new Float64Array(elementCount(outputDims));
  let to = 0;
  for (const index of positions(batch)) {
    const fromLeft = offsetOf(index, leftStrides) * rows * inner;
    const fromRight = offsetOf(index, rightStrides) * inner * columns;
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < inner; k++) {
        const factor = a[fromLeft + i * inner + k] as number;
        for (let j = 0; j < columns; j++) {
          out[to + j] =
            (out[to + j] as number) + factor * (b[fromRight + k * columns + j] as number);
        }
      }
      to += columns;
    }
  }
  return [float64(outputDims, out)];
};

const gemm: ReferenceKernel = (context) => {
  const { node } = context;
  const a = context.numbers(0);
  const b = context.numbers(1);
  const c = context.optional(2);
  const [leftRows = 1, leftColumns = 1] = context.dims(0);
  const [rightRows = 1, rightColumns = 1] = context.dims(1);
  const flipLeft = node.int("transA", 0) !== 0;
  const flipRight = node.int("transB", 0) !== 0;
  const alpha = node.float("alpha", 1);
  const beta = node.float("beta", 1);
  const [rows, inner] = flipLeft ? [leftColumns, leftRows] : [leftRows, leftColumns];
  const columns = flipRight ? rightRows : rightColumns;
  const strides = c ? broadcastStrides(context.dims(2), 2) : [];
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) {
        const l = flipLeft ? k * leftColumns + i : i * leftColumns + k;
        const r = flipRight ? j * rightColumns + k : k * rightColumns + j;
        sum += (a[l] as number) * (b[r] as number);
      }
      const added = c ? beta * (c[offsetOf([i, j], strides)] ?? 0) : 0;
      out[i * columns + j] = alpha * sum + added;
    }
  }
  return [float64([rows, columns], out)];
};

/** Sums over every assignment of the letters; ellipses are not covered. */
const einsum: ReferenceKernel = (context) => {
  const equation = context.node.string("equation", "").replaceAll(" ", "");
  if (equation.includes(".")) throw context.fail("an ellipsis is not covered");
  const [terms = "", given] = equation.split("->");
  const operands = terms.split(",").map((letters, index) => ({
    letters: [...letters],
    strides: stridesOf(context.dims(index)),
    data: context.numbers(index),
  }));
  const sizes = new Map<string, number>();
  operands.forEach(({ letters }, index) => {
    letters.forEach((letter, axis) => {
      sizes.set(letter, Math.max(sizes.get(letter) ?? 1, context.dims(index)[axis] ?? 1));
    });
  });
  const implicit = [...sizes.keys()]
    .filter((letter) => terms.split(letter).length === 2)
    .sort()
    .join("");
  const output = [...(given ?? implicit)];
  const summed = [...sizes.keys()].filter((letter) => !output.includes(letter));
  const order = [...output, ...summed];
  const outputDims = output.map((letter) => sizes.get(letter) ?? 1);
  const outputStrides = stridesOf(outputDims);
  const steps = operands.map(({ letters, strides }, index) =>
    order.map((letter) =>
      letters.reduce(
        (total, own, axis) =>
          own === letter && context.dims(index)[axis] !== 1 ? total + (strides[axis] ?? 0) : total,
        0,
      ),
    ),
  );
  const out = new Float64Array(elementCount(outputDims));
  for (const index of positions(order.map((letter) => sizes.get(letter) ?? 1))) {
    let product = 1;
    operands.forEach(({ data }, at) => {
      product *= data[offsetOf(index, steps[at] ?? [])] ?? 0;
    });
    const to = offsetOf(index.slice(0, output.length), outputStrides);
    out[to] = (out[to] ?? 0) + product;
  }
  return [float64(outputDims, out)];
};

/** Products of matrices. */
export const matrixKernels: ReferenceKernels = [
  ["MatMul", matMul],
  ["Gemm", gemm],
  ["Einsum", einsum],
];
