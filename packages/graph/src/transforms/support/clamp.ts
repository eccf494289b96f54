import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import { constantScalar, constantTensor } from "./constants.ts";
import { isOperator } from "./edit.ts";
import type { PartialShapes } from "./partial-shapes.ts";

/** A node that limits its data to [min, max]. */
export interface Clamp {
  readonly data: Value;
  readonly min: number;
  readonly max: number;
}

/** Reads Relu, Clip with constant bounds, or Min and Max with a constant of one element. */
export function readClamp(
  node: Node | undefined,
  known: PartialShapes,
  opset: number,
): Clamp | undefined {
  if (!isOperator(node, "Relu", "Clip", "Min", "Max")) return undefined;
  if (node.opType === "Clip") return readClip(node, opset);
  const [left, right] = node.inputs;
  if (!left) return undefined;
  if (node.opType === "Relu") return { data: left, min: 0, max: Number.POSITIVE_INFINITY };
  if (!right || node.inputs.length !== 2) return undefined;
  const bound = constantTensor(right) ? right : left;
  const data = bound === right ? left : right;
  const tensor = constantTensor(bound);
  const number = constantScalar(bound);
  const rank = known.shapeOf(data)?.length ?? 0;
  if (tensor?.dtype !== "float32" || number === undefined || Number.isNaN(number)) return undefined;
  if (tensor.dims.length > rank || constantTensor(data)) return undefined;
  return node.opType === "Min"
    ? { data, min: Number.NEGATIVE_INFINITY, max: number }
    : { data, min: number, max: Number.POSITIVE_INFINITY };
}

function readClip(node: Node, opset: number): Clamp | undefined {
  const data = node.input(0);
  if (!data) return undefined;
  const bound = (name: string, index: number, open: number): number | undefined => {
    if (opset < 11) return node.float(name, open);
    const input = node.input(index);
    if (!input) return open;
    return constantTensor(input)?.dtype === "float32" ? constantScalar(input) : undefined;
  };
  const min = bound("min", 1, Number.NEGATIVE_INFINITY);
  const max = bound("max", 2, Number.POSITIVE_INFINITY);
  return min !== undefined && max !== undefined && min <= max ? { data, min, max } : undefined;
}
