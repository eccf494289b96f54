import {
  type InferShapesOptions,
  inferShapes,
  type Model,
  type Node,
  type ShapeInference,
  type Value,
} from "@ocrslim/graph";
import { axisFinder, type FindAxis } from "./channel-axes.ts";
import { describeLayer } from "./layer-signature.ts";
import { isMixer } from "./mixers.ts";
import type { ChannelAxis, TimedLayer } from "./timed-layer.ts";

/** Options of {@link listTimedLayers}. */
export interface TimedLayerOptions extends Pick<InferShapesOptions, "inputShapes"> {
  /** Shapes that are known already; `inputShapes` is ignored then. */
  readonly shapes?: ShapeInference;
}

/** What ONNX Runtime computes along with the convolution before it. */
const ACTIVATIONS: ReadonlySet<string> = new Set([
  "Clip",
  "HardSigmoid",
  "HardSwish",
  "LeakyRelu",
  "Relu",
  "Sigmoid",
  "Tanh",
]);

/**
 * Cuts a model into the pieces that a {@link LatencyTable} has times of: every convolution,
 * transposed convolution and matrix product with the activation and the residual sum that follow it,
 * and each other node by itself. Every node belongs to exactly one piece; pieces stand in the order
 * of their first nodes. Give it simplified models: Constant nodes would be pieces too.
 * @throws GraphError as `inferShapes` does.
 * @example
 * ```ts
 * listTimedLayers(model, { inputShapes: { x: [1, 3, 640, 640] } })[0]?.input;
 * // → [{ value: "x", axis: 1, size: 3 }]
 * ```
 */
export function listTimedLayers(
  model: Model,
  options: TimedLayerOptions = {},
): readonly TimedLayer[] {
  const { inputShapes } = options;
  const shapes = options.shapes ?? inferShapes(model, inputShapes ? { inputShapes } : {});
  const findAxis = axisFinder(shapes);
  return cutIntoPieces(model, shapes).map((nodes) => toLayer(nodes, shapes, findAxis));
}

function cutIntoPieces(model: Model, shapes: ShapeInference): readonly (readonly Node[])[] {
  const position = new Map([...model.graph.nodes].map((node, index) => [node, index]));
  const taken = new Set<Node>();
  const pieces: Node[][] = [];
  for (const node of model.graph.nodes) {
    if (taken.has(node)) continue;
    const piece = [node];
    if (isMixer(node)) {
      const sum = soleReader(node);
      const isSum = sum && node.opType === "Conv" && joinsSum(node, sum, position, shapes);
      if (isSum) piece.push(sum);
      const activation = soleReader(piece.at(-1) ?? node);
      if (activation?.domain === "" && ACTIVATIONS.has(activation.opType)) piece.push(activation);
    }
    for (const member of piece) taken.add(member);
    pieces.push(piece);
  }
  return pieces;
}

function soleReader(node: Node): Node | undefined {
  const [output, ...others] = node.outputs;
  if (!output || others.length > 0 || output.isGraphOutput || output.uses.length !== 1) {
    return undefined;
  }
  return output.uses[0]?.node;
}

/**
 * Whether the Add is computed into the convolution's output: both addends computed and of one shape,
 * and the other one there before the convolution runs.
 */
function joinsSum(
  conv: Node,
  sum: Node,
  position: ReadonlyMap<Node, number>,
  shapes: ShapeInference,
): boolean {
  if (sum.opType !== "Add" || sum.domain !== "") return false;
  const other = sum.inputs.find((value) => value !== conv.output);
  if (!other || shapes.constantOf(other)) return false;
  if (shapes.shapeOf(other)?.join() !== shapes.shapeOf(conv.output)?.join()) return false;
  const { producer } = other;
  return !producer || (position.get(producer) ?? 0) < (position.get(conv) ?? 0);
}

function toLayer(nodes: readonly Node[], shapes: ShapeInference, findAxis: FindAxis): TimedLayer {
  const [first] = nodes;
  const last = nodes.at(-1);
  if (!first || !last) throw new RangeError("listTimedLayers: a piece has at least one node");
  const output = channelAxis(last.output, shapes, findAxis);
  const inputs = channelInputs(first, shapes).map((value) => channelAxis(value, shapes, findAxis));
  return {
    id: last.output.name,
    nodes: nodes.map((node) => node.key),
    opType: first.opType,
    signature: describeLayer(nodes, shapes, findAxis),
    input: inputs.length > 0 ? inputs : [output],
    output,
  };
}

/** The inputs whose channels the time depends on. */
function channelInputs(node: Node, shapes: ShapeInference): readonly Value[] {
  const computed = node.inputs.filter(
    (value): value is Value => value !== undefined && !shapes.constantOf(value),
  );
  if (node.opType === "Concat") return computed;
  if (isMixer(node)) return computed.slice(0, 1);
  const size = (value: Value): number =>
    (shapes.shapeOf(value) ?? []).reduce((product, dim) => product * dim, 1);
  // Of those that are broadcast over each other, the whole one.
  const [largest] = computed.toSorted((a, b) => size(b) - size(a));
  return largest ? [largest] : [];
}

function channelAxis(value: Value, shapes: ShapeInference, findAxis: FindAxis): ChannelAxis {
  const axis = findAxis(value);
  return { value: value.name, axis, size: shapes.shapeOf(value)?.[axis] ?? 1 };
}
