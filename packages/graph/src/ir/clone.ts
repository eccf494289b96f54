import type { Attribute } from "./attribute.ts";
import { Graph } from "./graph.ts";
import { Model } from "./model.ts";
import { Node } from "./node.ts";
import type { Value } from "./value.ts";

/**
 * Returns an independent copy of the model's structure. Tensors and the file's bytes are shared, so
 * it costs next to nothing, and an unedited copy is written byte for byte like the original.
 */
export function cloneModel(model: Model): Model {
  const copy = new Model(cloneGraph(model.graph, new Map()));
  copy._irVersion = model._irVersion;
  copy._opsetImports = new Map(model._opsetImports);
  copy._metadata = new Map(model._metadata);
  copy._producerName = model._producerName;
  copy._producerVersion = model._producerVersion;
  copy._carried = model._carried;
  copy._functions = model._functions;
  copy._externalFolder = model._externalFolder;
  copy._source = model._source;
  return copy;
}

function cloneGraph(graph: Graph, values: Map<Value, Value>): Graph {
  const copy = new Graph();
  copy._name = graph._name;
  copy._docString = graph._docString;
  copy._carried = graph._carried;
  for (const value of graph._values.values()) {
    const twin = copy._define(value._name);
    twin._tensor = value._tensor;
    twin._type = value._type;
    twin._info = value._info;
    twin._sparse = value._sparse;
    twin._inputCount = value._inputCount;
    twin._outputCount = value._outputCount;
    values.set(value, twin);
  }
  const twinOf = (value: Value): Value => values.get(value) ?? value;
  copy._inputs = graph._inputs.map(twinOf);
  copy._outputs = graph._outputs.map(twinOf);
  for (const value of graph._initializers) copy._initializers.add(twinOf(value));
  for (const node of graph.nodes) {
    const inputs = node._inputs.map((value) => value && twinOf(value));
    const twin = new Node(copy, node.opType, node.domain, inputs, node._attributes);
    twin._name = node._name;
    twin._docString = node._docString;
    twin._carried = node._carried;
    twin._outputs = node._outputs.map((value) => value && twinOf(value));
    for (const output of twin._outputs) if (output) output._producer = twin;
    inputs.forEach((value, index) => {
      value?._addUse(twin, index);
    });
    twin._attributes = cloneAttributes(node._attributes, twin, values);
    twin._source = node._source;
    copy._link(twin, copy._last);
  }
  copy._source = graph._source;
  return copy;
}

function cloneAttributes(
  attributes: readonly Attribute[],
  owner: Node,
  values: Map<Value, Value>,
): readonly Attribute[] {
  if (!attributes.some(({ type }) => type === "graph" || type === "graphs")) return attributes;
  const own = (graph: Graph): Graph => {
    const copy = cloneGraph(graph, values);
    copy._ownerNode = owner;
    return copy;
  };
  return attributes.map((attribute) => {
    if (attribute.type === "graph") return { ...attribute, value: own(attribute.value) };
    if (attribute.type === "graphs") return { ...attribute, value: attribute.value.map(own) };
    return attribute;
  });
}
