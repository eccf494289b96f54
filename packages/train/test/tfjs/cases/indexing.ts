import { float, int, string, Tensor, tensorAttribute, type Value } from "@ocrslim/graph";
import { addMultiNode, addNode, floatConstant, intConstant } from "@ocrslim/test-utils";
import { asFloat, op, square, type TfjsCase } from "./tfjs-case.ts";

export const indexingCases: readonly TfjsCase[] = [
  op("Gather", [square], { ints: [[2, -1, 0, 2]], attributes: { axis: int(1) }, to: [2, 4, 4] }),
  {
    name: "Gather one",
    inputs: [square],
    build: (graph, x) =>
      addNode(graph, "Gather", [x, graph.addInitializer("one", Tensor.int64([-1], []))], [3, 4]),
  },
  {
    name: "GatherElements",
    inputs: [square],
    build: (graph, x) => {
      const indices = graph.addInitializer("at", Tensor.int64([0, -1, 2, 1, 0, 0], [2, 3, 1]));
      return addNode(graph, "GatherElements", [x, indices], [2, 3, 1], { axis: int(2) });
    },
  },
  {
    name: "GatherND",
    inputs: [square],
    build: (graph, x) => {
      const indices = graph.addInitializer("at", Tensor.int64([0, 2, 1, -1], [2, 2]));
      return addNode(graph, "GatherND", [x, indices], [2, 4]);
    },
  },
  ...["none", "add"].flatMap((reduction): TfjsCase[] => [
    {
      name: `ScatterND ${reduction}`,
      inputs: [square, [2, 4]],
      build: (graph, x, updates) => {
        const indices = graph.addInitializer("at", Tensor.int64([0, 2, 1, -1], [2, 2]));
        return addNode(graph, "ScatterND", [x, indices, updates], square, {
          reduction: string(reduction),
        });
      },
    },
    {
      name: `ScatterElements ${reduction}`,
      inputs: [square, [2, 3, 1]],
      build: (graph, x, updates) => {
        const indices = graph.addInitializer("at", Tensor.int64([0, -1, 2, 1, 0, 0], [2, 3, 1]));
        return addNode(graph, "ScatterElements", [x, indices, updates], square, {
          axis: int(2),
          reduction: string(reduction),
        });
      },
    },
  ]),
  ...[1, 2].flatMap((axis) =>
    [0, 1].map(
      (largest): TfjsCase => ({
        name: `TopK axis=${axis} largest=${largest}`,
        inputs: [[2, 3, 5]],
        build: (graph, x) => {
          const to = axis === 1 ? [2, 2, 5] : [2, 3, 2];
          const [values, indices] = addMultiNode(
            graph,
            "TopK",
            [x, intConstant(graph, "k", [2])],
            [to, to],
            { axis: int(axis), largest: int(largest) },
          );
          return [values as Value, asFloat(graph, indices as Value, to)];
        },
      }),
    ),
  ),
  {
    name: "CumSum exclusive, reversed",
    inputs: [square],
    build: (graph, x) =>
      addNode(graph, "CumSum", [x, graph.addInitializer("axis", Tensor.int64([1], []))], square, {
        exclusive: int(1),
        reverse: int(1),
      }),
  },
  {
    name: "OneHot",
    inputs: [[2, 3]],
    range: [0, 4],
    differentiable: false,
    build: (graph, x) => {
      const indices = addNode(graph, "Cast", [x], [2, 3], { to: int(7) });
      const values = floatConstant(graph, "values", [2], [-1, 3]);
      const depth = intConstant(graph, "depth", [4]);
      return addNode(graph, "OneHot", [indices, depth, values], [2, 4, 3], { axis: int(1) });
    },
  },
  {
    name: "ConstantOfShape, Range and Constant",
    inputs: [[300, 300]],
    differentiable: false,
    build: (graph, x) => {
      const dims = addNode(graph, "Shape", [x], [2]);
      const filled = addNode(graph, "ConstantOfShape", [dims], [300, 300], {
        value: tensorAttribute(Tensor.float32([1], [0.5])),
      });
      return addNode(graph, "Add", [x, filled], [300, 300]);
    },
  },
];

export const matrixCases: readonly TfjsCase[] = [
  ...[
    [
      [3, 4],
      [4, 2],
      [3, 2],
    ],
    [
      [2, 3, 4],
      [4, 2],
      [2, 3, 2],
    ],
    [
      [2, 1, 3, 4],
      [5, 4, 2],
      [2, 5, 3, 2],
    ],
    [[4], [4, 2], [2]],
    [[2, 3, 4], [4], [2, 3]],
    [[4], [2, 4, 3], [2, 3]],
  ].map(([a = [], b = [], to = []]) => op("MatMul", [a, b], { to })),
  op("Gemm", [[3, 4], [4, 2], [2]], { to: [3, 2] }),
  op(
    "Gemm",
    [
      [4, 3],
      [2, 4],
      [3, 1],
    ],
    {
      to: [3, 2],
      attributes: { transA: int(1), transB: int(1), alpha: float(0.5), beta: float(2) },
    },
  ),
  ...[
    ["bij,bjk->bik", [2, 3, 4], [2, 4, 5], [2, 3, 5]],
    ["bchw,cd->bdhw", [2, 3, 2, 2], [3, 4], [2, 4, 2, 2]],
    ["ij,kj", [2, 3], [4, 3], [2, 4]],
    ["bhid,bhjd->bijh", [1, 2, 3, 2], [1, 2, 4, 2], [1, 3, 4, 2]],
  ].map(([equation, a, b, to]) =>
    op("Einsum", [a as number[], b as number[]], {
      to: to as number[],
      attributes: { equation: string(equation as string) },
    }),
  ),
  op("Einsum", [square], { to: [4, 2], attributes: { equation: string("abc->ca") } }),
];
