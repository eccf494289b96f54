import type { Node } from "../ir/node.ts";
import { mismatch } from "./shape-rule.ts";

/** Dims as messages show them: `[1, 3, 640, 640]`. */
export function formatDims(dims: readonly number[]): string {
  return `[${dims.join(", ")}]`;
}

/** An axis counted from the front; a negative one counts from the end. */
export function normalizeAxis(node: Node, axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (!(normalized >= 0 && normalized < rank)) {
    throw mismatch(node, `axis ${axis} is out of range for a tensor of rank ${rank}`);
  }
  return normalized;
}

/** Dims of two operands broadcast together, as NumPy does; `undefined` if they do not fit. */
export function broadcastPair(
  left: readonly number[],
  right: readonly number[],
): readonly number[] | undefined {
  const rank = Math.max(left.length, right.length);
  const dims = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const a = left[left.length - i] ?? 1;
    const b = right[right.length - i] ?? 1;
    if (a !== b && a !== 1 && b !== 1) return undefined;
    dims[rank - i] = a === 1 ? b : a;
  }
  return dims;
}

/** Dims of all operands broadcast together. @throws GraphError `shape-mismatch`. */
export function broadcastDims(
  node: Node,
  operands: readonly (readonly number[])[],
): readonly number[] {
  let dims: readonly number[] = [];
  for (const operand of operands) {
    const next = broadcastPair(dims, operand);
    if (!next) {
      throw mismatch(
        node,
        `shapes ${operands.map(formatDims).join(" and ")} cannot be broadcast together`,
      );
    }
    dims = next;
  }
  return dims;
}

/** Element strides of row-major dims. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let stride = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= dims[axis] ?? 1;
  }
  return strides;
}
