import { describe, expect, it } from "vitest";
import { createRandom, decodeModel, GraphError } from "../../src/index.ts";
import { concatBytes } from "../codec/wire.ts";
import { floats, model, nested, node, tensor, text, valueInfo, w, x, y } from "./build.ts";

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
