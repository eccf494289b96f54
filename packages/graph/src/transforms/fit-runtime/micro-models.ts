import { extractSubmodel } from "../../edit/extract-submodel.ts";
import { type Graph, listSubgraphs } from "../../ir/graph.ts";
import type { Model } from "../../ir/model.ts";
import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import type { ShapeInference } from "../../shapes/types.ts";

/** The part of a model that a rewrite changed, with its neighbours, before and after. */
export type MicroModels = readonly [before: Model, after: Model];

/** How many nodes on the way to the next convolution are taken in as neighbours. */
const REACH = 4;

const CONVOLUTIONS = new Set(["Conv", "ConvTranspose", "MatMul", "Gemm"]);

/**
 * Cuts out where two models differ, with what is around up to the next convolutions: they decide
 * which layout the values have at the border. Inputs have the shapes that `shapes` found in `before`.
 */
export function extractMicroModels(
  before: Model,
  after: Model,
  shapes: ShapeInference,
): MicroModels {
  const kept = listKept(before.graph, after.graph);
  const region = new Set<string>();
  for (const { graph } of [before, after]) {
    for (const node of graph.nodes) if (!kept.has(node.key)) region.add(node.key);
  }
  takeNeighbours(before.graph, after.graph, region, shapes);
  const outputs = listOutputs(before.graph, after.graph, region);
  const cut = (model: Model): Model => {
    const inputs = listInputs(model.graph, region);
    const micro = extractSubmodel(model, { inputs, outputs });
    for (const value of micro.graph.inputs) declare(value, before.graph, shapes);
    return micro;
  };
  return [cut(before), cut(after)];
}

/** Keys of the nodes that are the same in both graphs. */
function listKept(before: Graph, after: Graph): ReadonlySet<string> {
  const kept = new Set<string>();
  for (const node of before.nodes) {
    const twin = after.value(node.key)?.producer;
    if (twin && isSame(node, twin)) kept.add(node.key);
  }
  return kept;
}

function isSame(a: Node, b: Node): boolean {
  const isSameValue = (left: Value | undefined, right: Value | undefined): boolean =>
    left?.name === right?.name && left?.tensor === right?.tensor;
  return (
    a.opType === b.opType &&
    a.domain === b.domain &&
    a.inputs.length === b.inputs.length &&
    a.inputs.every((value, index) => isSameValue(value, b.inputs[index])) &&
    a.attributes.length === b.attributes.length &&
    a.attributes.every((attribute, index) => attribute.value === b.attributes[index]?.value)
  );
}

/** Whether a node can stand in a model of its own: a standard operator without a subgraph. */
function isPlain(node: Node): boolean {
  return node.domain === "" && listSubgraphs(node).length === 0;
}

function takeNeighbours(
  before: Graph,
  after: Graph,
  region: Set<string>,
  shapes: ShapeInference,
): void {
  const core = [before, after].flatMap((graph) =>
    [...graph.nodes].filter(({ key }) => region.has(key)),
  );
  const takeAbove = (value: Value | undefined, reach: number): void => {
    const producer = value && before.value(value.name)?.producer;
    if (!producer || region.has(producer.key) || reach === 0 || !isPlain(producer)) return;
    const isFloat = (shapes.dtypeOf(producer.output) ?? "float32") === "float32";
    region.add(producer.key);
    if (isFloat && CONVOLUTIONS.has(producer.opType)) return;
    for (const input of producer.inputs) takeAbove(input, isFloat ? reach - 1 : reach);
  };
  const takeBelow = (value: Value | undefined, reach: number): void => {
    for (const { node } of value?.uses ?? []) {
      if (node.graph !== before || region.has(node.key) || reach === 0) continue;
      if (!isPlain(node)) continue;
      region.add(node.key);
      if (!CONVOLUTIONS.has(node.opType)) takeBelow(node.outputs[0], reach - 1);
    }
  };
  for (const node of core) for (const input of node.inputs) takeAbove(input, REACH);
  for (const node of core) {
    for (const output of node.outputs) takeBelow(output && before.value(output.name), REACH);
  }
  // What is no floating-point number can't be made up as an input: take in how it is computed.
  for (const node of [...before.nodes].reverse()) {
    if (!region.has(node.key)) continue;
    for (const input of node.inputs) {
      const producer = input?.producer;
      const dtype = input && shapes.dtypeOf(input);
      if (producer && dtype !== undefined && dtype !== "float32") region.add(producer.key);
    }
  }
}

function listInputs(graph: Graph, region: ReadonlySet<string>): readonly string[] {
  const names = new Set<string>();
  for (const node of graph.nodes) {
    if (!region.has(node.key)) continue;
    for (const input of node.inputs) {
      const isInner = !input || input.tensor || (input.producer && region.has(input.producer.key));
      if (!isInner) names.add(input.name);
    }
  }
  return [...names];
}

/** Values that go on to the rest of the graph, which are the same before and after. */
function listOutputs(before: Graph, after: Graph, region: ReadonlySet<string>): readonly string[] {
  const names: string[] = [];
  for (const node of before.nodes) {
    if (!region.has(node.key)) continue;
    for (const output of node.outputs) {
      if (!output || !after.value(output.name)) continue;
      const goesOn = output.uses.some((use) => !region.has(use.node.key));
      if (goesOn || output.isGraphOutput || output.uses.length === 0) names.push(output.name);
    }
  }
  return names;
}

/** Whether all inputs of a model have fixed shapes, so that it can be measured. */
export function hasFixedInputs({ graph }: Model): boolean {
  return graph.inputs.every(
    ({ type }) =>
      type?.kind === "tensor" && type.shape?.every((dim) => typeof dim === "number") === true,
  );
}

function declare(value: Value, origin: Graph, shapes: ShapeInference): void {
  const source = origin.value(value.name);
  const shape = source && shapes.shapeOf(source);
  if (!shape) return;
  const dtype = shapes.dtypeOf(source) ?? "float32";
  value.type = { kind: "tensor", dtype, shape };
}
