import type { Attribute } from "../ir/attribute.ts";
import { dataTypeCode } from "../ir/data-type.ts";
import type { Graph } from "../ir/graph.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { type SourceRange, sourceBytes } from "../ir/source.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Value, ValueType } from "../ir/value.ts";
import { ByteSink } from "./byte-sink.ts";
import { decodeRange, fieldsExcept } from "./decode-message.ts";
import { fieldIds } from "./schema.ts";

/** Says where a tensor's bytes shall lie if not in the model file; `undefined` = in it. */
export type ExternalPlacement = (
  tensor: Tensor,
) => { location: string; offset: number; length: number } | undefined;

/**
 * Returns the bytes of an ONNX file. What was read and not edited is written as it was.
 * @throws RangeError beyond 2 GB; use `writeModel` with external data there.
 */
export function encodeModel(model: Model): Uint8Array {
  const parts = encodeModelParts(model);
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** {@link encodeModel} in parts, to be written one after another; large tensors are not copied. */
export function encodeModelParts(model: Model, place?: ExternalPlacement): readonly Uint8Array[] {
  if (model._source && !place) return [sourceBytes(model._source)];
  const sink = new ByteSink();
  sink.int(1, model._irVersion);
  sink.text(2, model._producerName);
  sink.text(3, model._producerVersion);
  sink.message(7, (child) => encodeGraph(child, model.graph, place));
  for (const [domain, version] of model._opsetImports) {
    sink.message(8, (child) => {
      child.text(1, domain);
      child.int(2, version);
    });
  }
  for (const [key, value] of model._metadata) encodeEntry(sink, 14, key, value);
  encodeCarried(sink, model._carried);
  return sink.finish();
}

const TENSOR_MODELLED = fieldIds("TensorProto");
const ATTRIBUTE_MODELLED = fieldIds("AttributeProto");

function encodeCarried(sink: ByteSink, carried: readonly SourceRange[]): void {
  for (const range of carried) sink.raw(sourceBytes(range));
}

function encodeEntry(sink: ByteSink, field: number, key: string, value: string): void {
  sink.message(field, (child) => {
    child.text(1, key);
    child.text(2, value);
  });
}

function encodeGraph(sink: ByteSink, graph: Graph, place: ExternalPlacement | undefined): void {
  if (graph._source && !place) {
    sink.raw(sourceBytes(graph._source));
    return;
  }
  for (const node of graph.nodes) sink.message(1, (child) => encodeNode(child, node, place));
  sink.text(2, graph._name);
  for (const value of graph._initializers) {
    const { tensor } = value;
    if (tensor) sink.message(5, (child) => encodeTensor(child, tensor, value.name, place));
  }
  sink.text(10, graph._docString);
  for (const value of graph._inputs) sink.message(11, (child) => encodeInfo(child, value));
  for (const value of graph._outputs) sink.message(12, (child) => encodeInfo(child, value));
  for (const value of graph._values.values()) {
    const isDeclared = value._type !== undefined || value._info !== undefined;
    if (isDeclared && value._inputCount === 0 && value._outputCount === 0) {
      sink.message(13, (child) => encodeInfo(child, value));
    }
  }
  for (const value of graph._initializers) {
    const { _sparse: sparse } = value;
    if (sparse) sink.message(15, (child) => encodeSparse(child, sparse, value.name));
  }
  encodeCarried(sink, graph._carried);
}

function encodeNode(sink: ByteSink, node: Node, place: ExternalPlacement | undefined): void {
  if (node._source && !place) {
    sink.raw(sourceBytes(node._source));
    return;
  }
  for (const input of node._inputs) sink.string(1, input?.name ?? "");
  for (const output of node._outputs) sink.string(2, output?.name ?? "");
  sink.text(3, node._name);
  sink.text(4, node.opType);
  for (const attribute of node._attributes)
    sink.message(5, (child) => encodeAttribute(child, attribute, place));
  sink.text(6, node._docString);
  sink.text(7, node.domain);
  encodeCarried(sink, node._carried);
}

const SPARSE_VALUES: ReadonlySet<number> = new Set([1]);
const TENSOR_NAME: ReadonlySet<number> = new Set([8]);

/** A sparse initializer is named by the tensor of its values. */
function encodeSparse(sink: ByteSink, source: SourceRange, name: string): void {
  const { values } = decodeRange("SparseTensorProto", source);
  if (!values || (values.name ?? "") === name) {
    sink.raw(sourceBytes(source));
    return;
  }
  sink.message(1, (child) => {
    encodeCarried(child, fieldsExcept(values.source, TENSOR_NAME));
    child.text(8, name);
  });
  encodeCarried(sink, fieldsExcept(source, SPARSE_VALUES));
}

function holdsParts(attribute: Attribute): boolean {
  return (
    attribute.type === "graph" ||
    attribute.type === "graphs" ||
    attribute.type === "tensor" ||
    attribute.type === "tensors"
  );
}

function encodeAttribute(
  sink: ByteSink,
  attribute: Attribute,
  place: ExternalPlacement | undefined,
): void {
  const { source } = attribute;
  const isGraph = attribute.type === "graph" || attribute.type === "graphs";
  if (source && !isGraph && !(place && holdsParts(attribute))) {
    sink.raw(sourceBytes(source));
    return;
  }
  sink.text(1, attribute.name);
  if (source) encodeCarried(sink, fieldsExcept(source, ATTRIBUTE_MODELLED));
  switch (attribute.type) {
    case "float":
      sink.float(2, attribute.value);
      sink.int(20, 1);
      return;
    case "int":
      sink.int(3, attribute.value);
      sink.int(20, 2);
      return;
    case "string":
      sink.string(4, attribute.value);
      sink.int(20, 3);
      return;
    case "tensor":
      sink.message(5, (child) => encodeTensor(child, attribute.value, attribute.value.name, place));
      sink.int(20, 4);
      return;
    case "graph":
      sink.message(6, (child) => encodeGraph(child, attribute.value, place));
      sink.int(20, 5);
      return;
    case "floats":
      for (const value of attribute.value) sink.float(7, value);
      sink.int(20, 6);
      return;
    case "ints":
      for (const value of attribute.value) sink.int(8, value);
      sink.int(20, 7);
      return;
    case "strings":
      for (const value of attribute.value) sink.string(9, value);
      sink.int(20, 8);
      return;
    case "tensors":
      for (const value of attribute.value)
        sink.message(10, (child) => encodeTensor(child, value, value.name, place));
      sink.int(20, 9);
      return;
    case "graphs":
      for (const value of attribute.value)
        sink.message(11, (child) => encodeGraph(child, value, place));
      sink.int(20, 10);
      return;
    case "opaque":
      sink.raw(sourceBytes(attribute.value));
      return;
  }
}

function encodeTensor(
  sink: ByteSink,
  tensor: Tensor,
  name: string | undefined,
  place: ExternalPlacement | undefined,
): void {
  const placed = place?.(tensor);
  const keepsPlace =
    place === undefined || (placed === undefined && tensor.storage.kind !== "external");
  if (tensor.proto && keepsPlace) {
    if ((tensor.name ?? "") === (name ?? "")) sink.raw(sourceBytes(tensor.proto));
    else {
      encodeCarried(sink, fieldsExcept(tensor.proto, TENSOR_NAME));
      if (name) sink.text(8, name);
    }
    return;
  }
  for (const dim of tensor.dims) sink.int(1, dim);
  sink.int(2, dataTypeCode(tensor.dtype));
  const { storage } = tensor;
  if (storage.kind === "strings") for (const bytes of storage.load()) sink.bytes(6, bytes);
  if (name) sink.text(8, name);
  if (tensor.proto) encodeCarried(sink, fieldsExcept(tensor.proto, TENSOR_MODELLED));
  const external =
    placed ?? (place === undefined && storage.kind === "external" ? storage.location : undefined);
  if (external) {
    encodeEntry(sink, 13, "location", external.location);
    encodeEntry(sink, 13, "offset", String(external.offset));
    if (external.length !== undefined) encodeEntry(sink, 13, "length", String(external.length));
    sink.int(14, 1);
    return;
  }
  if (storage.kind !== "strings") sink.bytes(9, tensor.bytes);
}

const INFO_NAME: ReadonlySet<number> = new Set([1]);
const INFO_MODELLED: ReadonlySet<number> = new Set([1, 2]);

function encodeInfo(sink: ByteSink, value: Value): void {
  const { _info: info, _type: type } = value;
  const hasOldType = info !== undefined && info.type === type;
  if (hasOldType && info.name === value.name) {
    sink.raw(sourceBytes(info.source));
    return;
  }
  sink.text(1, value.name);
  if (type?.kind === "tensor" && !hasOldType)
    sink.message(2, (child) => child.message(1, (inner) => encodeTensorType(inner, type)));
  if (info) encodeCarried(sink, fieldsExcept(info.source, hasOldType ? INFO_NAME : INFO_MODELLED));
}

function encodeTensorType(sink: ByteSink, type: Extract<ValueType, { kind: "tensor" }>): void {
  sink.int(1, dataTypeCode(type.dtype));
  const { shape } = type;
  if (!shape) return;
  sink.message(2, (child) => {
    for (const dim of shape) {
      child.message(1, (inner) => {
        if (typeof dim === "number") inner.int(1, dim);
        else if (dim !== undefined) inner.text(2, dim);
      });
    }
  });
}
