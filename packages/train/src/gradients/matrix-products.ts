import { int, type Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";

/** a · bᵀ over the last two axes, [..., M, K] and [..., N, K] → [..., M, N]. */
export function multiplyByTransposed(ops: Ops, a: Value, b: Value): Value {
  const left = ops.dims(a);
  const right = ops.dims(b);
  const rank = left.length;
  const batch = left.slice(0, -2);
  if (batch.every((dim, axis) => dim === 1 && right[axis] === 1)) {
    // Gemm reads the transposed operand as it lies.
    const product = ops.node(
      "Gemm",
      [ops.reshape(a, left.slice(-2)), ops.reshape(b, right.slice(-2))],
      { transB: int(1) },
    );
    return ops.reshape(product, [...batch, left.at(-2) ?? 1, right.at(-2) ?? 1]);
  }
  const permutation = [...batch.keys(), rank - 1, rank - 2];
  return ops.matMul(a, ops.transpose(b, permutation));
}
