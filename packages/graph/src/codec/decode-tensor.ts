import { GraphError } from "../errors.ts";
import { byteLength, type DataType, dataTypeField, dataTypeFromCode } from "../ir/data-type.ts";
import { type SourceRange, sourceBytes } from "../ir/source.ts";
import { type ExternalLocation, Tensor, type TensorStorage } from "../ir/tensor.ts";
import type { FieldRange, TensorProto } from "./protos.ts";
import { decodeTypedData } from "./tensor-data.ts";

/** Gives the bytes of external data; `length` is what the tensor needs. */
export type ExternalDataLoader = (
  location: ExternalLocation,
  length: number,
  tensor: string,
) => Uint8Array;

const EXTERNAL = 1;

/** Makes a tensor of a TensorProto; bulk data stays in the file. */
export function decodeTensor(
  proto: TensorProto,
  loadExternal: ExternalDataLoader | undefined,
): Tensor {
  const name = proto.name ?? "";
  const dtype = dataTypeFromCode(proto.dataType ?? 0);
  if (dtype === undefined) {
    throw new GraphError(
      "unsupported",
      `decodeModel: tensor "${name}" has element type ${proto.dataType}, which ONNX does not define; the file is damaged or newer than this version`,
      { value: name },
    );
  }
  if (proto.segment) {
    throw new GraphError(
      "unsupported",
      `decodeModel: tensor "${name}" is stored in segments, which no ONNX tool writes; save the model again without them`,
      { value: name },
    );
  }
  const dims = proto.dims?.slice() ?? [];
  for (const dim of dims) {
    if (dim < 0 || !Number.isSafeInteger(dim)) {
      throw new GraphError(
        "malformed-model",
        `decodeModel: tensor "${name}" has dims [${dims}]; they must be 0 or more`,
        { value: name },
      );
    }
  }
  const length = byteLength(dtype, dims);
  if (!Number.isSafeInteger(length)) {
    throw new GraphError(
      "malformed-model",
      `decodeModel: tensor "${name}" has dims [${dims}], more than any file can hold`,
      { value: name },
    );
  }
  return new Tensor({
    dtype,
    dims,
    storage: storageOf(proto, name, dtype, dims, length, loadExternal),
    proto: proto.source,
    ...(proto.name === undefined ? {} : { name: proto.name }),
  });
}

function storageOf(
  proto: TensorProto,
  name: string,
  dtype: DataType,
  dims: readonly number[],
  length: number,
  loadExternal: ExternalDataLoader | undefined,
): TensorStorage {
  if (proto.dataLocation === EXTERNAL) {
    const location = externalLocation(proto, name);
    if (location.length !== undefined && location.length !== length) {
      throw new GraphError(
        "malformed-model",
        `decodeModel: tensor "${name}" of dims [${dims}] needs ${length} bytes, its external data has ${location.length}`,
        { value: name },
      );
    }
    return {
      kind: "external",
      location,
      load: () => {
        if (!loadExternal) {
          throw new GraphError(
            "file-access",
            `decodeModel: tensor "${name}" lies in the file "${location.location}"; read the model with readModel(path), or give decodeModel an externalData loader`,
            { value: name },
          );
        }
        return loadExternal(location, length, name);
      },
    };
  }
  if (dtype === "string") {
    const ranges = proto.stringData ?? [];
    if (ranges.length !== dims.reduce((product, dim) => product * dim, 1)) {
      throw new GraphError(
        "malformed-model",
        `decodeModel: string tensor "${name}" of dims [${dims}] holds ${ranges.length} strings`,
        { value: name },
      );
    }
    return { kind: "strings", load: () => ranges.map((range) => sourceBytes(range)) };
  }
  const { rawData } = proto;
  if (rawData && rawData.end - rawData.start > 0) {
    if (rawData.end - rawData.start !== length) {
      throw new GraphError(
        "malformed-model",
        `decodeModel: tensor "${name}" of type ${dtype} and dims [${dims}] needs ${length} bytes, its raw data has ${rawData.end - rawData.start}; the file is damaged`,
        { value: name },
      );
    }
    return { kind: "raw", source: rawData };
  }
  const stored = (proto[dataTypeField(dtype)] as readonly FieldRange[] | undefined) ?? [];
  const available = stored.reduce((sum, range) => sum + range.end - range.start, 0);
  // Every element takes at least one byte (two elements share one in packed 4-bit types).
  if (length > 0 && available * 8 < length) {
    throw new GraphError(
      "malformed-model",
      `decodeModel: tensor "${name}" of type ${dtype} and dims [${dims}] needs ${length} bytes, but the file holds ${available} bytes of data for it`,
      { value: name },
    );
  }
  return { kind: "typed", load: () => decodeTypedData(proto, dtype, dims) };
}

function externalLocation(proto: TensorProto, name: string): ExternalLocation {
  const entries = new Map(
    (proto.externalData ?? []).map((entry) => [entry.key ?? "", entry.value ?? ""]),
  );
  const integer = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) {
      throw new GraphError(
        "malformed-model",
        `decodeModel: tensor "${name}" has external data with ${key} "${text}"; it must be a whole number of bytes`,
        { value: name },
      );
    }
    return number;
  };
  const location = entries.get("location");
  if (!location) {
    throw new GraphError(
      "malformed-model",
      `decodeModel: tensor "${name}" has external data without a location`,
      { value: name },
    );
  }
  return { location, offset: integer("offset") ?? 0, length: integer("length") };
}

/** Bytes of a field, as text if they are UTF-8. */
export function decodeText(range: SourceRange): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(sourceBytes(range));
  } catch {
    return undefined;
  }
}
