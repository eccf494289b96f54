import {
  type ChannelGroup,
  constantTensor,
  type DataType,
  type Model,
  type Node,
  type ShapeInference,
  type Value,
} from "@ocrslim/graph";

/** The channels of one group along one axis of one value. */
export interface AxisPart {
  readonly group: string;
  /** Indices along the axis that each channel owns. */
  readonly owned: Float64Array;
  /** The mean of `owned`: exact if all channels own equally many. */
  readonly perChannel: number;
}

/** A size that shrinks with the widths of groups. */
export interface PrunableAxis {
  readonly size: number;
  readonly width: ReadonlyMap<string, number>;
  readonly parts: readonly AxisPart[];
}

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

type AxisLookup = (value: string, axis: number) => PrunableAxis | undefined;

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
    const term = count?.(node, shapes, axisOf);
    if (term) macs.push(term);
  }
  const parameters: CostTerm[] = [];
  for (const value of model.graph.values) {
    const tensor = constantTensor(value);
    if (!tensor || !isFloating(tensor.dtype)) continue;
    parameters.push(sizeTerm(1, value, tensor.dims, axisOf));
  }
  return { macs, parameters };
}

interface MutableAxis {
  readonly size: number;
  readonly width: Map<string, number>;
  readonly parts: AxisPart[];
}

function createAxisLookup(groups: readonly ChannelGroup[]): AxisLookup {
  const axes = new Map<string, MutableAxis>();
  for (const group of groups) {
    if (group.blocked !== undefined) continue;
    for (const { value, axis, channelOf } of group.members) {
      const key = `${axis} ${value}`;
      const entry: MutableAxis = axes.get(key) ?? {
        size: channelOf.length,
        width: new Map(),
        parts: [],
      };
      axes.set(key, entry);
      if (entry.width.has(group.id)) continue;
      const owned = new Float64Array(group.width);
      let total = 0;
      for (const channel of channelOf) {
        if (channel < 0) continue;
        owned[channel] = (owned[channel] ?? 0) + 1;
        total++;
      }
      entry.width.set(group.id, group.width);
      entry.parts.push({ group: group.id, owned, perChannel: total / group.width });
    }
  }
  return (value, axis) => axes.get(`${axis} ${value}`);
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

type MacRule = (node: Node, shapes: ShapeInference, axisOf: AxisLookup) => CostTerm | undefined;

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
      ? sizeTerm(positions(mapDims), weight, weightDims, axisOf)
      : undefined;
  };

/** Output elements × inner dimension, which is axis `innerAxis` of the first input. */
const matrixProduct =
  (innerAxis: (node: Node, rank: number) => number): MacRule =>
  (node, shapes, axisOf) => {
    const left = node.input(0);
    const out = node.outputs[0];
    const leftDims = left && shapes.shapeOf(left);
    const outDims = out && shapes.shapeOf(out);
    if (!left || !leftDims || !out || !outDims) return undefined;
    const axis = innerAxis(node, leftDims.length);
    const inner = axisOf(left.name, axis);
    const term = sizeTerm(inner ? 1 : (leftDims[axis] ?? 1), out, outDims, axisOf);
    return inner ? { ...term, axes: [...term.axes, inner] } : term;
  };

const macRules: ReadonlyMap<string, MacRule> = new Map([
  ["Conv", convolution("output")],
  ["ConvTranspose", convolution("input")],
  ["Gemm", matrixProduct((node) => (node.int("transA", 0) === 1 ? 0 : 1))],
  ["MatMul", matrixProduct((_, rank) => rank - 1)],
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
]);
const isFloating = (dtype: DataType): boolean => FLOATING.has(dtype);
