import { conv, createTestModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  checkModel,
  createRandom,
  decodeModel,
  encodeModel,
  GraphError,
  inferShapes,
} from "../../src/index.ts";
import { concatBytes, PLAIN, Wire, type WireField } from "../codec/wire.ts";
import { examine } from "./examine.ts";

const w = new Wire(PLAIN);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

interface NodeFields {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: readonly WireField[];
}

function node({ op, inputs = [], outputs = [], attributes = [] }: NodeFields): WireField {
  return w.message(1, [
    ...inputs.map((name) => w.item(1, name)),
    ...outputs.map((name) => w.item(2, name)),
    ...w.text(4, op),
    ...attributes,
  ]);
}

function valueInfo(id: number, name: string | Uint8Array, dims: readonly number[]): WireField {
  const shape = w.message(
    2,
    dims.map((dim) => w.message(1, w.int(1, dim))),
  );
  const nameField = typeof name === "string" ? w.text(1, name) : w.bytes(1, name);
  return w.message(id, [...nameField, w.message(2, [w.message(1, [...w.int(1, 1), shape])])]);
}

function tensor(
  name: string,
  dims: readonly number[],
  fields: readonly WireField[],
  code = 1,
): WireField {
  return w.message(5, [
    ...w.ints(1, dims.map(BigInt), "packed"),
    ...w.int(2, code),
    ...w.text(8, name),
    ...fields,
  ]);
}

const floats = (count: number): WireField[] => w.bytes(9, new Uint8Array(count * 4));
const int = (name: string, value: number | bigint): WireField =>
  w.message(5, [...w.text(1, name), ...w.int(3, value), ...w.int(20, 2)]);
const ints = (name: string, values: readonly bigint[]): WireField =>
  w.message(5, [...w.text(1, name), ...w.ints(8, values, "packed"), ...w.int(20, 7)]);
const int64 = (name: string, values: readonly bigint[]): WireField =>
  tensor(name, [values.length], w.ints(7, values, "packed"), 7);

function model(...graph: WireField[]): Uint8Array {
  return w.encode([...w.int(1, 8), w.message(7, graph), w.message(8, w.int(2, 17))]);
}

const x = valueInfo(11, "x", [1, 4, 8, 8]);
const y = valueInfo(12, "y", [1, 4, 8, 8]);

function codeOf(bytes: Uint8Array): string {
  try {
    decodeModel(bytes);
  } catch (error) {
    if (error instanceof GraphError) return error.code;
    throw error;
  }
  return "none";
}

const random = createRandom(4);
const png = Uint8Array.of(
  0x89,
  0x50,
  0x4e,
  0x47,
  0x0d,
  0x0a,
  0x1a,
  0x0a,
  0,
  0,
  0,
  13,
  73,
  72,
  68,
  82,
);

/** If nodes within If nodes, `depth` of them. */
function nested(depth: number): Uint8Array {
  let graph: WireField[] = [node({ op: "Relu", inputs: ["x"], outputs: ["z"] })];
  let bytes = w.encode(graph);
  for (let level = 0; level < depth; level++) {
    graph = [
      node({
        op: "If",
        inputs: ["x"],
        outputs: [`y${level}`],
        attributes: [
          w.message(5, [...w.text(1, "then_branch"), w.item(6, bytes), ...w.int(20, 5)]),
        ],
      }),
    ];
    bytes = w.encode(graph);
  }
  return w.encode([...w.int(1, 8), w.item(7, bytes), w.message(8, w.int(2, 17))]);
}

/** Groups (an old kind of field, here unknown ones of id 99) within groups. */
const groups = concatBytes([
  model(x, y),
  new Uint8Array(50_000).map((_, index) => (index % 2 ? 0x06 : 0x9b)),
]);

