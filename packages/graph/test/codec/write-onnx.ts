import { dataTypeCode } from "../../src/index.ts";
import type {
  AttributeSpec,
  GraphSpec,
  InfoSpec,
  ModelSpec,
  NodeSpec,
  TensorSpec,
} from "./onnx-spec.ts";
import { type Packing, Wire, type WireField, type WireStyle } from "./wire.ts";

/** What is written: the file, and the data file beside it. */
export interface WrittenOnnx {
  readonly bytes: Uint8Array;
  readonly external: Uint8Array;
}

/** Name of the data file. */
export const EXTERNAL_NAME = "weights.bin";

/** Makes an ONNX file of a description, field by field from `onnx.proto`. */
export function writeOnnx(spec: ModelSpec, style: WireStyle): WrittenOnnx {
  const writer = new OnnxWriter(style);
  const bytes = writer.model(spec);
  const external = new Uint8Array(writer.externalLength);
  for (const [offset, part] of writer.external) external.set(part, offset);
  return { bytes, external };
}

const INT32_TYPES = new Set(["int32", "int16", "int8"]);

class OnnxWriter {
  readonly #wire: Wire;
  readonly external: [offset: number, bytes: Uint8Array][] = [];
  externalLength = 0;

  constructor(style: WireStyle) {
    this.#wire = new Wire(style);
  }

