import {
  type AttributeContent,
  computeCost,
  float,
  Graph,
  inferShapes,
  int,
  ints,
  Model,
  readModel,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { sampleModel, sharedPath } from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resNet50 } from "./resnet50.ts";

const zeros = (...dims: number[]): Tensor =>
  Tensor.float32(dims, new Float32Array(dims.reduce((product, dim) => product * dim, 1)));

function modelOf(shape: readonly number[], build: (graph: Graph, x: Value) => Value): Model {
  const graph = new Graph();
  const x = graph.addInput("x", { kind: "tensor", dtype: "float32", shape });
  graph.setOutputs([build(graph, x)]);
  const model = new Model(graph);
  model.setOpset("", 13);
  return model;
}

interface ConvCase {
  readonly opType: "Conv" | "ConvTranspose";
  readonly convGroups: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly dilation: number;
  readonly size: readonly [number, number];
}

const convCases: fc.Arbitrary<ConvCase> = fc.record({
  opType: fc.constantFrom("Conv", "ConvTranspose"),
  convGroups: fc.integer({ min: 1, max: 3 }),
  inputs: fc.integer({ min: 1, max: 3 }),
  outputs: fc.integer({ min: 1, max: 3 }),
  kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  size: fc.tuple(fc.integer({ min: 5, max: 8 }), fc.integer({ min: 5, max: 8 })),
});

/** Counts products one by one. Without padding, every tap of a window lies inside. */
function countByLoops(options: ConvCase): number {
  const { opType, convGroups, inputs, outputs, kernel, stride, dilation, size } = options;
  const positions = size.map((length, axis) => {
    if (opType === "ConvTranspose") return length;
    let count = 0;
    const span = (kernel[axis]! - 1) * dilation;
    for (let at = 0; at + span < length; at += stride) count++;
    return count;
  });
  let macs = 0;
  for (let group = 0; group < convGroups; group++) {
    for (let from = 0; from < inputs; from++) {
      for (let to = 0; to < outputs; to++) {
        for (let row = 0; row < positions[0]!; row++) {
          for (let column = 0; column < positions[1]!; column++) {
            for (let i = 0; i < kernel[0]; i++) for (let j = 0; j < kernel[1]; j++) macs++;
          }
        }
      }
    }
  }
  return macs;
}

function convModel(options: ConvCase): Model {
  const { opType, convGroups, inputs, outputs, kernel, stride, dilation, size } = options;
  const attributes: Record<string, AttributeContent> = {
    group: int(convGroups),
    strides: ints([stride, stride]),
    dilations: ints([dilation, dilation]),
  };
  const [first, second] =
    opType === "Conv" ? [outputs * convGroups, inputs] : [inputs * convGroups, outputs];
  return modelOf([1, inputs * convGroups, ...size], (graph, x) => {
    const weight = graph.addInitializer("weight", zeros(first, second, ...kernel));
    return graph.createNode({ opType, inputs: [x, weight], attributes }).output;
  });
}

