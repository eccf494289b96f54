import { float, type Graph, int, type Value } from "@ocrslim/graph";
import {
  addMultiNode,
  addNode,
  batchNormalization,
  floatConstant,
  groupNormalization,
  instanceNormalization,
  intConstant,
  randomWeight,
} from "@ocrslim/test-utils";
import { asFloat, image, op, positive, square, type TfjsCase, weighted } from "./tfjs-case.ts";

const REDUCTIONS = ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare"] as const;

export const reductionCases: readonly TfjsCase[] = [
  ...REDUCTIONS.flatMap((name) => [
    op(`Reduce${name}`, [square], { ints: [[1]], to: [2, 1, 4] }),
    op(`Reduce${name}`, [square], { ints: [[-1, 0]], to: [3], attributes: { keepdims: int(0) } }),
    op(`Reduce${name}`, [square], { to: [], attributes: { keepdims: int(0) } }),
  ]),
  op("ReduceLogSum", [square], { ints: [[2]], to: [2, 3, 1], ...positive }),
  op("ReduceLogSumExp", [square], { ints: [[2, 1]], to: [2, 1, 1] }),
  op("ReduceMean", [square], { attributes: { noop_with_empty_axes: int(1) } }),
  op("ReduceMax", [[]], { attributes: { keepdims: int(0) } }),
  {
    name: "ReduceMax of equal elements",
    inputs: [square],
    build: (graph, x) => {
      const relu = addNode(
        graph,
        "Relu",
        [addNode(graph, "Neg", [addNode(graph, "Abs", [x], square)], square)],
        square,
      );
      const sum = addNode(graph, "Add", [relu, randomWeight(graph, "shift", [2, 1, 1])], square);
      return addNode(graph, "ReduceMax", [sum, intConstant(graph, "axes", [1])], [2, 1, 4]);
    },
  },
  {
    name: "ReduceL2 of zeros",
    inputs: [square],
    build: (graph, x) => {
      const zeros = addNode(graph, "Mul", [x, floatConstant(graph, "zero", [], [0])], square);
      return addNode(graph, "ReduceL2", [zeros, intConstant(graph, "axes", [1])], [2, 1, 4]);
    },
  },
  ...["ArgMax", "ArgMin"].flatMap((name) =>
    [0, 1].map(
      (last): TfjsCase => ({
        name: `${name} select_last_index=${last}`,
        inputs: [square],
        differentiable: false,
        build: (graph, x) => {
          const rounded = addNode(graph, "Round", [x], square);
          const found = addNode(graph, name, [rounded], [2, 3, 1], {
            axis: int(-1),
            select_last_index: int(last),
          });
          return asFloat(graph, found, [2, 3, 1]);
        },
      }),
    ),
  ),
];

export const normalizationCases: readonly TfjsCase[] = [
  ...[
    [2, 3],
    [2, 3, 2, 4],
  ].map((dims) => ({
    name: `BatchNormalization [${dims}]`,
    inputs: [dims],
    build: (graph: Graph, x?: Value) => batchNormalization(graph, x as Value),
  })),
  ...[1, 3].map(
    (outputCount): TfjsCase => ({
      name: `BatchNormalization in training, ${outputCount} outputs`,
      inputs: [[2, 3, 2, 4]],
      // The running statistics carry no gradient.
      differentiable: outputCount === 1,
      build: (graph, x) => {
        const channels = [3];
        const inputs = [
          x,
          randomWeight(graph, "scale", channels, 0.5, 1.5),
          randomWeight(graph, "bias", channels),
          randomWeight(graph, "mean", channels),
          randomWeight(graph, "variance", channels, 0.5, 1.5),
        ];
        const to = [[2, 3, 2, 4], channels, channels];
        return addMultiNode(graph, "BatchNormalization", inputs, to, {
          training_mode: int(1),
          momentum: float(0.8),
          epsilon: float(1e-2),
        }).slice(0, outputCount);
      },
    }),
  ),
  {
    name: "InstanceNormalization",
    inputs: [image],
    build: (graph, x) => instanceNormalization(graph, x as Value),
  },
  {
    name: "GroupNormalization",
    inputs: [image],
    opset: 21,
    build: (graph, x) => groupNormalization(graph, x as Value, { groups: 2 }),
  },
  weighted("LayerNormalization", square, [[4], [4]], square, { epsilon: float(1e-2) }),
  weighted("LayerNormalization", square, [[3, 4]], square, { axis: int(1) }),
  op("LpNormalization", [square], { attributes: { axis: int(1) } }),
  op("LpNormalization", [square], { attributes: { p: int(1) } }),
];
