import protobuf from "protobufjs/minimal.js";
import { GraphError } from "../errors.ts";
import {
  byteLength,
  type DataType,
  dataTypeBits,
  dataTypeField,
  elementCount,
} from "../ir/data-type.ts";
import { sourceBytes } from "../ir/source.ts";
import type { FieldRange, TensorProto } from "./protos.ts";

const DELIMITED = 2;

/**
 * Turns the typed fields of a TensorProto (`float_data`, `int32_data`, …) into the bytes that
 * `raw_data` would hold.
 * @throws GraphError `malformed-model` if there are more or fewer elements than the dims say.
 */
export function decodeTypedData(
  proto: TensorProto,
  dtype: DataType,
  dims: readonly number[],
): Uint8Array {
  const ranges = (proto[dataTypeField(dtype)] ?? []) as readonly FieldRange[];
  const bits = dataTypeBits(dtype);
  const out = new Uint8Array(byteLength(dtype, dims));
  const view = new DataView(out.buffer);
  const perItem = dtype === "complex64" || dtype === "complex128" ? 2 : 1;
  // Sub-byte types are packed into bytes, one byte an int32 item.
  const expected = bits < 8 ? out.length : elementCount(dims) * perItem;
  const width = bits < 8 ? 1 : bits / 8 / perItem;
  let count = 0;
  for (const range of ranges) {
    // Not beyond the range: a damaged last item must not run on into what follows it.
    const reader = protobuf.Reader.create(sourceBytes(range));
    while (reader.pos < reader.len) {
      if (count >= expected) throw wrongCount(proto, dims, "more than", expected);
      try {
        writeItem(reader, dtype, view, count * width);
      } catch (cause) {
        throw damaged(proto, dims, `item ${count} of its typed data is cut off`, cause);
      }
      count++;
      if (range.wireType !== DELIMITED) break;
    }
  }
  if (count !== expected) throw wrongCount(proto, dims, String(count), expected);
  return out;
}

function writeItem(reader: protobuf.Reader, dtype: DataType, view: DataView, at: number): void {
  switch (dtype) {
    case "float32":
    case "complex64":
      view.setUint32(at, reader.fixed32(), true);
      return;
    case "float64":
    case "complex128":
      view.setUint32(at, reader.fixed32(), true);
      view.setUint32(at + 4, reader.fixed32(), true);
      return;
    case "int64":
    case "uint64":
      view.setBigUint64(at, readVarint(reader), true);
      return;
    case "int32":
    case "uint32":
      view.setInt32(at, reader.int32(), true);
      return;
    case "int16":
    case "uint16":
    case "float16":
    case "bfloat16":
      view.setInt16(at, reader.int32(), true);
      return;
    default:
      view.setInt8(at, reader.int32());
  }
}

/** All 64 bits: the reader's own `int64` rounds where the package `long` is not installed. */
function readVarint(reader: protobuf.Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.buf[reader.pos];
    if (byte === undefined) throw new RangeError("index out of range");
    reader.pos++;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) break;
  }
  return BigInt.asUintN(64, value);
}

function wrongCount(
  proto: TensorProto,
  dims: readonly number[],
  count: string,
  expected: number,
): GraphError {
  return damaged(proto, dims, `it holds ${count} elements in its typed data, expected ${expected}`);
}

function damaged(
  proto: TensorProto,
  dims: readonly number[],
  what: string,
  cause?: unknown,
): GraphError {
  return new GraphError(
    "malformed-model",
    `decodeModel: tensor "${proto.name ?? ""}" of dims [${dims}] can't be read: ${what}; the file is damaged`,
    { value: proto.name ?? "", cause },
  );
}
