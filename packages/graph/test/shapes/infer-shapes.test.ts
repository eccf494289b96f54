import {
  float,
  Graph,
  GraphError,
  graphAttribute,
  inferShapes,
  int,
  ints,
  Model,
  type Node,
  type NodeInit,
  type ShapeRule,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { describe, expect, it } from "vitest";

/** A model with the float input `x` and what `build` adds to it. */
function modelOf(
  shape: readonly (number | string | undefined)[],
  build: (graph: Graph, x: Value) => Value,
): Model {
  const graph = new Graph();
  const x = graph.addInput("x", { kind: "tensor", dtype: "float32", shape });
  graph.setOutputs([build(graph, x)]);
  const model = new Model(graph);
  model.setOpset("", 13);
  return model;
}

const zeros = (graph: Graph, ...dims: number[]): Value =>
  graph.addInitializer(
    "weight",
    Tensor.float32(dims, new Float32Array(dims.reduce((product, dim) => product * dim, 1))),
  );

const expectCode = (run: () => unknown, code: string, text: RegExp): void => {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(GraphError);
  expect(thrown).toMatchObject({ code });
  expect((thrown as GraphError).message).toMatch(text);
};

describe("inferShapes", () => {
  const relu = (graph: Graph, x: Value): Value =>
    graph.createNode({ opType: "Relu", inputs: [x] }).output;

  it("asks for the shape of an input with a symbolic dim, and names both", () => {
    const model = modelOf(["batch", 3, undefined, 4], relu);
    expectCode(() => inferShapes(model), "invalid-option", /"x".*\[batch, 3, \?, 4\].*inputShapes/);
  });

  it("refuses a given shape that contradicts a fixed dim", () => {
    const model = modelOf(["batch", 3], relu);
    expectCode(
      () => inferShapes(model, { inputShapes: { x: [1, 4] } }),
      "shape-mismatch",
      /\[1, 4\].*\[batch, 3\]/,
    );
    expectCode(() => inferShapes(model, { inputShapes: { x: [1] } }), "shape-mismatch", /\[1\]/);
  });

  it("refuses shapes for what is no input, and dims that are no sizes", () => {
    const model = modelOf(["batch", 3], relu);
    expectCode(() => inferShapes(model, { inputShapes: { y: [1] } }), "invalid-option", /"y"/);
    expectCode(
      () => inferShapes(model, { inputShapes: { x: [-1, 3] } }),
      "invalid-option",
      /\[-1, 3\]/,
    );
  });

  it("does not change the model and keeps the shapes it used", () => {
    const model = modelOf(["batch", 3], relu);
    const [output] = model.graph.outputs;
    const shapes = inferShapes(model, { inputShapes: { x: [2, 3] } });
    expect(shapes.inputShapes).toEqual({ x: [2, 3] });
    expect(shapes.shapeOf(output!)).toEqual([2, 3]);
    expect(shapes.dtypeOf(output!)).toBe("float32");
    expect(output!.type).toBeUndefined();
  });

  it("computes what shapes determine, through to a Reshape", () => {
    const model = modelOf(["n", 4, "h", "w"], (graph, x) => {
      const shape = graph.createNode({ opType: "Shape", inputs: [x] }).output;
      const first = graph.addInitializer("zero", Tensor.int64([0]));
      const batch = graph.createNode({ opType: "Gather", inputs: [shape, first] }).output;
      const rest = graph.addInitializer("rest", Tensor.int64([2, -1]));
      const target = graph.createNode({
        opType: "Concat",
        inputs: [batch, rest],
        outputs: ["target"],
        attributes: { axis: int(0) },
      }).output;
      return graph.createNode({ opType: "Reshape", inputs: [x, target] }).output;
    });
    const shapes = inferShapes(model, { inputShapes: { x: [3, 4, 5, 6] } });
    expect(shapes.constantOf(model.graph.value("target")!)?.toNumbers()).toEqual(
      Float64Array.of(3, 2, -1),
    );
    expect(shapes.shapeOf(model.graph.outputs[0]!)).toEqual([3, 2, 60]);
    expect(shapes.issues).toEqual([]);
  });

  it("leaves constants larger than the limit alone, but knows their shape", () => {
    const model = modelOf([2], (graph, x) => {
      const two = graph.addInitializer("two", Tensor.int64([2, 3]));
      const filled = graph.createNode({
        opType: "ConstantOfShape",
        inputs: [two],
        outputs: ["filled"],
      }).output;
      graph.createNode({ opType: "Neg", inputs: [filled], outputs: ["negated"] });
      return relu(graph, x);
    });
    const filled = model.graph.value("filled")!;
    expect(inferShapes(model, { maxConstantSize: 6 }).constantOf(filled)?.size).toBe(6);
    const limited = inferShapes(model, { maxConstantSize: 5 });
    expect(limited.constantOf(filled)).toBeUndefined();
    expect(limited.shapeOf(model.graph.value("negated")!)).toEqual([2, 3]);
  });

  it("says which operator it does not know, and claims nothing of its output", () => {
    const model = modelOf([2, 3], (graph, x) => {
      const odd = graph.createNode({ opType: "Relu", domain: "my.own", inputs: [x], name: "odd" });
      return relu(graph, odd.output);
    });
    const shapes = inferShapes(model);
    expect(shapes.shapeOf(model.graph.outputs[0]!)).toBeUndefined();
    expect(shapes.issues).toMatchObject([
      { severity: "warning", code: "unknown-operator", node: "odd" },
    ]);
    expect(shapes.issues[0]!.message).toContain("my.own:Relu");
  });

  it("takes rules for operators it does not know, and instead of its own", () => {
    const twice: ShapeRule = (context) => [{ dims: context.dims(0)?.map((dim) => 2 * dim) }];
    const model = modelOf([2, 3], (graph, x) =>
      relu(graph, graph.createNode({ opType: "Odd", domain: "my.own", inputs: [x] }).output),
    );
    const rules = new Map([
      ["my.own:Odd", twice],
      ["Relu", twice],
    ]);
    const shapes = inferShapes(model, { rules });
    expect(shapes.shapeOf(model.graph.outputs[0]!)).toEqual([8, 12]);
    expect(shapes.issues).toEqual([]);
  });

  it("does not use its own rule for an operator that the model defines as a function", () => {
    const model = modelOf([2, 3], relu);
    model._functions = new Set([":Relu"]);
    expect(inferShapes(model).issues).toMatchObject([{ code: "unknown-operator" }]);
  });

  it("leaves the outputs of subgraphs unknown, with a warning", () => {
    const model = modelOf([2, 3], (graph, x) => {
      const inner = new Graph();
      inner.setOutputs([x]);
      const condition = graph.addInitializer("yes", Tensor.from("bool", [], Uint8Array.of(1)));
      return graph.createNode({
        opType: "If",
        inputs: [condition],
        attributes: { then_branch: graphAttribute(inner), else_branch: graphAttribute(inner) },
      }).output;
    });
    expect(inferShapes(model).issues).toMatchObject([{ severity: "warning", code: "subgraph" }]);
  });

  it("warns where a shape depends on data", () => {
    const model = modelOf(
      [2, 3],
      (graph, x) => graph.createNode({ opType: "NonZero", inputs: [x] }).output,
    );
    const shapes = inferShapes(model);
    expect(shapes.issues).toMatchObject([{ severity: "warning", code: "data-dependent-shape" }]);
    expect(shapes.dtypeOf(model.graph.outputs[0]!)).toBe("int64");
  });

  it("treats an initializer among the inputs as the constant it is", () => {
    const model = modelOf([3], (graph, x) => {
      const target = graph.addInput("target", { kind: "tensor", dtype: "int64", shape: [2] });
      target.tensor = Tensor.int64([3, 1]);
      return graph.createNode({ opType: "Reshape", inputs: [x, target] }).output;
    });
    const shapes = inferShapes(model);
    expect(shapes.shapeOf(model.graph.outputs[0]!)).toEqual([3, 1]);
    expect(Object.keys(shapes.inputShapes)).toEqual(["x"]);
  });

  it("goes on without constants whose data it cannot read", () => {
    const far = new Tensor({
      dtype: "float32",
      dims: [2],
      storage: {
        kind: "external",
        location: { location: "weights.bin", offset: 0, length: 8 },
        load: () => {
          throw new GraphError("file-access", "weights.bin is not there");
        },
      },
    });
    const model = modelOf([2], (graph, x) => {
      const bias = graph.addInitializer("far", far);
      const doubled = graph.createNode({ opType: "Add", inputs: [bias, bias] }).output;
      return graph.createNode({ opType: "Add", inputs: [x, doubled] }).output;
    });
    const shapes = inferShapes(model);
    expect(shapes.shapeOf(model.graph.outputs[0]!)).toEqual([2]);
    expect(shapes.issues).toMatchObject([{ severity: "warning", code: "unreadable-constant" }]);
  });

  it("warns of operator sets before 7", () => {
    const model = modelOf([2], relu);
    model.setOpset("", 6);
    expect(inferShapes(model).issues).toMatchObject([{ severity: "warning", code: "old-opset" }]);
  });

  it("visits nodes that stand before those they read from after them", () => {
    const model = modelOf([2, 3], (graph, x) => {
      const last = graph.createNode({ opType: "Relu", inputs: [x], name: "last" });
      const first = graph.createNode({
        opType: "Flatten",
        inputs: [x],
        attributes: { axis: int(0) },
      });
      last.setInput(0, first.output);
      return last.output;
    });
    expect(inferShapes(model).shapeOf(model.graph.outputs[0]!)).toEqual([1, 6]);
  });

  const contradictions: readonly (readonly [
    string,
    (graph: Graph, x: Value) => NodeInit,
    RegExp,
  ])[] = [
    [
      "Add",
      (graph, x) => ({ opType: "Add", inputs: [x, zeros(graph, 5)] }),
      /\[1, 4, 6, 6\].*\[5\]/,
    ],
    [
      "Conv with other channels",
      (graph, x) => ({ opType: "Conv", inputs: [x, zeros(graph, 2, 3, 1, 1)] }),
      /4 channels.*takes 3/,
    ],
    [
      "Conv with another kernel_shape",
      (graph, x) => ({
        opType: "Conv",
        inputs: [x, zeros(graph, 2, 4, 1, 1)],
        attributes: { kernel_shape: ints([3, 3]) },
      }),
      /kernel_shape = \[3, 3\]/,
    ],
    [
      "Conv with a window larger than the input",
      (graph, x) => ({ opType: "Conv", inputs: [x, zeros(graph, 2, 4, 9, 9)] }),
      /window of 9 does not fit into 6/,
    ],
    [
      "ConvTranspose",
      (graph, x) => ({ opType: "ConvTranspose", inputs: [x, zeros(graph, 3, 4, 2, 2)] }),
      /takes 3 channels/,
    ],
    [
      "BatchNormalization",
      (graph, x) => {
        const scale = zeros(graph, 5);
        return { opType: "BatchNormalization", inputs: [x, scale, scale, scale, scale] };
      },
      /\[5\].*4 channels/,
    ],
    [
      "Concat",
      (graph, x) => ({
        opType: "Concat",
        inputs: [x, zeros(graph, 1, 4, 5, 6)],
        attributes: { axis: int(1) },
      }),
      /\[1, 4, 5, 6\]/,
    ],
    [
      "Reshape",
      (graph, x) => ({
        opType: "Reshape",
        inputs: [x, graph.addInitializer("to", Tensor.int64([5, -1]))],
      }),
      /144 elements.*\[5, -1\]/,
    ],
    [
      "Transpose",
      (_, x) => ({ opType: "Transpose", inputs: [x], attributes: { perm: ints([0, 1]) } }),
      /perm \[0, 1\]/,
    ],
    ["MatMul", (graph, x) => ({ opType: "MatMul", inputs: [x, zeros(graph, 5, 2)] }), /6 and 5/],
    [
      "Gather on an axis that is not there",
      (graph, x) => ({
        opType: "Gather",
        inputs: [x, graph.addInitializer("at", Tensor.int64([0]))],
        attributes: { axis: int(4) },
      }),
      /axis 4.*rank 4/,
    ],
    [
      "an attribute of the wrong type",
      (_, x) => ({ opType: "Flatten", inputs: [x], attributes: { axis: float(1) } }),
      /"axis".*float/,
    ],
  ];

  it.each(contradictions)("reports a contradiction and goes on: %s", (_, init, text) => {
    let node: Node | undefined;
    const model = modelOf([1, 4, 6, 6], (graph, x) => {
      node = graph.createNode({ ...init(graph, x), name: "wrong" });
      return relu(graph, x);
    });
    const shapes = inferShapes(model);
    expect(shapes.issues).toMatchObject([{ severity: "error", node: "wrong" }]);
    expect(shapes.issues[0]!.message).toMatch(text);
    expect(shapes.shapeOf(node!.output)).toBeUndefined();
    expect(shapes.shapeOf(model.graph.outputs[0]!)).toEqual([1, 4, 6, 6]);
  });
});