  model(spec: ModelSpec): Uint8Array {
    const w = this.#wire;
    return w.encode([
      ...w.int(1, spec.irVersion),
      ...w.text(2, spec.producerName),
      ...w.text(4, "some.domain"),
      ...w.int(5, -1),
      ...w.text(6, "Beschreibung – 説明"),
      w.message(7, this.graph(spec.graph)),
      ...spec.opsets.map(([domain, version]) =>
        // Without liberties: an entry is written anew when the model is edited.
        new Wire({ ...w.style, unknown: undefined }).message(8, [
          ...w.text(1, domain),
          ...w.int(2, version),
        ]),
      ),
      ...spec.metadata.map(([key, value]) => this.#entry(14, key, value)),
      ...(spec.hasTraining
        ? [w.message(20, [w.message(1, [...w.text(2, "initialization")])])]
        : []),
      ...spec.functions.map((name) =>
        w.message(25, [
          ...w.text(1, name),
          w.item(4, "x"),
          w.item(5, "y"),
          w.message(
            7,
            this.node({
              opType: "Relu",
              domain: "",
              name: "",
              inputs: ["x"],
              outputs: ["y"],
              attributes: [],
            }),
          ),
          ...w.text(10, "own"),
        ]),
      ),
    ]);
  }

  #entry(id: number, key: string, value: string): WireField {
    const w = new Wire({ ...this.#wire.style, unknown: undefined });
    return w.message(id, [...w.text(1, key), ...w.text(2, value)]);
  }

  graph(spec: GraphSpec): WireField[] {
    const w = this.#wire;
    const [first] = spec.initializers;
    return [
      ...spec.nodes.map((node) => w.message(1, this.node(node))),
      ...w.text(2, spec.name),
      ...spec.initializers.map((tensor) => w.message(5, this.tensor(tensor))),
      ...w.text(10, "graph doc"),
      ...spec.inputs.map((info) => w.message(11, this.info(info))),
      ...spec.outputs.map((info) => w.message(12, this.info(info))),
      ...spec.infos.map((info) => w.message(13, this.info(info))),
      ...(first
        ? [w.message(14, [...w.text(1, first.name), this.#entry(2, "SCALE_TENSOR", first.name)])]
        : []),
      ...spec.sparse.map((tensor) => w.message(15, this.sparse(tensor))),
      this.#entry(16, "graph key", "graph value"),
    ];
  }

  node(spec: NodeSpec): WireField[] {
    const w = this.#wire;
    return [
      ...spec.inputs.map((name) => w.item(1, name)),
      ...spec.outputs.map((name) => w.item(2, name)),
      ...(spec.name ? w.text(3, spec.name) : []),
      ...w.text(4, spec.opType),
      ...spec.attributes.map((attribute) => w.message(5, this.attribute(attribute))),
      ...w.text(6, "node doc"),
      ...(spec.domain ? w.text(7, spec.domain) : []),
      ...w.text(8, "overload"),
      this.#entry(9, "node key", "node value"),
    ];
  }

  attribute(spec: AttributeSpec): WireField[] {
    const w = this.#wire;
    const base = [...w.text(1, spec.name), ...w.text(13, "attribute doc")];
    const type = (code: number): WireField[] => (spec.hasType ? w.int(20, code) : []);
    switch (spec.type) {
      case "float":
        return [...base, ...w.float(2, spec.value), ...type(1)];
      case "int":
        return [...base, ...w.int(3, spec.value), ...type(2)];
      case "string":
        return [...base, ...w.text(4, spec.value), ...type(3)];
      case "tensor":
        return [...base, w.message(5, this.tensor(spec.value)), ...type(4)];
      case "graph":
        return [...base, w.message(6, this.graph(spec.value)), ...type(5)];
      case "floats":
        return [
          ...base,
          ...w.fixed(7, spec.value.map(float32Bytes), spec.packing),
          ...w.int(20, 6),
        ];
      case "ints":
        return [...base, ...w.ints(8, spec.value, spec.packing), ...w.int(20, 7)];
      case "strings":
        return [...base, ...spec.value.map((text) => w.item(9, text)), ...w.int(20, 8)];
      case "tensors":
        return [
          ...base,
          ...spec.value.map((value) => w.message(10, this.tensor(value))),
          ...w.int(20, 9),
        ];
      case "graphs":
        return [
          ...base,
          ...spec.value.map((value) => w.message(11, this.graph(value))),
          ...w.int(20, 10),
        ];
      case "opaque":
        return [...base, ...this.#opaque(spec.value)];
    }
  }

  #opaque(value: "sparse" | "type" | "reference" | "bytes"): WireField[] {
    const w = this.#wire;
    switch (value) {
      case "sparse":
        return [w.message(22, [w.item(3, Uint8Array.of(4, 5))]), ...w.int(20, 11)];
      case "type":
        return [w.message(14, [w.message(1, [...w.int(1, 1)])]), ...w.int(20, 13)];
      case "reference":
        return [...w.text(21, "outer_attribute"), ...w.int(20, 2)];
      case "bytes":
        return [w.item(4, Uint8Array.of(0xff, 0x00, 0xc3)), ...w.int(20, 3)];
    }
  }

  sparse(values: TensorSpec): WireField[] {
    const w = this.#wire;
    const indices: TensorSpec = {
      name: "",
      dtype: "int64",
      dims: [values.dims[0] ?? 1],
      bytes: new Uint8Array((values.dims[0] ?? 1) * 8),
      strings: [],
      storage: "raw",
    };
    return [
      w.message(1, this.tensor(values)),
      w.message(2, this.tensor(indices)),
      ...w.ints(3, [40n, 40n], "packed"),
    ];
  }

  info(spec: InfoSpec): WireField[] {
    const w = this.#wire;
    const type = this.#type(spec);
    return [
      ...w.text(1, spec.name),
      ...(type ? [w.message(2, [type, ...w.text(6, "IMAGE")])] : []),
      ...w.text(3, "info doc"),
      this.#entry(4, "info key", "info value"),
    ];
  }

  #type(spec: InfoSpec): WireField | undefined {
    const w = this.#wire;
    const tensor = (id: number): WireField =>
      w.message(id, [
        ...w.int(1, dataTypeCode(spec.dtype)),
        ...(spec.shape
          ? [
              w.message(
                2,
                spec.shape.map((dim) =>
                  w.message(1, [
                    ...(typeof dim === "number" ? w.int(1, dim) : []),
                    ...(typeof dim === "string" ? w.text(2, dim) : []),
                    ...w.text(3, "DATA_CHANNEL"),
                  ]),
                ),
              ),
            ]
          : []),
      ]);
    switch (spec.kind) {
      case "tensor":
        return tensor(1);
      case "sparse":
        return tensor(8);
      case "sequence":
        return w.message(4, [w.message(1, [tensor(1)])]);
      case "optional":
        return w.message(9, [w.message(1, [tensor(1)])]);
      case "map":
        return w.message(5, [...w.int(1, 8), w.message(2, [tensor(1)])]);
      case "none":
        return undefined;
    }
  }

  tensor(spec: TensorSpec): WireField[] {
    const w = this.#wire;
    const dims = w.ints(1, spec.dims.map(BigInt), spec.dims.length % 2 ? "packed" : "unpacked");
    const base = [
      ...dims,
      ...w.int(2, dataTypeCode(spec.dtype)),
      ...(spec.name ? w.text(8, spec.name) : []),
      ...w.text(12, "tensor doc"),
    ];
    if (spec.dtype === "string") return [...base, ...spec.strings.map((text) => w.item(6, text))];
    if (spec.storage === "raw") return [...base, ...w.bytes(9, spec.bytes)];
    if (spec.storage !== "external") return [...base, ...this.#typed(spec, spec.storage)];
    const offset = this.externalLength;
    this.external.push([offset, spec.bytes]);
    this.externalLength += spec.bytes.length + 3;
    return [
      ...base,
      this.#entry(13, "location", EXTERNAL_NAME),
      this.#entry(13, "offset", String(offset)),
      ...(spec.dims.length % 2 ? [this.#entry(13, "length", String(spec.bytes.length))] : []),
      this.#entry(13, "checksum", "abc"),
      ...w.int(14, 1),
    ];
  }

  #typed({ dtype, bytes }: TensorSpec, packing: Packing): WireField[] {
    const w = this.#wire;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const items = <T>(size: number, read: (at: number) => T): T[] =>
      Array.from({ length: bytes.length / size }, (_, index) => read(index * size));
    const pieces = (size: number): Uint8Array[] => items(size, (at) => bytes.slice(at, at + size));
    switch (dtype) {
      case "float32":
      case "complex64":
        return w.fixed(4, pieces(4), packing);
      case "float64":
      case "complex128":
        return w.fixed(10, pieces(8), packing);
      case "int64":
        return w.ints(
          7,
          items(8, (at) => view.getBigInt64(at, true)),
          packing,
        );
      case "uint64":
        return w.ints(
          11,
          items(8, (at) => view.getBigUint64(at, true)),
          packing,
        );
      case "uint32":
        return w.ints(
          11,
          items(4, (at) => BigInt(view.getUint32(at, true))),
          packing,
        );
      case "int32":
        return w.ints(
          5,
          items(4, (at) => BigInt(view.getInt32(at, true))),
          packing,
        );
      case "int16":
        return w.ints(
          5,
          items(2, (at) => BigInt(view.getInt16(at, true))),
          packing,
        );
      case "uint16":
      case "float16":
      case "bfloat16":
        return w.ints(
          5,
          items(2, (at) => BigInt(view.getUint16(at, true))),
          packing,
        );
      default:
        return w.ints(
          5,
          items(1, (at) => BigInt(INT32_TYPES.has(dtype) ? view.getInt8(at) : view.getUint8(at))),
          packing,
        );
    }
  }
}

function float32Bytes(value: number): Uint8Array {
  return new Uint8Array(Float32Array.of(value).buffer);
}
