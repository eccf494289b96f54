import { GraphError } from "../errors.ts";
import type { Attribute } from "../ir/attribute.ts";
import { dataTypeFromCode } from "../ir/data-type.ts";
import { Graph } from "../ir/graph.ts";
import { Model } from "../ir/model.ts";
import { Node } from "../ir/node.ts";
import type { Value, ValueType } from "../ir/value.ts";
import { decodeMessage, decodeRange } from "./decode-message.ts";
import { decodeTensor, decodeText, type ExternalDataLoader } from "./decode-tensor.ts";
import type { AttributeProto, GraphProto, NodeProto, ValueInfoProto } from "./protos.ts";

/** Options of {@link decodeModel}. */
export interface DecodeModelOptions {
  /** Gives the bytes of tensors that lie in other files. Default: such tensors cannot be read. */
  readonly externalData?: ExternalDataLoader;
}

const NONE: readonly never[] = [];

/**
 * Makes a model of an ONNX file's bytes. Weights are not copied: do not write to `bytes` while the
 * model is in use. What the IR does not model is carried along; a model that is not edited is
 * encoded byte for byte as it was.
 * @throws GraphError `malformed-model` (not an ONNX file, or a damaged one), `invalid-model` (names
 *   defined twice), `unsupported`.
 */
export function decodeModel(bytes: Uint8Array, options: DecodeModelOptions = {}): Model {
  if (bytes.length === 0) {
    throw new GraphError(
      "malformed-model",
      "decodeModel: the file is empty; an ONNX model was expected",
    );
  }
  const proto = decodeMessage("ModelProto", bytes);
  if (!proto.graph) {
    throw new GraphError(
      "malformed-model",
      "decodeModel: there is no graph in the file; it is not an ONNX model",
    );
  }
  const decoding: Decoding = { external: options.externalData, names: new Map() };
  const model = new Model(decodeGraph(proto.graph, undefined, decoding));
  model._irVersion = proto.irVersion ?? 0;
  model._producerName = proto.producerName ?? "";
  model._producerVersion = proto.producerVersion ?? "";
  for (const { domain = "", version = 0 } of proto.opsetImport ?? NONE) {
    model._opsetImports.set(domain === "ai.onnx" ? "" : domain, version);
  }
  for (const { key = "", value = "" } of proto.metadataProps ?? NONE)
    model._metadata.set(key, value);
  model._carried = proto.carried;
  model._functions = functionNames(proto.carried);
  model._source = proto.source;
  return model;
}

function functionNames(carried: Model["_carried"]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const range of carried) {
    // A length-delimited field 25 has the two tag bytes 0xca 0x01.
    if (range.bytes[range.start] !== 0xca || range.bytes[range.start + 1] !== 0x01) continue;
    let start = range.start + 2;
    while ((range.bytes[start] ?? 0) > 127) start++;
    const { name = "", domain = "" } = decodeRange("FunctionProto", {
      bytes: range.bytes,
      start: start + 1,
      end: range.end,
    });
    names.add(`${domain}:${name}`);
  }
  return names;
}

/** What the parts of one model share while they are decoded. */
interface Decoding {
  readonly external: ExternalDataLoader | undefined;
  /** Names that recur in every other node (operators, attributes), each kept once. */
  readonly names: Map<string, string>;
}

function intern({ names }: Decoding, name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  names.set(name, name);
  return name;
}

interface Scope {
  readonly graph: Graph;
  readonly outer: Scope | undefined;
}

function decodeGraph(proto: GraphProto, outer: Scope | undefined, decoding: Decoding): Graph {
  const graph = new Graph();
  const scope: Scope = { graph, outer };
  graph._name = proto.name ?? "";
  graph._docString = proto.docString ?? "";
  graph._carried = proto.carried;
  for (const info of proto.input ?? NONE) {
    const value = define(graph, info.name ?? "", "graph input");
    applyInfo(value, info);
    graph._inputs.push(value);
    value._inputCount++;
  }
  for (const tensor of proto.initializer ?? NONE) {
    const value = constantValue(graph, tensor.name ?? "");
    value._tensor = decodeTensor(tensor, decoding.external);
    graph._initializers.add(value);
  }
  for (const sparse of proto.sparseInitializer ?? NONE) {
    const value = constantValue(graph, sparse.values?.name ?? "");
    value._sparse = sparse.source;
    graph._initializers.add(value);
  }
  const nodes = (proto.node ?? NONE).map((node) => defineNode(graph, node, decoding));
  for (const info of proto.valueInfo ?? NONE) {
    const value = graph._values.get(info.name ?? "");
    if (value) applyInfo(value, info);
  }
  for (const info of proto.output ?? NONE) {
    const value = lookUp(scope, info.name ?? "");
    if (value.graph === graph) applyInfo(value, info);
    graph._outputs.push(value);
    value._outputCount++;
  }
  (proto.node ?? NONE).forEach((nodeProto, index) => {
    const node = nodes[index];
    if (node) connectNode(node, nodeProto, scope, decoding);
  });
  graph._source = proto.source;
  return graph;
}

function define(graph: Graph, name: string, what: string): Value {
  if (graph._values.has(name)) {
    throw new GraphError(
      "invalid-model",
      `decodeModel: the name "${name}" is defined twice (again as ${what}); every value needs a name of its own`,
      { value: name },
    );
  }
  return graph._define(name);
}

