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
  const counted = new Set<Tensor>();
  const nodes: NodeCost[] = [];
  let macs = 0;
  let activationBytes = 0;
  for (const node of model.graph.nodes) {
    const cost = computeNodeCost(node, shapes, counted, issues);
    macs += cost.macs;
    activationBytes += cost.outputBytes;
    nodes.push(cost);
  }
  for (const { tensor } of model.graph.initializers) if (tensor) count(tensor, counted);
  let parameters = 0;
  let parameterBytes = 0;
  for (const tensor of counted) {
    parameters += tensor.size;
    parameterBytes += tensor.byteLength;
  }
  return {
    macs,
    parameters,
    parameterBytes,
    activationBytes,
    peakActivationBytes: computePeakBytes(model, shapes),
    nodes,
    inputShapes: shapes.inputShapes,
    issues,
  };
}

/** Whether the tensor is a parameter that was not counted before; it is now. */
function count(tensor: Tensor, counted: Set<Tensor>): boolean {
  if (!FLOATING.has(tensor.dtype) || counted.has(tensor)) return false;
  counted.add(tensor);
  return true;
}

function computeNodeCost(
  node: Node,
  shapes: ShapeInference,
  counted: Set<Tensor>,
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
  let parameters = 0;
  let parameterBytes = 0;
  for (const tensor of listConstants(node)) {
    if (!count(tensor, counted)) continue;
    parameters += tensor.size;
    parameterBytes += tensor.byteLength;
  }
  let outputBytes = 0;
  for (const output of node.outputs) if (output) outputBytes += valueBytes(output, shapes);
  const [output] = node.outputs;
  return {
    node: node.key,
    name: node.name,
    opType: node.opType,
    macs: macs ?? 0,
    parameters,
    parameterBytes,
    outputBytes,
    outputShape: output && shapes.shapeOf(output),
  };
}

/** Constants that the node and its subgraphs read: initializers and outputs of Constant nodes. */
function* listConstants(node: Node): Generator<Tensor> {
  const own = node.opType === "Constant" ? readConstant(node) : undefined;
  // A constant that is read counts at its reader.
  if (own && node.output.uses.length === 0) yield own;
  for (const value of node.inputs) {
    const { producer, tensor } = value ?? {};
    const constant =
      tensor ?? (producer?.opType === "Constant" ? readConstant(producer) : undefined);
    if (constant) yield constant;
  }
  for (const graph of listSubgraphs(node)) yield* listGraphConstants(graph);
}

function* listGraphConstants(graph: Graph): Generator<Tensor> {
  for (const { tensor } of graph.initializers) if (tensor) yield tensor;
  for (const node of graph.nodes) yield* listConstants(node);
}