describe("what is not an ONNX file is refused with a code", () => {
  it.each<[string, Uint8Array, string]>([
    ["nothing at all", new Uint8Array(), "malformed-model"],
    ["a PNG", png, "malformed-model"],
    ["a text", text("This is not a model, but a sentence.\n".repeat(20)), "malformed-model"],
    ["a JSON document", text('{"graph": {"node": []}}'), "malformed-model"],
    ["random bytes", Uint8Array.from({ length: 5000 }, () => random() * 256), "malformed-model"],
    ["zeros", new Uint8Array(1000), "malformed-model"],
    ["a file without a graph", w.encode(w.int(1, 8)), "malformed-model"],
    ["a graph that is there twice", concatBytes([model(x, y), model(x, y)]), "malformed-model"],
    [
      "a field longer than the file",
      Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0x07, 0),
      "malformed-model",
    ],
    [
      "a field longer than its message",
      concatBytes([Uint8Array.of(0x3a, 4, 0x0a, 100, 0, 0), new Uint8Array(200)]),
      "malformed-model",
    ],
    [
      "a name that is not UTF-8",
      model(valueInfo(11, Uint8Array.of(0x78, 0xff, 0xfe), [1])),
      "malformed-model",
    ],
    ["10,000 subgraphs within each other", nested(10_000), "malformed-model"],
    ["groups within groups", groups, "malformed-model"],
    [
      "an attribute that holds nothing of its type",
      model(
        node({
          op: "If",
          outputs: ["y"],
          attributes: [w.message(5, [...w.text(1, "a"), ...w.int(20, 5)])],
        }),
      ),
      "malformed-model",
    ],
    [
      "a tensor larger than all files",
      model(tensor("t", [2 ** 31, 2 ** 31], [])),
      "malformed-model",
    ],
    ["a tensor larger than its data", model(tensor("t", [2 ** 20], floats(4))), "malformed-model"],
    ["a tensor of no data at all", model(tensor("t", [2 ** 40], [])), "malformed-model"],
    ["a tensor with dims below 0", model(tensor("t", [-4, 2], floats(2))), "malformed-model"],
    ["a tensor of an unknown type", model(tensor("t", [1], floats(1), 99)), "unsupported"],
    [
      "an output that two nodes compute",
      model(node({ op: "A", outputs: ["y"] }), node({ op: "B", outputs: ["y"] })),
      "invalid-model",
    ],
    [
      "an output that one node has twice",
      model(node({ op: "A", outputs: ["y", "y"] })),
      "invalid-model",
    ],
    ["two inputs of one name", model(x, x), "invalid-model"],
    [
      "two initializers of one name",
      model(tensor("t", [1], floats(1)), tensor("t", [1], floats(1))),
      "invalid-model",
    ],
    ["a node that computes an input", model(x, node({ op: "A", outputs: ["x"] })), "invalid-model"],
  ])("%s", (_name, bytes, code) => {
    expect(codeOf(bytes)).toBe(code);
  });
});

