import protobuf from "protobufjs/minimal.js";
import { GraphError } from "../errors.ts";
import type { SourceRange } from "../ir/source.ts";
import type { FieldRange, Protos } from "./protos.ts";
import { type FieldSchema, type MessageName, SCHEMA } from "./schema.ts";

/** Wire types of protobuf. */
const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** Subgraphs within subgraphs; each level is about four messages deep. */
const MAX_DEPTH = 200;

const NONE: readonly never[] = [];

type Mutable = Record<string, unknown>;

const tables: ReadonlyMap<MessageName, readonly (FieldSchema | undefined)[]> = new Map(
  Object.entries(SCHEMA).map(([name, fields]) => {
    const byId: (FieldSchema | undefined)[] = [];
    for (const field of fields) byId[field.id] = field;
    return [name as MessageName, byId];
  }),
);

/**
 * Decodes one message that fills `bytes`, by the schema. Nothing is copied: bulk data is noted as
 * ranges of `bytes`.
 * @throws GraphError `malformed-model` naming the message, field and position.
 */
export function decodeMessage<Name extends keyof Protos>(
  message: Name,
  bytes: Uint8Array,
): Protos[Name] {
  return decodeRange(message, { bytes, start: 0, end: bytes.length });
}

/** {@link decodeMessage} on a part of a file. */
export function decodeRange<Name extends keyof Protos>(
  message: Name,
  source: SourceRange,
): Protos[Name] {
  const reader = protobuf.Reader.create(source.bytes);
  reader.pos = source.start;
  return decode(reader, source.bytes, message, source.end, 0) as unknown as Protos[Name];
}

function decode(
  reader: protobuf.Reader,
  bytes: Uint8Array,
  message: MessageName,
  end: number,
  depth: number,
): Mutable {
  const table = tables.get(message) ?? NONE;
  const start = reader.pos;
  const result: Mutable = {};
  let carried: SourceRange[] | undefined;
  if (depth > MAX_DEPTH)
    throw malformed(message, start, `nested more than ${MAX_DEPTH} levels deep`);
  let field: FieldSchema | undefined;
  let at = start;
  try {
    while (reader.pos < end) {
      at = reader.pos;
      const tag = reader.uint32();
      const wireType = tag & 7;
      field = table[tag >>> 3];
      if (field && isExpected(field, wireType)) {
        decodeField(reader, bytes, field, wireType, end, result, depth);
      } else {
        skip(reader, wireType, end);
        carried ??= [];
        carried.push({ bytes, start: at, end: reader.pos });
      }
      if (reader.pos > end) throw new RangeError("field reaches beyond its message");
    }
  } catch (error) {
    if (error instanceof GraphError) throw error;
    throw malformed(
      message,
      at,
      `${field ? `field "${field.name}": ` : ""}${(error as Error).message}`,
      error,
    );
  }
  result["source"] = { bytes, start, end };
  result["carried"] = carried ?? NONE;
  return result;
}

/** The fields of a message, with their tags, but for those of the ids given. */
export function fieldsExcept(
  source: SourceRange,
  ids: ReadonlySet<number>,
): readonly SourceRange[] {
  const { bytes, start, end } = source;
  const reader = protobuf.Reader.create(bytes);
  const fields: SourceRange[] = [];
  for (reader.pos = start; reader.pos < end; ) {
    const at = reader.pos;
    const tag = reader.uint32();
    reader.skipType(tag & 7);
    if (!ids.has(tag >>> 3)) fields.push({ bytes, start: at, end: reader.pos });
  }
  return fields;
}

function malformed(
  message: MessageName,
  position: number,
  what: string,
  cause?: unknown,
): GraphError {
  return new GraphError(
    "malformed-model",
    `decodeModel: ${message} at byte ${position} is malformed (${what}); the file is truncated, damaged or not an ONNX model`,
    cause === undefined ? {} : { cause },
  );
}

