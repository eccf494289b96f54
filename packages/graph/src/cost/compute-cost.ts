import type { Issue } from "../check/issue.ts";
import type { DataType } from "../ir/data-type.ts";
import { type Graph, listSubgraphs } from "../ir/graph.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import type { Tensor } from "../ir/tensor.ts";
import { inferShapes } from "../shapes/infer-shapes.ts";
import { readConstant } from "../shapes/rules/constants.ts";
import type { ShapeInference } from "../shapes/types.ts";
import { computePeakBytes, valueBytes } from "./activation-bytes.ts";
import { countMacs } from "./mac-rules.ts";

/** What one node costs. */
export interface NodeCost {
  /** The node's key: the name of its first output. */
  readonly node: string;
  /** The node's own name; may be empty. */
  readonly name: string;
  readonly opType: string;
  readonly macs: number;
  /** Floating-point constants that this node is the first to read, in elements. */
  readonly parameters: number;
  readonly parameterBytes: number;
  /** Bytes of all outputs. */
  readonly outputBytes: number;
  /** Dims of the first output; `undefined` if unknown. */
  readonly outputShape: readonly number[] | undefined;
}

/** What a model costs at given input shapes. */
export interface ModelCost {
  /** Multiply-accumulates of one run. */
  readonly macs: number;
  /** Elements of all floating-point constants, each tensor once. */
  readonly parameters: number;
  readonly parameterBytes: number;
  /** Bytes of all values that nodes produce, constants left out. */
  readonly activationBytes: number;
  /** Most bytes of inputs and activations that are alive at once, nodes run in order. */
  readonly peakActivationBytes: number;
  /** In node order. */
  readonly nodes: readonly NodeCost[];
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Those of shape inference, and nodes whose cost is not counted because a shape is unknown. */
  readonly issues: readonly Issue[];
}

/** What {@link computeCost} counts at. */
export interface CostOptions {
  /** Shapes of inputs, by name; needed for those with symbolic or unknown dims. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Shapes that are known already; `inputShapes` is ignored then. */
  readonly shapes?: ShapeInference;
}

const FLOATING: ReadonlySet<DataType> = new Set([
  "float16",
  "bfloat16",
  "float32",
  "float64",
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "float4e2m1",
]);

/**
 * Counts a model's multiply-accumulates, parameters and bytes.
 *
 * Counted are Conv (output elements × input channels per group × kernel), ConvTranspose (input
 * elements × output channels per group × kernel), MatMul, Gemm and recurrent layers. Biases and all
 * other operators count 0. Parameters are the elements of floating-point initializers and Constant
 * nodes; integers (shapes, quantized weights) are not counted. Memory a runtime saves by computing
 * in place is not taken off.
 *
 * @throws GraphError as {@link inferShapes} does.
 * @category Analysis
 * @example
 * ```ts
 * computeCost(model, { inputShapes: { x: [1, 3, 640, 640] } }).macs; // → 2_302_000_000
 * ```
 */
export function computeCost(model: Model, options: CostOptions = {}): ModelCost {
  const { inputShapes } = options;
  const shapes = options.shapes ?? inferShapes(model, inputShapes ? { inputShapes } : {});
  const issues: Issue[] = [...shapes.issues];
  const tally: Tally = { counted: new Set(), parameters: 0, parameterBytes: 0 };
  const nodes: NodeCost[] = [];
  let macs = 0;
  let activationBytes = 0;
  for (const node of model.graph.nodes) {
    const cost = computeNodeCost(node, shapes, tally, issues);
    macs += cost.macs;
    activationBytes += cost.outputBytes;
    nodes.push(cost);
  }
  for (const { tensor } of model.graph.initializers) if (tensor) count(tally, tensor, tensor);
  return {
    macs,
    parameters: tally.parameters,
    parameterBytes: tally.parameterBytes,
    activationBytes,
    peakActivationBytes: computePeakBytes(model, shapes),
    nodes,
    inputShapes: shapes.inputShapes,
    issues,
  };
}

interface Tally {
  /** Initializers' tensors and Constant nodes that were counted. */
  readonly counted: Set<Tensor | Node>;
  parameters: number;
  parameterBytes: number;
}

/** Counts a floating-point constant, unless its origin was counted before. */
function count(tally: Tally, origin: Tensor | Node, tensor: Tensor): void {
  if (!FLOATING.has(tensor.dtype) || tally.counted.has(origin)) return;
  tally.counted.add(origin);
  tally.parameters += tensor.size;
  tally.parameterBytes += tensor.byteLength;
}

function computeNodeCost(
  node: Node,
  shapes: ShapeInference,
  tally: Tally,
  issues: Issue[],
): NodeCost {
  const macs = countMacs(node, shapes);
  if (macs === undefined) {
    issues.push({
      severity: "warning",
      code: "unknown-cost",
      message: `computeCost: ${node.describe()} is not counted, as its shapes are unknown`,
      node: node.name || node.key,
    });
  }
  const before = { ...tally };
  countConstants(node, tally);
  let outputBytes = 0;
  for (const output of node.outputs) if (output) outputBytes += valueBytes(output, shapes);
  const [output] = node.outputs;
  return {
    node: node.key,
    name: node.name,
    opType: node.opType,
    macs: macs ?? 0,
    parameters: tally.parameters - before.parameters,
    parameterBytes: tally.parameterBytes - before.parameterBytes,
    outputBytes,
    outputShape: output && shapes.shapeOf(output),
  };
}

/** Counts the constants that the node reads, with those in its subgraphs. */
function countConstants(node: Node, tally: Tally): void {
  // A Constant that is read counts at its reader.
  if (node.opType === "Constant" && node.outputs[0]?.uses.length === 0) countConstant(node, tally);
  for (const value of node.inputs) {
    if (value?.tensor) count(tally, value.tensor, value.tensor);
    else if (value?.producer?.opType === "Constant") countConstant(value.producer, tally);
  }
  for (const graph of listSubgraphs(node)) countGraphConstants(graph, tally);
}

function countConstant(node: Node, tally: Tally): void {
  const tensor = readConstant(node);
  if (tensor) count(tally, node, tensor);
}

function countGraphConstants(graph: Graph, tally: Tally): void {
  for (const { tensor } of graph.initializers) if (tensor) count(tally, tensor, tensor);
  for (const node of graph.nodes) countConstants(node, tally);
}
