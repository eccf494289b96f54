/**
 * How a field is decoded.
 * - `range`: bytes that stay in the file; only where they lie is noted.
 * - `ranges`: every occurrence of a field, unread (packed or not), for data that is decoded on
 *   demand.
 */
export type FieldKind =
  | "int"
  | "float"
  | "string"
  | "range"
  | "message"
  | "ints"
  | "floats"
  | "strings"
  | "ranges"
  | "messages";

export interface FieldSchema {
  readonly id: number;
  readonly name: string;
  readonly kind: FieldKind;
  readonly message?: MessageName;
}

export type MessageName =
  | "ModelProto"
  | "OperatorSetIdProto"
  | "StringStringEntryProto"
  | "FunctionProto"
  | "GraphProto"
  | "NodeProto"
  | "AttributeProto"
  | "TensorProto"
  | "Segment"
  | "SparseTensorProto"
  | "ValueInfoProto"
  | "TypeProto"
  | "TensorTypeProto"
  | "TensorShapeProto"
  | "DimensionProto";

const field = (id: number, name: string, kind: FieldKind, message?: MessageName): FieldSchema =>
  message ? { id, name, kind, message } : { id, name, kind };

/**
 * The messages of `onnx.proto` (IR version 13) as far as the IR models them. Fields that are not
 * here are carried unread, so a newer file loses nothing.
 */
export const SCHEMA: Readonly<Record<MessageName, readonly FieldSchema[]>> = {
  ModelProto: [
    field(1, "irVersion", "int"),
    field(2, "producerName", "string"),
    field(3, "producerVersion", "string"),
    field(7, "graph", "message", "GraphProto"),
    field(8, "opsetImport", "messages", "OperatorSetIdProto"),
    field(14, "metadataProps", "messages", "StringStringEntryProto"),
  ],
  OperatorSetIdProto: [field(1, "domain", "string"), field(2, "version", "int")],
  StringStringEntryProto: [field(1, "key", "string"), field(2, "value", "string")],
  FunctionProto: [field(1, "name", "string"), field(10, "domain", "string")],
  GraphProto: [
    field(1, "node", "messages", "NodeProto"),
    field(2, "name", "string"),
    field(5, "initializer", "messages", "TensorProto"),
    field(10, "docString", "string"),
    field(11, "input", "messages", "ValueInfoProto"),
    field(12, "output", "messages", "ValueInfoProto"),
    field(13, "valueInfo", "messages", "ValueInfoProto"),
    field(15, "sparseInitializer", "messages", "SparseTensorProto"),
  ],
  NodeProto: [
    field(1, "input", "strings"),
    field(2, "output", "strings"),
    field(3, "name", "string"),
    field(4, "opType", "string"),
    field(5, "attribute", "messages", "AttributeProto"),
    field(6, "docString", "string"),
    field(7, "domain", "string"),
  ],
  AttributeProto: [
    field(1, "name", "string"),
    field(2, "f", "float"),
    field(3, "i", "int"),
    field(4, "s", "range"),
    field(5, "t", "message", "TensorProto"),
    field(6, "g", "message", "GraphProto"),
    field(7, "floats", "floats"),
    field(8, "ints", "ints"),
    field(9, "strings", "ranges"),
    field(10, "tensors", "messages", "TensorProto"),
    field(11, "graphs", "messages", "GraphProto"),
    field(20, "type", "int"),
    field(21, "refAttrName", "string"),
  ],
  TensorProto: [
    field(1, "dims", "ints"),
    field(2, "dataType", "int"),
    field(3, "segment", "message", "Segment"),
    field(4, "floatData", "ranges"),
    field(5, "int32Data", "ranges"),
    field(6, "stringData", "ranges"),
    field(7, "int64Data", "ranges"),
    field(8, "name", "string"),
    field(9, "rawData", "range"),
    field(10, "doubleData", "ranges"),
    field(11, "uint64Data", "ranges"),
    field(13, "externalData", "messages", "StringStringEntryProto"),
    field(14, "dataLocation", "int"),
  ],
  Segment: [field(1, "begin", "int"), field(2, "end", "int")],
  SparseTensorProto: [field(1, "values", "message", "TensorProto")],
  ValueInfoProto: [field(1, "name", "string"), field(2, "type", "message", "TypeProto")],
  TypeProto: [field(1, "tensorType", "message", "TensorTypeProto")],
  TensorTypeProto: [field(1, "elemType", "int"), field(2, "shape", "message", "TensorShapeProto")],
  TensorShapeProto: [field(1, "dim", "messages", "DimensionProto")],
  DimensionProto: [field(1, "dimValue", "int"), field(2, "dimParam", "string")],
};

/** The ids of all fields of a message that the schema has. */
export function fieldIds(message: MessageName): ReadonlySet<number> {
  return new Set(SCHEMA[message].map(({ id }) => id));
}