function isExpected(field: FieldSchema, wireType: number): boolean {
  switch (field.kind) {
    case "int":
      return wireType === VARINT;
    case "float":
      return wireType === FIXED32;
    case "ints":
      return wireType === VARINT || wireType === DELIMITED;
    case "floats":
      return wireType === FIXED32 || wireType === DELIMITED;
    case "ranges":
      return (
        wireType === VARINT ||
        wireType === FIXED32 ||
        wireType === FIXED64 ||
        wireType === DELIMITED
      );
    default:
      return wireType === DELIMITED;
  }
}

function decodeField(
  reader: protobuf.Reader,
  bytes: Uint8Array,
  field: FieldSchema,
  wireType: number,
  end: number,
  result: Mutable,
  depth: number,
): void {
  const { name } = field;
  switch (field.kind) {
    case "int":
      result[name] = readInt(reader);
      return;
    case "float":
      result[name] = reader.float();
      return;
    case "string":
      result[name] = readString(reader, bytes, end);
      return;
    case "strings":
      push(result, name, readString(reader, bytes, end));
      return;
    case "range": {
      const stop = readEnd(reader, end);
      result[name] = { bytes, start: reader.pos, end: stop };
      reader.pos = stop;
      return;
    }
    case "ranges": {
      const stop = wireType === DELIMITED ? readEnd(reader, end) : 0;
      const start = reader.pos;
      if (wireType === DELIMITED) reader.pos = stop;
      else skip(reader, wireType, end);
      push(result, name, { bytes, start, end: reader.pos, wireType } satisfies FieldRange);
      return;
    }
    case "ints": {
      if (wireType === VARINT) {
        push(result, name, readInt(reader));
        return;
      }
      const stop = readEnd(reader, end);
      while (reader.pos < stop) push(result, name, readInt(reader));
      assertEnd(reader, stop);
      return;
    }
    case "floats": {
      if (wireType === FIXED32) {
        push(result, name, reader.float());
        return;
      }
      const stop = readEnd(reader, end);
      while (reader.pos < stop) push(result, name, reader.float());
      assertEnd(reader, stop);
      return;
    }
    case "message":
    case "messages": {
      const stop = readEnd(reader, end);
      const child = decode(reader, bytes, field.message as MessageName, stop, depth + 1);
      if (field.kind === "messages") push(result, name, child);
      else if (result[name] === undefined) result[name] = child;
      else throw new RangeError("it is there twice");
      return;
    }
  }
}

function push(result: Mutable, name: string, item: unknown): void {
  const list = result[name];
  if (list) (list as unknown[]).push(item);
  else result[name] = [item];
}

/** Reads a length and returns where the field ends. */
function readEnd(reader: protobuf.Reader, end: number): number {
  const length = reader.uint32();
  const stop = reader.pos + length;
  if (stop > end) throw new RangeError(`${length} bytes announced, ${end - reader.pos} left`);
  return stop;
}

/** Packed items must fill their field exactly. */
function assertEnd(reader: protobuf.Reader, stop: number): void {
  if (reader.pos !== stop) throw new RangeError("its last item is cut off");
}

/** An int64 or int32; beyond ±2^53 rounded. */
function readInt(reader: protobuf.Reader): number {
  const first = reader.buf[reader.pos] ?? 128;
  if (first < 128) {
    if (reader.pos >= reader.len) throw new RangeError("index out of range");
    reader.pos++;
    return first;
  }
  return Number(reader.int64());
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readString(reader: protobuf.Reader, bytes: Uint8Array, end: number): string {
  const stop = readEnd(reader, end);
  const start = reader.pos;
  reader.pos = stop;
  if (stop - start > 64) return decoder.decode(bytes.subarray(start, stop));
  let text = "";
  for (let at = start; at < stop; at++) {
    const code = bytes[at] ?? 0;
    if (code > 127) return decoder.decode(bytes.subarray(start, stop));
    text += String.fromCharCode(code);
  }
  return text;
}

function skip(reader: protobuf.Reader, wireType: number, end: number): void {
  if (wireType === DELIMITED) reader.pos = readEnd(reader, end);
  else reader.skipType(wireType);
}
