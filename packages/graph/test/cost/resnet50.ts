import { Graph, int, ints, Model, Tensor, type Value } from "@ocrslim/graph";

const zeros = (dims: readonly number[]): Tensor =>
  Tensor.float32(dims, new Float32Array(dims.reduce((product, dim) => product * dim, 1)));

interface Layer {
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride?: number;
}

/** A convolution without bias, and its batch normalisation (scale and shift, and two statistics). */
function convBn(graph: Graph, x: Value, { from, to, kernel, stride = 1 }: Layer): Value {
  const padding = (kernel - 1) / 2;
  const weight = graph.addInitializer("weight", zeros([to, from, kernel, kernel]));
  const conv = graph.createNode({
    opType: "Conv",
    inputs: [x, weight],
    attributes: {
      kernel_shape: ints([kernel, kernel]),
      strides: ints([stride, stride]),
      pads: ints([padding, padding, padding, padding]),
    },
  });
  const statistics = ["scale", "shift", "mean", "variance"].map((name) =>
    graph.addInitializer(name, zeros([to])),
  );
  return graph.createNode({ opType: "BatchNormalization", inputs: [conv.output, ...statistics] })
    .output;
}

const relu = (graph: Graph, x: Value): Value =>
  graph.createNode({ opType: "Relu", inputs: [x] }).output;

/** 1×1, 3×3 (with the stride, as torchvision has it), 1×1 to four times the width. */
function bottleneck(graph: Graph, x: Value, from: number, width: number, stride: number): Value {
  const to = 4 * width;
  const reduced = relu(graph, convBn(graph, x, { from, to: width, kernel: 1 }));
  const middle = relu(graph, convBn(graph, reduced, { from: width, to: width, kernel: 3, stride }));
  const branch = convBn(graph, middle, { from: width, to, kernel: 1 });
  const skip = from === to ? x : convBn(graph, x, { from, to, kernel: 1, stride });
  return relu(graph, graph.createNode({ opType: "Add", inputs: [branch, skip] }).output);
}

/** ResNet-50 as torchvision has it, at 224 × 224, with weights of zero. */
export function resNet50(): Model {
  const graph = new Graph();
  const x = graph.addInput("x", { kind: "tensor", dtype: "float32", shape: [1, 3, 224, 224] });
  let y = relu(graph, convBn(graph, x, { from: 3, to: 64, kernel: 7, stride: 2 }));
  y = graph.createNode({
    opType: "MaxPool",
    inputs: [y],
    attributes: { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) },
  }).output;
  let from = 64;
  for (const [stage, blockCount] of [3, 4, 6, 3].entries()) {
    const width = 64 * 2 ** stage;
    for (let block = 0; block < blockCount; block++) {
      y = bottleneck(graph, y, from, width, block === 0 && stage > 0 ? 2 : 1);
      from = 4 * width;
    }
  }
  y = graph.createNode({ opType: "GlobalAveragePool", inputs: [y] }).output;
  y = graph.createNode({ opType: "Flatten", inputs: [y] }).output;

  const classifier = graph.createNode({
    opType: "Gemm",
    inputs: [
      y,
      graph.addInitializer("weight", zeros([1000, 2048])),
      graph.addInitializer("bias", zeros([1000])),
    ],
    attributes: { transB: int(1) },
  });
  graph.setOutputs([classifier.output]);
  const model = new Model(graph);
  model.setOpset("", 13);
  return model;
}
