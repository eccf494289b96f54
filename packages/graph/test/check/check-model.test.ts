import {
  assertValidModel,
  checkModel,
  Graph,
  GraphError,
  graphAttribute,
  int,
  ints,
  Model,
  readModel,
  string,
  Tensor,
  tensorAttribute,
  type Value,
} from "@ocrslim/graph";
import { sampleModel, sharedPath } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";

function modelOf(build: (graph: Graph, x: Value) => Value): Model {
  const graph = new Graph();
  const x = graph.addInput("x", { kind: "tensor", dtype: "float32", shape: [1, 4, 8, 8] });
  graph.setOutputs([build(graph, x)]);
  const model = new Model(graph);
  model.setOpset("", 13);
  return model;
}

const relu = (graph: Graph, x: Value, name = ""): Value =>
  graph.createNode({ opType: "Relu", inputs: [x], name }).output;

const weight = (...dims: number[]): Tensor =>
  Tensor.float32(dims, new Float32Array(dims.reduce((product, dim) => product * dim, 1)));

const conv = (
  dims: readonly number[],
  attributes: Parameters<Graph["createNode"]>[0]["attributes"] = {},
): Model =>
  modelOf((graph, x) => {
    const value = graph.addInitializer("weight", weight(...dims));
    return graph.createNode({ opType: "Conv", inputs: [x, value], attributes, name: "conv" })
      .output;
  });

const codes = (model: Model): string[] => checkModel(model).map(({ code }) => code);