describe("computeCost", () => {
  it("counts the multiply-accumulates that loops over a convolution would do", () => {
    fc.assert(
      fc.property(convCases, (options) => {
        const cost = computeCost(convModel(options));
        expect(cost.macs).toBe(countByLoops(options));
        expect(cost.nodes[0]?.macs).toBe(cost.macs);
      }),
      { seed: 2 },
    );
  });

  it.each([
    ["MatMul", [2, 3, 4], [4, 5], {}, 2 * 3 * 4 * 5],
    ["Gemm", [4, 3], [4, 5], { transA: int(1) }, 3 * 4 * 5],
    ["Gemm", [3, 4], [5, 4], { transB: int(1) }, 3 * 4 * 5],
  ] as const)("counts the products of %s of %o and %o", (opType, left, right, attributes, macs) => {
    const model = modelOf(left, (graph, x) => {
      const weight = graph.addInitializer("weight", zeros(...right));
      return graph.createNode({ opType, inputs: [x, weight], attributes }).output;
    });
    expect(computeCost(model).macs).toBe(macs);
  });

  it("counts the gates of recurrent layers at every step, in both directions", () => {
    const model = modelOf([7, 2, 3], (graph, x) => {
      const weight = graph.addInitializer("weight", zeros(2, 16, 3));
      const recurrence = graph.addInitializer("recurrence", zeros(2, 16, 4));
      return graph.createNode({
        opType: "LSTM",
        inputs: [x, weight, recurrence],
        attributes: { hidden_size: int(4), direction: { type: "string", value: "bidirectional" } },
      }).output;
    });
    expect(computeCost(model).macs).toBe(7 * 2 * 2 * 16 * (3 + 4));
  });

  it("agrees with the figures published for ResNet-50", () => {
    const cost = computeCost(resNet50());
    const statistics = 2 * 26_560;
    // torchvision: 25,557,032 parameters without running statistics, 4.09 G multiply-accumulates.
    expect(cost.parameters - statistics).toBe(25_557_032);
    expect(cost.macs / 1e9).toBeCloseTo(4.09, 2);
    expect(cost.issues).toEqual([]);
  });

  it("gives what was measured independently for the PP-OCRv4 detector at 640 × 640", async () => {
    const model = await readModel(sampleModel("det"));
    const cost = computeCost(model, { inputShapes: { x: [1, 3, 640, 640] } });
    const macsOf = (opType: string): number =>
      cost.nodes
        .filter((node) => node.opType === opType)
        .reduce((sum, node) => sum + node.macs, 0) / 1e9;
    expect(macsOf("Conv")).toBeCloseTo(2.233, 3);
    expect(macsOf("ConvTranspose")).toBeCloseTo(0.069, 3);
    expect(cost.macs / 1e6).toBeCloseTo(2302, -1);
    expect(cost.parameters / 1e6).toBeCloseTo(1.17, 2);
  });

  const current = sharedPath("models/PP-OCRv6_det_small.onnx");
  it.skipIf(!current)("gives what was measured independently for a current detector", async () => {
    const model = await readModel(current!);
    const [input] = model.graph.inputs;
    const cost = computeCost(model, { inputShapes: { [input!.name]: [1, 3, 640, 640] } });
    expect(cost.macs / 1e9).toBeCloseTo(4.264 + 0.069, 3);
  });

  it("counts a constant once, however often it is read, and integers never", () => {
    const model = modelOf([2, 3], (graph, x) => {
      const bias = graph.addInitializer("bias", zeros(3));
      const slope = graph.createNode({
        opType: "Constant",
        inputs: [],
        attributes: { value_float: float(0.5) },
      }).output;
      graph.addInitializer("unused", zeros(5));
      const first = graph.createNode({ opType: "Add", inputs: [x, bias] }).output;
      const second = graph.createNode({ opType: "Add", inputs: [first, bias] }).output;
      const third = graph.createNode({ opType: "Mul", inputs: [second, slope] }).output;
      const fourth = graph.createNode({ opType: "Mul", inputs: [third, slope] }).output;
      const target = graph.addInitializer("target", Tensor.int64([3, 2]));
      return graph.createNode({ opType: "Reshape", inputs: [fourth, target] }).output;
    });
    const cost = computeCost(model);
    expect(cost.parameters).toBe(3 + 1 + 5);
    expect(cost.parameterBytes).toBe(4 * 9);
    expect(cost.nodes.map((node) => node.parameters)).toEqual([0, 3, 0, 1, 0, 0]);
  });

  it("sums what nodes produce, and finds the most that is alive at once", () => {
    // x: 40 bytes; a = Relu(x), b = Relu(a), c = Concat(a, b) of 80 bytes, d = ReduceSum(c) of 4.
    const model = modelOf([10], (graph, x) => {
      const a = graph.createNode({ opType: "Relu", inputs: [x] }).output;
      const b = graph.createNode({ opType: "Relu", inputs: [a] }).output;
      const attributes = { axis: int(0) };
      const c = graph.createNode({ opType: "Concat", inputs: [a, b], attributes }).output;
      return graph.createNode({ opType: "ReduceSum", inputs: [c] }).output;
    });
    const cost = computeCost(model);
    expect(cost.activationBytes).toBe(40 + 40 + 80 + 4);
    // While Concat runs: a, b and c; x is gone after the first node.
    expect(cost.peakActivationBytes).toBe(40 + 40 + 80);
    expect(cost.nodes.map((node) => node.outputBytes)).toEqual([40, 40, 80, 4]);
    expect(cost.nodes[3]?.outputShape).toEqual([1]);
  });

  it("takes shapes that are known already", () => {
    const model = modelOf(
      [2, 3],
      (graph, x) => graph.createNode({ opType: "Relu", inputs: [x] }).output,
    );
    expect(computeCost(model, { shapes: inferShapes(model) })).toEqual(computeCost(model));
  });

  it("says which node it could not count", () => {
    const model = modelOf([1, 3, 8, 8], (graph, x) => {
      const odd = graph.createNode({ opType: "Odd", domain: "my.own", inputs: [x] }).output;
      const weight = graph.addInitializer("weight", zeros(2, 3, 1, 1));
      return graph.createNode({ opType: "Conv", inputs: [odd, weight], name: "conv" }).output;
    });
    expect(computeCost(model).issues).toMatchObject([
      { code: "unknown-operator" },
      { code: "unknown-cost", node: "conv" },
    ]);
  });
});
