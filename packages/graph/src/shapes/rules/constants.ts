import { type DataType, dataTypeFromCode, elementCount } from "../../ir/data-type.ts";
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import {
  dependsOnData,
  type InferredOutput,
  type ShapeRule,
  type ShapeRuleContext,
} from "../shape-rule.ts";

/** The tensor of a Constant node, whichever attribute holds it; `undefined` for a sparse one. */
export function readConstant(node: Node): Tensor | undefined {
  for (const attribute of node.attributes) {
    switch (attribute.type) {
      case "tensor":
        return attribute.value;
      case "float":
        return Tensor.float32([], [attribute.value]);
      case "floats":
        return Tensor.float32([attribute.value.length], attribute.value);
      case "int":
        return Tensor.int64([attribute.value], []);
      case "ints":
        return Tensor.int64(attribute.value);
      case "string":
        return Tensor.strings([], [attribute.value]);
      case "strings":
        return Tensor.strings([attribute.value.length], attribute.value);
      default:
    }
  }
  return undefined;
}

const constant: ShapeRule = (context) => {
  const tensor = readConstant(context.node);
  if (!tensor) {
    context.warn("unsupported-constant", "the constant is sparse");
    return [{}];
  }
  return [{ dims: tensor.dims, dtype: tensor.dtype, constant: tensor }];
};

const constantOfShape: ShapeRule = (context) => {
  const value = context.node.attribute("value");
  const dtype: DataType = value?.type === "tensor" ? value.value.dtype : "float32";
  const dims = context.numbers(0);
  return dims ? [{ dims, dtype }] : dependsOnData(context, "the input's content", dtype);
};

/** The axes from `start` to `end`, both clamped, negative ones counted from the end. */
const shape: ShapeRule = (context) => {
  const dims = context.dims(0);
  if (!dims) return [{ dtype: "int64" }];
  const rank = dims.length;
  const clamp = (axis: number): number =>
    Math.min(rank, Math.max(0, axis < 0 ? axis + rank : axis));
  const taken = dims.slice(
    clamp(context.node.int("start", 0)),
    clamp(context.node.int("end", rank)),
  );
  return [{ dims: [taken.length], dtype: "int64", constant: Tensor.int64(taken) }];
};

const size: ShapeRule = (context): readonly InferredOutput[] => {
  const dims = context.dims(0);
  const constant = dims && Tensor.int64([elementCount(dims)], []);
  return [{ dims: [], dtype: "int64", constant }];
};

/** Elements of Range(start, limit, delta). */
function rangeLength(start: number, limit: number, delta: number): number {
  return Math.max(0, Math.ceil((limit - start) / delta)) + 0;
}

const range: ShapeRule = (context) => {
  const dtype = context.dtype(0);
  const [start] = context.numbers(0) ?? [];
  const [limit] = context.numbers(1) ?? [];
  const [delta] = context.numbers(2) ?? [];
  if (start === undefined || limit === undefined || delta === undefined || delta === 0) {
    return dependsOnData(context, "start, limit or delta");
  }
  return [{ dims: [rangeLength(start, limit, delta)], dtype }];
};

const random = (context: ShapeRuleContext): readonly InferredOutput[] => {
  const dtype = dataTypeFromCode(context.node.int("dtype", 1));
  return [{ dims: context.node.ints("shape"), dtype }];
};

/** Operators whose output does not depend on the content of their inputs, or that make constants. */
export const constantRules: readonly (readonly [string, ShapeRule])[] = [
  ["Constant", constant],
  ["ConstantOfShape", constantOfShape],
  ["Shape", shape],
  ["Size", size],
  ["Range", range],
  ["RandomNormal", random],
  ["RandomUniform", random],
];
