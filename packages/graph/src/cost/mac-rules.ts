import { elementCount } from "../ir/data-type.ts";
import type { Node } from "../ir/node.ts";
import { operatorName } from "../shapes/shape-rules.ts";
import type { ShapeInference } from "../shapes/types.ts";

/** Multiply-accumulates of a node; `undefined` if a shape that it needs is unknown. */
type MacRule = (node: Node, shapes: ShapeInference) => number | undefined;

function dimsOf(node: Node, index: number, shapes: ShapeInference): readonly number[] | undefined {
  const value = node.input(index);
  return value && shapes.shapeOf(value);
}

function outputDims(node: Node, shapes: ShapeInference): readonly number[] | undefined {
  const output = node.outputs[0];
  return output && shapes.shapeOf(output);
}

/** Weight `[M, C / group, …kernel]`: each output element sums C / group × kernel products. */
const convolution =
  (weightIndex: number): MacRule =>
  (node, shapes) => {
    const weight = dimsOf(node, weightIndex, shapes);
    const output = outputDims(node, shapes);
    return weight && output && elementCount(output) * elementCount(weight.slice(1));
  };

/** Weight `[C, M / group, …kernel]`: each input element goes into M / group × kernel products. */
const transposedConvolution: MacRule = (node, shapes) => {
  const weight = dimsOf(node, 1, shapes);
  const input = dimsOf(node, 0, shapes);
  return weight && input && elementCount(input) * elementCount(weight.slice(1));
};

const matMul: MacRule = (node, shapes) => {
  const left = dimsOf(node, 0, shapes);
  const output = outputDims(node, shapes);
  return left && output && elementCount(output) * (left[left.length - 1] ?? 0);
};

const gemm: MacRule = (node, shapes) => {
  const left = dimsOf(node, 0, shapes);
  const output = outputDims(node, shapes);
  return left && output && elementCount(output) * (left[node.int("transA", 0) ? 0 : 1] ?? 0);
};

/** Each step multiplies the input and the state with the weights of every gate. */
const recurrent: MacRule = (node, shapes) => {
  const input = dimsOf(node, 0, shapes);
  const weight = dimsOf(node, 1, shapes);
  const recurrence = dimsOf(node, 2, shapes);
  if (!input || !weight || !recurrence) return undefined;
  return (input[0] ?? 0) * (input[1] ?? 0) * (elementCount(weight) + elementCount(recurrence));
};

const MAC_RULES: ReadonlyMap<string, MacRule> = new Map([
  ["Conv", convolution(1)],
  ["ConvInteger", convolution(1)],
  ["QLinearConv", convolution(3)],
  ["DeformConv", convolution(1)],
  ["ConvTranspose", transposedConvolution],
  ["MatMul", matMul],
  ["MatMulInteger", matMul],
  ["QLinearMatMul", matMul],
  ["Gemm", gemm],
  ["LSTM", recurrent],
  ["GRU", recurrent],
  ["RNN", recurrent],
]);

/** Multiply-accumulates of a node: 0 for operators that are not counted, `undefined` if unknown. */
export function countMacs(node: Node, shapes: ShapeInference): number | undefined {
  const rule = MAC_RULES.get(operatorName(node));
  return rule ? rule(node, shapes) : 0;
}
