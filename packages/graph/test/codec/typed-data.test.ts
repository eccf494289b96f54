import { describe, expect, it } from "vitest";
import { decodeModel, encodeModel, GraphError, type Tensor } from "../../src/index.ts";
import { PLAIN, Wire, type WireField } from "./wire.ts";

const w = new Wire(PLAIN);

/** A model of one initializer, of the TensorProto fields given. */
function modelOf(fields: readonly WireField[]): Uint8Array {
  return w.encode([
    ...w.int(1, 8),
    w.message(7, [w.message(5, [...fields, ...w.text(8, "t")])]),
    w.message(8, [...w.int(2, 17)]),
  ]);
}

function tensorOf(fields: readonly WireField[]): Tensor {
  const tensor = decodeModel(modelOf(fields)).graph.value("t")?.tensor;
  if (!tensor) throw new Error("there is no tensor");
  return tensor;
}

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof GraphError) return error.code;
    throw error;
  }
  return "none";
};

const dims = (...values: number[]): WireField[] => w.ints(1, values.map(BigInt), "packed");

describe("numbers of typed tensors", () => {
  it.each([
    ["float32", 1, w.fixed(4, [new Uint8Array(Float32Array.of(1.5).buffer)], "packed"), 1.5],
    ["uint8", 2, w.ints(5, [200n], "packed"), 200],
    ["int8", 3, w.ints(5, [-3n], "packed"), -3],
    ["uint16", 4, w.ints(5, [65535n], "packed"), 65535],
    ["int16", 5, w.ints(5, [-2n], "unpacked"), -2],
    ["int32", 6, w.ints(5, [-(2n ** 31n)], "packed"), -(2 ** 31)],
    ["int64", 7, w.ints(7, [-(2n ** 53n)], "packed"), -(2 ** 53)],
    ["bool", 9, w.ints(5, [1n], "packed"), 1],
    ["float16", 10, w.ints(5, [0x3c00n], "packed"), 1],
    ["float16, subnormal", 10, w.ints(5, [1n], "packed"), 2 ** -24],
    ["float16, infinite", 10, w.ints(5, [0xfc00n], "packed"), Number.NEGATIVE_INFINITY],
    ["float64", 11, w.fixed(10, [new Uint8Array(Float64Array.of(0.1).buffer)], "packed"), 0.1],
    ["uint32", 12, w.ints(11, [4294967295n], "packed"), 4294967295],
    ["uint64", 13, w.ints(11, [2n ** 63n], "packed"), 2 ** 63],
    ["bfloat16", 16, w.ints(5, [0xbf80n], "packed"), -1],
    ["uint4", 21, w.ints(5, [0x0fn], "packed"), 15],
    ["int4", 22, w.ints(5, [0x0fn], "packed"), -1],
  ] as const)("of %s are read", (_name, code, data, expected) => {
    expect([...tensorOf([...dims(1), ...w.int(2, code), ...data]).toNumbers()]).toEqual([expected]);
  });

  it.each([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n])(
    "of int64 keep all 64 bits: %s",
    (value) => {
      const { bytes } = tensorOf([...dims(1), ...w.int(2, 7), ...w.ints(7, [value], "packed")]);
      expect(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true)).toBe(value);
    },
  );

  it("are refused where the type has none", () => {
    for (const code of [14, 17, 18, 23]) {
      const tensor = tensorOf([...dims(0), ...w.int(2, code)]);
      expect(codeOf(() => tensor.toNumbers())).toBe("unsupported");
    }
  });
});

describe("damaged typed data is refused with a code, at the latest when it is read:", () => {
  const float = new Uint8Array(4);
  it.each<[string, WireField[]]>([
    [
      "fewer elements than the dims say",
      [...dims(3), ...w.int(2, 1), ...w.fixed(4, [float], "packed")],
    ],
    [
      "more elements than the dims say",
      [...dims(1), ...w.int(2, 1), ...w.fixed(4, [float, float], "packed")],
    ],
    ["an element that is cut off", [...dims(2), ...w.int(2, 1), w.item(4, new Uint8Array(7))]],
    ["a varint that is cut off", [...dims(2), ...w.int(2, 7), w.item(7, Uint8Array.of(1, 0x80))]],
    ["no elements", [...dims(2), ...w.int(2, 7)]],
    ["raw data of another length", [...dims(2), ...w.int(2, 7), ...w.bytes(9, new Uint8Array(15))]],
    ["dims below 0", [...dims(-1), ...w.int(2, 1)]],
    ["dims beyond all files", [...dims(2 ** 31, 2 ** 31), ...w.int(2, 1)]],
    ["strings that are too few", [...dims(2), ...w.int(2, 8), w.item(6, "a")]],
  ])("%s", (_name, fields) => {
    expect(codeOf(() => tensorOf(fields).bytes)).toBe("malformed-model");
  });

  it("but a model of it is still encoded as it was, if it can be decoded at all", () => {
    const bytes = modelOf([...dims(2), ...w.int(2, 7), w.item(7, Uint8Array.of(1, 0x80))]);
    expect(Buffer.compare(encodeModel(decodeModel(bytes)), bytes)).toBe(0);
  });

  it.each([-1, 27, 1000])("an element type that ONNX does not have (%s) is unsupported", (code) => {
    expect(codeOf(() => tensorOf([...dims(1), ...w.int(2, code)]))).toBe("unsupported");
  });

  it("and so are segments", () => {
    const segment = w.message(3, [...w.int(1, 0), ...w.int(2, 1)]);
    expect(codeOf(() => tensorOf([...dims(0), ...w.int(2, 1), segment]))).toBe("unsupported");
  });
});

describe("integers of attributes", () => {
  it("that are not edited keep all 64 bits; set ones saturate", () => {
    const node = w.message(1, [
      ...w.text(4, "Op"),
      w.item(2, "y"),
      w.message(5, [...w.text(1, "end"), ...w.int(3, 2n ** 63n - 1n), ...w.int(20, 2)]),
    ]);
    const bytes = w.encode([w.message(7, [node]), w.message(8, [...w.int(2, 17)])]);
    const model = decodeModel(bytes);
    const [op] = model.graph.nodes;
    expect(op?.int("end")).toBe(2 ** 63);
    op?.setAttribute("copy", { type: "int", value: op.int("end") ?? 0 });
    op?.setAttribute("low", { type: "int", value: -(2 ** 63) });
    const [again] = decodeModel(encodeModel(model)).graph.nodes;
    expect(again?.int("copy")).toBe(2 ** 63);
    expect(again?.int("low")).toBe(-(2 ** 63));
  });
});