describe("what is an ONNX file but no good model", () => {
  const weight = (dims: readonly number[]): WireField =>
    tensor("w", dims, floats(dims.reduce((a, b) => a * b, 1)));
  const convolution = node({ op: "Conv", inputs: ["x", "w"], outputs: ["y"] });
  const wide = 2 ** 40;
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["a graph of nothing", model()],
    [
      "a cycle",
      model(
        x,
        y,
        node({ op: "Add", inputs: ["x", "b"], outputs: ["a"] }),
        node({ op: "Relu", inputs: ["a"], outputs: ["b"] }),
        node({ op: "Relu", inputs: ["a"], outputs: ["y"] }),
      ),
    ],
    [
      "a node that reads itself",
      model(x, y, node({ op: "Add", inputs: ["x", "y"], outputs: ["y"] })),
    ],
    [
      "an input that nothing defines",
      model(y, node({ op: "Relu", inputs: ["ghost"], outputs: ["y"] })),
    ],
    ["an output that nothing defines", model(x, valueInfo(12, "ghost", [1]))],
    ["a weight for other channels", model(x, y, weight([4, 7, 3, 3]), convolution)],
    ["a weight of too few dims", model(x, y, weight([4]), convolution)],
    [
      "a declared shape that is wrong",
      model(x, valueInfo(12, "y", [9, 9]), weight([4, 4, 3, 3]), convolution),
    ],
    ["a convolution without inputs", model(node({ op: "Conv", outputs: ["y"] }), y)],
    [
      "a convolution without outputs",
      model(x, weight([4, 4, 1, 1]), node({ op: "Conv", inputs: ["x", "w"] })),
    ],
    [
      "strides of 0",
      model(
        x,
        y,
        weight([4, 4, 3, 3]),
        node({
          op: "Conv",
          inputs: ["x", "w"],
          outputs: ["y"],
          attributes: [ints("strides", [0n, 0n])],
        }),
      ),
    ],
    [
      "0 convolution groups",
      model(
        x,
        y,
        weight([4, 4, 3, 3]),
        node({ op: "Conv", inputs: ["x", "w"], outputs: ["y"], attributes: [int("group", 0)] }),
      ),
    ],
    [
      "3 convolution groups of 4 channels",
      model(
        x,
        y,
        weight([4, 2, 3, 3]),
        node({ op: "Conv", inputs: ["x", "w"], outputs: ["y"], attributes: [int("group", 3)] }),
      ),
    ],
    [
      "pads beyond all bounds",
      model(
        x,
        y,
        weight([4, 4, 3, 3]),
        node({
          op: "Conv",
          inputs: ["x", "w"],
          outputs: ["y"],
          attributes: [ints("pads", [2n ** 62n, 1n, 1n, -(2n ** 62n)])],
        }),
      ),
    ],
    [
      "an attribute of another type",
      model(
        x,
        y,
        weight([4, 4, 3, 3]),
        node({ op: "Conv", inputs: ["x", "w"], outputs: ["y"], attributes: [ints("group", [1n])] }),
      ),
    ],
    [
      "an axis that is not there",
      model(
        x,
        y,
        node({ op: "Concat", inputs: ["x", "x"], outputs: ["y"], attributes: [int("axis", -9)] }),
      ),
    ],
    [
      "an axis beyond int64",
      model(
        x,
        y,
        node({
          op: "Softmax",
          inputs: ["x"],
          outputs: ["y"],
          attributes: [int("axis", 2n ** 63n - 1n)],
        }),
      ),
    ],
    [
      "a permutation that is none",
      model(
        x,
        y,
        node({
          op: "Transpose",
          inputs: ["x"],
          outputs: ["y"],
          attributes: [ints("perm", [0n, 0n, 7n, -1n])],
        }),
      ),
    ],
    [
      "a reshape to other elements",
      model(
        x,
        y,
        int64("s", [3n, 5n]),
        node({ op: "Reshape", inputs: ["x", "s"], outputs: ["y"] }),
      ),
    ],
    [
      "a reshape of two unknowns",
      model(
        x,
        y,
        int64("s", [-1n, -1n]),
        node({ op: "Reshape", inputs: ["x", "s"], outputs: ["y"] }),
      ),
    ],
    [
      "an expansion to 2^62",
      model(
        x,
        y,
        int64("s", [2n ** 31n, 2n ** 31n, 1n, 1n, 1n, 1n]),
        node({ op: "Expand", inputs: ["x", "s"], outputs: ["y"] }),
      ),
    ],
    [
      "a tile of 2^40",
      model(
        x,
        y,
        int64("s", [1n, 2n ** 40n, 1n, 1n]),
        weight([4, 4, 1, 1]),
        node({ op: "Conv", inputs: ["x", "w"], outputs: ["c"] }),
        node({ op: "Tile", inputs: ["c", "s"], outputs: ["y"] }),
      ),
    ],
    [
      "a padding of 2^40 channels",
      model(
        x,
        y,
        int64("s", [0n, 2n ** 40n, 0n, 0n, 0n, 0n, 0n, 0n]),
        weight([4, 4, 1, 1]),
        node({ op: "Conv", inputs: ["x", "w"], outputs: ["c"] }),
        node({ op: "Pad", inputs: ["c", "s"], outputs: ["y"] }),
      ),
    ],
    [
      "a ConstantOfShape of 2^40",
      model(
        y,
        int64("s", [2n ** 40n]),
        node({ op: "ConstantOfShape", inputs: ["s"], outputs: ["y"] }),
      ),
    ],
    [
      "a Range of 2^60",
      model(
        y,
        tensor("a", [], w.ints(7, [0n], "packed"), 7),
        tensor("b", [], w.ints(7, [2n ** 60n], "packed"), 7),
        tensor("c", [], w.ints(7, [1n], "packed"), 7),
        node({ op: "Range", inputs: ["a", "b", "c"], outputs: ["y"] }),
      ),
    ],
    [
      "a split into 2^40",
      model(
        x,
        y,
        node({
          op: "Split",
          inputs: ["x"],
          outputs: ["y"],
          attributes: [int("num_outputs", 2 ** 40)],
        }),
      ),
    ],
    [
      "an input of 2^40 channels",
      model(
        valueInfo(11, "x", [1, wide, 8, 8]),
        valueInfo(11, "v", [wide, wide, 1, 1]),
        y,
        node({ op: "Conv", inputs: ["x", "v"], outputs: ["c"] }),
        node({ op: "Relu", inputs: ["c"], outputs: ["y"] }),
      ),
    ],
    [
      "a flattening of 2^40 elements",
      model(
        valueInfo(11, "x", [1, 4, 2 ** 19, 2 ** 19]),
        y,
        weight([4, 4, 1, 1]),
        node({ op: "Conv", inputs: ["x", "w"], outputs: ["c"] }),
        node({ op: "Flatten", inputs: ["c"], outputs: ["y"] }),
      ),
    ],
    [
      "dims below 0",
      model(valueInfo(11, "x", [-1, -4, 0, 8]), y, weight([4, 4, 3, 3]), convolution),
    ],
    ["an operator of no name", model(x, y, node({ op: "", inputs: ["x"], outputs: ["y"] }))],
    ["60 subgraphs within each other", nested(60)],
    [
      "a shape that goes through 30,000 nodes",
      model(
        x,
        y,
        weight([4, 4, 1, 1]),
        node({ op: "Conv", inputs: ["x", "w"], outputs: ["c"] }),
        node({ op: "Shape", inputs: ["c"], outputs: ["s0"] }),
        ...Array.from({ length: 30_000 }, (_, index) =>
          node({ op: "Identity", inputs: [`s${index}`], outputs: [`s${index + 1}`] }),
        ),
        node({ op: "Reshape", inputs: ["c", "s30000"], outputs: ["y"] }),
      ),
    ],
    [
      "30,000 nodes in the wrong order",
      model(
        x,
        y,
        ...Array.from({ length: 30_000 }, (_, index) =>
          node({
            op: "Relu",
            inputs: [index === 29_999 ? "x" : `r${index + 1}`],
            outputs: [index === 0 ? "y" : `r${index}`],
          }),
        ),
      ),
    ],
  ];

  it.each(cases)("is handled with results or codes: %s", async (_name, bytes) => {
    expect(await examine(bytes)).toBe(true);
  });

  it.each([
    ["a cycle", "cycle"],
    ["a node that reads itself", "cycle"],
    ["an input that nothing defines", "dangling-input"],
    ["an output that nothing defines", "dangling-output"],
  ])("is told by checkModel: %s", (name, code) => {
    const bytes = cases.find(([other]) => other === name)?.[1] ?? new Uint8Array();
    expect(checkModel(decodeModel(bytes)).map((issue) => issue.code)).toContain(code);
  });

  it("is told by inferShapes where shapes contradict each other", () => {
    const bytes = cases.find(([name]) => name === "a weight for other channels")?.[1];
    const { issues } = inferShapes(decodeModel(bytes ?? new Uint8Array()));
    expect(issues.some(({ severity }) => severity === "error")).toBe(true);
  });
});

describe("a truncated model", () => {
  it("is refused or handled at every length", async () => {
    const bytes = encodeModel(
      createTestModel({
        inputs: { x: [1, 2, 4, 4] },
        build: (graph, input) => unary(graph, "Relu", conv(graph, input, { out: 3, kernel: 1 })),
      }),
    );
    let refused = 0;
    for (let length = 0; length < bytes.length; length++) {
      if (!(await examine(bytes.slice(0, length)))) refused++;
    }
    expect(refused).toBeGreaterThan(bytes.length * 0.9);
  });
});
