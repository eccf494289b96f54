import { GraphError } from "../errors.ts";
import { Graph } from "../ir/graph.ts";
import { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import type { Value, ValueType } from "../ir/value.ts";

/** What {@link extractSubmodel} cuts out. */
export interface ExtractSubmodelOptions {
  /** Names of values that become inputs: the cut. Graph inputs that are needed are added. */
  readonly inputs: readonly string[];
  /** Names of values that become outputs. */
  readonly outputs: readonly string[];
}

const FLOAT: ValueType = { kind: "tensor", dtype: "float32" };

/**
 * Returns a model of its own with the part of a graph that computes `outputs` from `inputs`. Weights
 * are shared. Cut values take any shape; they are float32 unless the model declares another type.
 * @throws GraphError `invalid-option` if there is no such value; `unsupported` for nodes with
 *   subgraphs.
 */
export function extractSubmodel(model: Model, options: ExtractSubmodelOptions): Model {
  const source = model.graph;
  const find = (name: string): Value => {
    const value = source.value(name);
    if (value) return value;
    throw new GraphError(
      "invalid-option",
      `extractSubmodel: the graph has no value "${name}"; take the name of a node's output or of an input`,
      { value: name },
    );
  };
  const graph = new Graph();
  const twins = new Map<Value, Value>();
  const addInput = (value: Value): Value => {
    const { type } = value;
    const isFree = !value.isGraphInput && type?.kind === "tensor";
    const twin = graph.addInput(
      value.name,
      isFree ? { kind: "tensor", dtype: type.dtype } : (type ?? FLOAT),
    );
    twins.set(value, twin);
    return twin;
  };
  for (const value of new Set(options.inputs.map(find))) addInput(value);
  const outputs = options.outputs.map(find);
  const needed = neededNodes(outputs, new Set(twins.keys()));
  for (const node of source.nodes) if (needed.has(node)) copyNode(node, graph, twins, addInput);
  graph.setOutputs(
    outputs.map((value) => {
      const twin = twins.get(value) ?? copySource(value, graph, twins, addInput);
      if (!twin.type) twin.type = value.type ?? FLOAT;
      return twin;
    }),
  );
  const submodel = new Model(graph);
  graph.name = source.name || "submodel";
  submodel.irVersion = model.irVersion;
  for (const [domain, version] of model.opsetImports) submodel.setOpset(domain, version);
  return submodel;
}

function neededNodes(outputs: readonly Value[], cut: ReadonlySet<Value>): ReadonlySet<Node> {
  const needed = new Set<Node>();
  const stack = [...outputs];
  for (let value = stack.pop(); value; value = stack.pop()) {
    const { producer } = value;
    if (cut.has(value) || !producer || needed.has(producer)) continue;
    needed.add(producer);
    for (const input of producer.inputs) if (input) stack.push(input);
  }
  return needed;
}

function copyNode(
  node: Node,
  graph: Graph,
  twins: Map<Value, Value>,
  addInput: (value: Value) => Value,
): void {
  if (node.attributes.some(({ type }) => type === "graph" || type === "graphs")) {
    throw new GraphError(
      "unsupported",
      `extractSubmodel: ${node.describe()} has a subgraph; cut outside of it`,
      { node: node.name },
    );
  }
  const inputs = node.inputs.map(
    (value) => value && (twins.get(value) ?? copySource(value, graph, twins, addInput)),
  );
  const copy = graph.createNode({
    opType: node.opType,
    domain: node.domain,
    name: node.name,
    inputs,
    outputs: node.outputs.map((output) => (output && !twins.has(output) ? output.name : "")),
    attributes: Object.fromEntries(node.attributes.map((attribute) => [attribute.name, attribute])),
  });
  node.outputs.forEach((output, index) => {
    const twin = copy.outputs[index];
    if (output && twin) twins.set(output, twin);
  });
}

/** A value that no node computes: an initializer or an input of the whole graph. */
function copySource(
  value: Value,
  graph: Graph,
  twins: Map<Value, Value>,
  addInput: (value: Value) => Value,
): Value {
  if (!value.tensor) return addInput(value);
  const twin = graph.addInitializer(value.name, value.tensor);
  twins.set(value, twin);
  return twin;
}
