import { conv, createTestModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { checkModel, decodeModel, encodeModel, inferShapes } from "../../src/index.ts";
import type { WireField } from "../codec/wire.ts";
import {
  floats,
  int,
  int64,
  ints,
  model,
  nested,
  node,
  tensor,
  valueInfo,
  w,
  x,
  y,
} from "./build.ts";
import { examine } from "./examine.ts";

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
      "a list of 2^40 dims, put together from parts",
      model(
        x,
        y,
        valueInfo(11, "v", [2 ** 40]),
        int64("s", [1n]),
        node({ op: "Concat", inputs: ["s", "v"], outputs: ["d"], attributes: [int("axis", 0)] }),
        node({ op: "Reshape", inputs: ["x", "d"], outputs: ["y"] }),
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
