import {
  type ChannelGroup,
  computeCost,
  constantTensor,
  type DataType,
  type Model,
  type Node,
  type ShapeInference,
  type Value,
} from "@ocrslim/graph";
import { type AxisLookup, createAxisLookup, type PrunableAxis } from "./axis-lookup.ts";

/** A product: a fixed factor times sizes of axes. */
export interface CostTerm {
  readonly factor: number;
  readonly axes: readonly PrunableAxis[];
}

/** What a model costs, as sums of products. */
export interface CostTerms {
  readonly macs: readonly CostTerm[];
  readonly parameters: readonly CostTerm[];
}

/**
 * Reads a model's cost off as products of axis sizes, as `computeCost` counts it: a convolution's
 * MACs are output (transposed: input) positions times the elements of its weight, those of a matrix
 * product output elements times the inner dimension.
 */
export function listCostTerms(
  model: Model,
  groups: readonly ChannelGroup[],
  shapes: ShapeInference,
): CostTerms {
  const axisOf = createAxisLookup(groups);
  const macs: CostTerm[] = [];
  for (const node of model.graph.nodes) {
    const count = node.domain === "" ? macRules.get(node.opType) : undefined;
    if (count) macs.push(...count(node, shapes, axisOf));
  }
  // What has no rule here cannot be pruned either: a fixed amount.
  for (const { opType, macs: fixed } of computeCost(model, { shapes }).nodes) {
    if (fixed > 0 && !macRules.has(opType)) macs.push({ factor: fixed, axes: [] });
  }
  const parameters: CostTerm[] = [];
  for (const value of model.graph.values) {
    const tensor = constantTensor(value);
    if (!tensor || !isFloating(tensor.dtype)) continue;
    parameters.push(sizeTerm(1, value, tensor.dims, axisOf));
  }
  return { macs, parameters };
}

/** `factor` times the number of elements of a value. */
function sizeTerm(
  factor: number,
  { name }: Value,
  dims: readonly number[],
  axisOf: AxisLookup,
): CostTerm {
  const axes: PrunableAxis[] = [];
  let fixed = factor;
  dims.forEach((dim, index) => {
    const axis = axisOf(name, index);
    if (axis) axes.push(axis);
    else fixed *= dim;
  });
  return { factor: fixed, axes };
}

type MacRule = (node: Node, shapes: ShapeInference, axisOf: AxisLookup) => readonly CostTerm[];

/** Positions of a feature map [N, C, …]: all elements of one channel. */
const positions = (dims: readonly number[]): number =>
  dims.reduce((product, dim, index) => (index === 1 ? product : product * dim), 1);

const convolution =
  (side: "input" | "output"): MacRule =>
  (node, shapes, axisOf) => {
    const weight = node.input(1);
    const map = side === "output" ? node.outputs[0] : node.input(0);
    const weightDims = weight && shapes.shapeOf(weight);
    const mapDims = map && shapes.shapeOf(map);
    return weight && weightDims && mapDims
      ? [sizeTerm(positions(mapDims), weight, weightDims, axisOf)]
      : [];
  };

/** Output elements × inner dimension, which is axis `innerAxis` of the first input. */
const matrixProduct =
  (innerAxis: (node: Node, rank: number) => number): MacRule =>
  (node, shapes, axisOf) => {
    const left = node.input(0);
    const out = node.outputs[0];
    const leftDims = left && shapes.shapeOf(left);
    const outDims = out && shapes.shapeOf(out);
    if (!left || !leftDims || !out || !outDims) return [];
    const axis = innerAxis(node, leftDims.length);
    const inner = axisOf(left.name, axis);
    const term = sizeTerm(inner ? 1 : (leftDims[axis] ?? 1), out, outDims, axisOf);
    return [inner ? { ...term, axes: [...term.axes, inner] } : term];
  };

/** Each step multiplies the input and the state with the weights of every gate. */
const recurrent: MacRule = (node, shapes, axisOf) => {
  const input = node.input(0);
  const [steps = 0, batch = 0] = (input && shapes.shapeOf(input)) ?? [];
  return [node.input(1), node.input(2)].flatMap((weight) => {
    const dims = weight && shapes.shapeOf(weight);
    return weight && dims ? [sizeTerm(steps * batch, weight, dims, axisOf)] : [];
  });
};

const macRules: ReadonlyMap<string, MacRule> = new Map([
  ["Conv", convolution("output")],
  ["ConvTranspose", convolution("input")],
  ["Gemm", matrixProduct((node) => (node.int("transA", 0) === 1 ? 0 : 1))],
  ["MatMul", matrixProduct((_, rank) => rank - 1)],
  ["LSTM", recurrent],
  ["GRU", recurrent],
  ["RNN", recurrent],
]);

const FLOATING: ReadonlySet<DataType> = new Set([
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "float4e2m1",
]);
const isFloating = (dtype: DataType): boolean => FLOATING.has(dtype);