function constantValue(graph: Graph, name: string): Value {
  const input = graph._values.get(name);
  return input && !input.isInitializer && input._inputCount > 0
    ? input
    : define(graph, name, "initializer");
}

function defineNode(graph: Graph, proto: NodeProto, decoding: Decoding): Node {
  const opType = intern(decoding, proto.opType ?? "");
  const node = new Node(graph, opType, intern(decoding, proto.domain ?? ""), [], NONE);
  node._name = proto.name ?? "";
  node._docString = proto.docString ?? "";
  node._carried = proto.carried;
  node._outputs = (proto.output ?? NONE).map((name) => {
    if (name === "") return undefined;
    const value = define(graph, name, `output of ${proto.opType} "${proto.name ?? ""}"`);
    value._producer = node;
    return value;
  });
  graph._link(node, graph._last);
  return node;
}

function connectNode(node: Node, proto: NodeProto, scope: Scope, decoding: Decoding): void {
  node._inputs = (proto.input ?? NONE).map((name, index) => {
    if (name === "") return undefined;
    const value = lookUp(scope, name);
    value._addUse(node, index);
    return value;
  });
  node._attributes = (proto.attribute ?? NONE).map((attribute) =>
    decodeAttribute(attribute, node, scope, decoding),
  );
  node._source = proto.source;
}

/** Finds a name here or in the graphs around; one that nothing defines becomes a dangling value. */
function lookUp(scope: Scope, name: string): Value {
  for (let at: Scope | undefined = scope; at; at = at.outer) {
    const value = at.graph._values.get(name);
    if (value) return value;
  }
  return scope.graph._define(name);
}

function applyInfo(value: Value, info: ValueInfoProto): void {
  const type = decodeType(info);
  if (type) value._type = type;
  value._info = { source: info.source, name: value.name, type: value._type };
}

function decodeType(info: ValueInfoProto): ValueType | undefined {
  if (!info.type) return undefined;
  const { tensorType } = info.type;
  const dtype = tensorType && dataTypeFromCode(tensorType.elemType ?? 0);
  if (!tensorType || !dtype) return { kind: "other" };
  if (!tensorType.shape) return { kind: "tensor", dtype };
  const shape = (tensorType.shape.dim ?? NONE).map(
    ({ dimValue, dimParam }) => dimValue ?? (dimParam || undefined),
  );
  return { kind: "tensor", dtype, shape };
}

/** AttributeProto.AttributeType, and what to take where old files leave the type out. */
const TYPES = [
  "",
  "float",
  "int",
  "string",
  "tensor",
  "graph",
  "floats",
  "ints",
  "strings",
  "tensors",
  "graphs",
] as const;

function guessType(proto: AttributeProto): (typeof TYPES)[number] {
  if (proto.refAttrName) return "";
  if (proto.f !== undefined) return "float";
  if (proto.i !== undefined) return "int";
  if (proto.s) return "string";
  if (proto.t) return "tensor";
  if (proto.g) return "graph";
  if (proto.floats) return "floats";
  if (proto.ints) return "ints";
  if (proto.strings) return "strings";
  if (proto.tensors) return "tensors";
  return proto.graphs ? "graphs" : "";
}

// Lists are copied to their size: those of the decoder have room to grow.
function decodeAttribute(
  proto: AttributeProto,
  node: Node,
  scope: Scope,
  decoding: Decoding,
): Attribute {
  const name = intern(decoding, proto.name ?? "");
  const base = { name, source: proto.source };
  const type = proto.refAttrName ? "" : proto.type ? (TYPES[proto.type] ?? "") : guessType(proto);
  const inner = (graph: GraphProto): Graph => {
    const decoded = decodeGraph(graph, scope, decoding);
    decoded._ownerNode = node;
    return decoded;
  };
  switch (type) {
    case "float":
      return { ...base, type, value: proto.f ?? 0 };
    case "int":
      return { ...base, type, value: proto.i ?? 0 };
    case "string": {
      const text = proto.s ? decodeText(proto.s) : "";
      return text === undefined
        ? { ...base, type: "opaque", value: proto.source }
        : { ...base, type, value: text };
    }
    case "tensor":
      if (!proto.t) break;
      return { ...base, type, value: decodeTensor(proto.t, decoding.external) };
    case "graph":
      if (!proto.g) break;
      return { ...base, type, value: inner(proto.g) };
    case "floats":
      return { ...base, type, value: proto.floats?.slice() ?? NONE };
    case "ints":
      return { ...base, type, value: proto.ints?.slice() ?? NONE };
    case "strings": {
      const texts = (proto.strings ?? NONE).map(decodeText);
      const valid = texts.filter((text) => text !== undefined);
      return valid.length < texts.length
        ? { ...base, type: "opaque", value: proto.source }
        : { ...base, type, value: valid };
    }
    case "tensors":
      return {
        ...base,
        type,
        value: (proto.tensors ?? NONE).map((tensor) => decodeTensor(tensor, decoding.external)),
      };
    case "graphs":
      return { ...base, type, value: (proto.graphs ?? NONE).map(inner) };
    case "":
      return { ...base, type: "opaque", value: proto.source };
  }
  throw new GraphError(
    "malformed-model",
    `decodeModel: attribute "${name}" of ${node.describe()} is of type ${type} but holds none`,
    { node: node.name },
  );
}