describe("checkModel", () => {
  it.each(["det", "rec", "cls"] as const)("finds nothing wrong with %s", async (kind) => {
    expect(checkModel(await readModel(sampleModel(kind)))).toEqual([]);
  });

  const graphs = sharedPath("fixtures/graphs");
  it.skipIf(!graphs).each(["mobilenet_v2.dynamo", "shufflenet_v2_x0_5.ts", "efficientnet_b0.ts"])(
    "finds nothing wrong with an exporter's %s",
    async (name) => {
      expect(checkModel(await readModel(`${graphs}/${name}.onnx`))).toEqual([]);
    },
  );

  it("finds a node that stands before one it reads from", () => {
    const model = modelOf((graph, x) => {
      const late = graph.createNode({ opType: "Relu", inputs: [x], name: "late" });
      late.setInput(0, relu(graph, x, "early"));
      return late.output;
    });
    expect(checkModel(model)).toMatchObject([
      { severity: "error", code: "node-order", node: "late" },
    ]);
    model.graph.sort();
    expect(checkModel(model)).toEqual([]);
  });

  it("finds a cycle", () => {
    const model = modelOf((graph, x) => {
      const first = graph.createNode({ opType: "Add", inputs: [x, x] });
      const second = relu(graph, first.output);
      first.setInput(1, second);
      return second;
    });
    expect(codes(model)).toEqual(["cycle"]);
  });

  it("finds inputs and outputs that nothing defines", () => {
    const model = modelOf((graph, x) => {
      const lost = graph._define("lost");
      const sum = graph.createNode({ opType: "Add", inputs: [x, lost], name: "sum" });
      return sum.output;
    });
    expect(checkModel(model)).toMatchObject([
      { code: "dangling-input", node: "sum", value: "lost" },
    ]);
    model.graph.setOutputs([model.graph.value("lost")!]);
    expect(codes(model)).toEqual(["dangling-input", "dangling-output"]);
  });

  it("finds an initializer that was taken away from under a node", () => {
    const model = conv([2, 4, 1, 1]);
    model.graph.value("weight")!.tensor = undefined;
    expect(checkModel(model)).toMatchObject([{ code: "dangling-input", value: "weight" }]);
  });

  it("finds a value that two places define", () => {
    const model = modelOf((graph, x) => {
      const first = graph.createNode({ opType: "Relu", inputs: [x] });
      const second = graph.createNode({ opType: "Relu", inputs: [x] });
      second._outputs = first.outputs;
      return first.output;
    });
    expect(codes(model)).toEqual(["duplicate-output"]);
  });

  it("finds an output that is listed twice, and a graph without outputs", () => {
    const model = modelOf((graph, x) => relu(graph, x));
    model.graph.setOutputs([...model.graph.outputs, ...model.graph.outputs]);
    expect(codes(model)).toEqual(["duplicate-output"]);
    model.graph.setOutputs([]);
    expect(codes(model)).toEqual(["no-outputs"]);
  });

  it("finds tensors whose data does not fit their dims, in attributes too", () => {
    const short = new Tensor({
      dtype: "float32",
      dims: [3],
      storage: { kind: "raw", source: { bytes: new Uint8Array(8), start: 0, end: 8 } },
    });
    const model = modelOf((graph, x) => {
      const value = graph.addInitializer("short", short);
      graph.createNode({
        opType: "Constant",
        inputs: [],
        attributes: { value: tensorAttribute(short) },
      });
      return graph.createNode({ opType: "Add", inputs: [x, value] }).output;
    });
    expect(codes(model)).toEqual(["tensor-size", "tensor-size"]);
    expect(checkModel(model)[0]!.message).toContain("needs 12 bytes, but has 8");
  });

  it("finds external data that is not there", () => {
    const missing = new Tensor({
      dtype: "float32",
      dims: [3],
      storage: {
        kind: "external",
        location: { location: "weights.bin", offset: 0, length: 12 },
        load: () => {
          throw new GraphError("file-access", "weights.bin is not there");
        },
      },
    });
    const model = modelOf(
      (graph, x) =>
        graph.createNode({ opType: "Add", inputs: [x, graph.addInitializer("far", missing)] })
          .output,
    );
    expect(checkModel(model)).toMatchObject([{ code: "external-data", value: "far" }]);
  });

  it("finds a domain that is not imported", () => {
    const model = modelOf(
      (graph, x) => graph.createNode({ opType: "Odd", domain: "my.own", inputs: [x] }).output,
    );
    expect(codes(model)).toEqual(["missing-opset"]);
    model.setOpset("my.own", 1);
    expect(checkModel(model)).toEqual([]);
  });

  it.each([
    ["Rleu", 13, "there is no standard operator"],
    ["HardSwish", 13, "came with opset 14"],
    ["Upsample", 13, "was withdrawn in opset 10"],
  ])("warns of %s at opset %i", (opType, opset, text) => {
    const model = modelOf((graph, x) => graph.createNode({ opType, inputs: [x] }).output);
    model.setOpset("", opset);
    expect(checkModel(model)).toMatchObject([{ severity: "warning", code: "unknown-operator" }]);
    expect(checkModel(model)[0]!.message).toContain(text);
  });

  it.each([
    ["kernel_shape", { kernel_shape: ints([3, 3]) }],
    ["strides", { strides: ints([1]) }],
    ["strides", { strides: ints([0, 1]) }],
    ["pads", { pads: ints([1, 1]) }],
    ["dilations", { dilations: ints([1, 1, 1]) }],
    ["auto_pad", { auto_pad: string("SAME") }],
    ["group", { group: int(4) }],
    ["attribute", { strides: int(2) }],
  ])("finds a wrong %s of a Conv", (name, attributes) => {
    const issues = checkModel(conv([2, 4, 1, 1], attributes));
    expect(issues).toMatchObject([{ severity: "error", code: "invalid-attribute", node: "conv" }]);
    expect(issues[0]!.message).toContain(name);
  });

  it("finds a pool without kernel_shape", () => {
    const model = modelOf(
      (graph, x) => graph.createNode({ opType: "MaxPool", inputs: [x] }).output,
    );
    expect(codes(model)).toEqual(["invalid-attribute"]);
  });

  it("looks into subgraphs", () => {
    const model = modelOf((graph, x) => {
      const inner = new Graph();
      inner.setOutputs([inner.createNode({ opType: "Rleu", inputs: [x] }).output]);
      const condition = graph.addInitializer("yes", Tensor.from("bool", [], Uint8Array.of(1)));
      const attributes = { then_branch: graphAttribute(inner) };
      return graph.createNode({ opType: "If", inputs: [condition], attributes }).output;
    });
    expect(codes(model)).toEqual(["unknown-operator"]);
  });
});

describe("assertValidModel", () => {
  it("passes over warnings", () => {
    const model = modelOf((graph, x) => graph.createNode({ opType: "Rleu", inputs: [x] }).output);
    expect(() => assertValidModel(model)).not.toThrow();
  });

  it("throws the first error, with where it is", () => {
    const model = conv([2, 4, 1, 1], { strides: ints([0, 0]), group: int(4) });
    let thrown: unknown;
    try {
      assertValidModel(model);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: "GraphError", code: "invalid-model", node: "conv" });
    expect((thrown as GraphError).message).toMatch(/strides.*1 more/);
  });
});
