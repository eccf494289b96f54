import protobuf from "protobufjs/minimal.js";
import { GraphError } from "../errors.ts";
import {
  byteLength,
  type DataType,
  dataTypeBits,
  dataTypeField,
  elementCount,
} from "../ir/data-type.ts";
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
    const reader = protobuf.Reader.create(range.bytes);
    reader.pos = range.start;
    while (reader.pos < range.end) {
      if (count >= expected) throw wrongCount(proto, dims, "more than", expected);
      writeItem(reader, dtype, view, count * width);
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
    case "uint64": {
      const long = reader.int64() as unknown as number | { low: number; high: number };
      if (typeof long === "number") view.setBigInt64(at, BigInt(long), true);
      else {
        view.setInt32(at, long.low, true);
        view.setInt32(at + 4, long.high, true);
      }
      return;
    }
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

function wrongCount(
  proto: TensorProto,
  dims: readonly number[],
  count: string,
  expected: number,
): GraphError {
  return new GraphError(
    "malformed-model",
    `decodeModel: tensor "${proto.name ?? ""}" of dims [${dims}] holds ${count} elements in its typed data, expected ${expected}; the file is damaged`,
    { value: proto.name ?? "" },
  );
}
