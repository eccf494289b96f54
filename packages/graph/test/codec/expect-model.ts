import { expect } from "vitest";
import type { Attribute, Graph, Model, Tensor, Value } from "../../src/index.ts";
import type { AttributeSpec, GraphSpec, InfoSpec, ModelSpec, TensorSpec } from "./onnx-spec.ts";

/** Throws unless the decoded model says what the generator wrote. */
export function expectModel(model: Model, spec: ModelSpec): void {
  expect(model.irVersion).toBe(spec.irVersion);
  expect(model.producerName).toBe(spec.producerName);
  expect([...model.opsetImports]).toEqual(
    spec.opsets.map(([domain, version]) => [domain === "ai.onnx" ? "" : domain, version]),
  );
  expect([...model.metadata]).toEqual(spec.metadata);
  for (const name of spec.functions) expect(model.hasFunction("own", name)).toBe(true);
  expect(model.hasFunction("own", "missing")).toBe(false);
  expectGraph(model.graph, spec.graph);
}

const namesOf = (values: readonly (Value | undefined)[]): string[] =>
  values.map((value) => value?.name ?? "");

function expectGraph(graph: Graph, spec: GraphSpec): void {
  expect(graph.name).toBe(spec.name);
  expect(graph.docString).toBe("graph doc");
  expect(namesOf(graph.inputs)).toEqual(spec.inputs.map(({ name }) => name));
  expect(namesOf(graph.outputs)).toEqual(spec.outputs.map(({ name }) => name));
  for (const info of [...spec.inputs, ...spec.outputs, ...spec.infos]) expectType(graph, info);
  expect(namesOf(graph.initializers)).toEqual(
    [...spec.initializers, ...spec.sparse].map(({ name }) => name),
  );
  for (const tensor of spec.initializers) expectTensor(graph.value(tensor.name)?.tensor, tensor);
  for (const { name } of spec.sparse) {
    expect(graph.value(name)?.isInitializer).toBe(true);
    expect(graph.value(name)?.tensor).toBeUndefined();
  }
  const nodes = [...graph.nodes];
  expect(nodes.length).toBe(spec.nodes.length);
  nodes.forEach((node, index) => {
    const wanted = spec.nodes[index];
    if (!wanted) return;
    expect(node.opType).toBe(wanted.opType);
    expect(node.domain).toBe(wanted.domain === "ai.onnx" ? "" : wanted.domain);
    expect(node.name).toBe(wanted.name);
    expect(namesOf(node.inputs)).toEqual(wanted.inputs);
    expect(namesOf(node.outputs)).toEqual(wanted.outputs);
    expect(node.attributes.map(({ name }) => name)).toEqual(
      wanted.attributes.map(({ name }) => name),
    );
    wanted.attributes.forEach((attribute, at) => {
      expectAttribute(node.attributes[at], attribute);
    });
  });
}

function expectType(graph: Graph, info: InfoSpec): void {
  const type = graph.value(info.name)?.type;
  if (info.kind === "none") expect(type).toBeUndefined();
  else if (info.kind !== "tensor") expect(type).toEqual({ kind: "other" });
  else {
    const shape = info.shape ? { shape: info.shape } : {};
    expect(type).toEqual({ kind: "tensor", dtype: info.dtype, ...shape });
  }
}

function expectTensor(tensor: Tensor | undefined, spec: TensorSpec): void {
  expect(tensor?.dtype).toBe(spec.dtype);
  expect(tensor?.dims).toEqual(spec.dims);
  if (spec.dtype === "string") expect(tensor?.stringValues()).toEqual(spec.strings);
  else expect(Buffer.compare(tensor?.bytes ?? new Uint8Array(1), spec.bytes)).toBe(0);
}

function expectAttribute(attribute: Attribute | undefined, spec: AttributeSpec): void {
  if (!attribute) throw new Error(`attribute "${spec.name}" is missing`);
  expect(attribute.type).toBe(spec.type);
  if (spec.type === "tensor" && attribute.type === "tensor") {
    expectTensor(attribute.value, spec.value);
  } else if (spec.type === "tensors" && attribute.type === "tensors") {
    expect(attribute.value.length).toBe(spec.value.length);
    spec.value.forEach((tensor, index) => {
      expectTensor(attribute.value[index], tensor);
    });
  } else if (spec.type === "graph" && attribute.type === "graph") {
    expectGraph(attribute.value, spec.value);
  } else if (spec.type === "graphs" && attribute.type === "graphs") {
    expect(attribute.value.length).toBe(spec.value.length);
    spec.value.forEach((graph, index) => {
      expectGraph(attribute.value[index] as Graph, graph);
    });
  } else if (spec.type === "int") expect(attribute.value).toBe(Number(spec.value));
  else if (spec.type === "ints") expect(attribute.value).toEqual(spec.value.map(Number));
  else if (spec.type !== "opaque") expect(attribute.value).toEqual(spec.value);
}
