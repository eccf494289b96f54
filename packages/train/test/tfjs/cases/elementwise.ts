import { float, type Graph, int, string, Tensor, type Value } from "@ocrslim/graph";
import { addNode, floatConstant, intConstant, prelu } from "@ocrslim/test-utils";
import { asFloat, image, op, positive, square, type TfjsCase } from "./tfjs-case.ts";

export const arithmeticCases: readonly TfjsCase[] = [
  op(
    "Add",
    [
      [2, 3, 4],
      [3, 1],
    ],
    { to: square },
  ),
  op("Add", [[], [2, 2]], { to: [2, 2] }),
  op("Sub", [[4], [2, 3, 1]], { to: square }),
  op(
    "Mul",
    [
      [2, 1, 4],
      [1, 3, 1],
    ],
    { to: square },
  ),
  op("Mul", [
    [2, 4, 5, 6],
    [2, 4, 1, 1],
  ]),
  op("Div", [square, [3, 4]], positive),
  op("Pow", [square, [4]], positive),
  op("Mod", [square, [4]], { attributes: { fmod: int(1) }, range: [0.3, 5] }),
  op("Sum", [square, [4], [3, 1]]),
  op("Mean", [square, [4], [3, 1]]),
  op("Min", [square, [4], [3, 1]]),
  op("Max", [square, [4], [3, 1]]),
  ...["Neg", "Abs", "Sign", "Exp", "Floor", "Ceil", "Round", "Sin", "Cos", "Erf", "Atan"].map(
    (name) => op(name, [square]),
  ),
  ...["Sinh", "Cosh", "Asinh"].map((name) => op(name, [square])),
  ...["Log", "Sqrt", "Reciprocal"].map((name) => op(name, [square], positive)),
  ...["Tan", "Asin", "Acos", "Atanh"].map((name) => op(name, [square], { range: [-0.8, 0.8] })),
  op("Acosh", [square], { range: [1.2, 3] }),
  {
    name: "Pow by an integer",
    inputs: [square],
    build: (graph, x) =>
      addNode(graph, "Pow", [x, graph.addInitializer("two", Tensor.int64([2], []))], square),
  },
  {
    name: "Div and Mod of integers",
    inputs: [square],
    range: [-20, 20],
    differentiable: false,
    build: (graph, x) => {
      const integers = addNode(graph, "Cast", [x], square, { to: int(7) });
      const three = intConstant(graph, "three", [3]);
      const quotient = addNode(graph, "Div", [integers, three], square);
      const rest = addNode(graph, "Mod", [integers, three], square);
      return [asFloat(graph, quotient, square), asFloat(graph, rest, square)];
    },
  },
];

/** A comparison, and what it chooses. */
function comparison(opType: string, build?: (graph: Graph, a: Value, b: Value) => Value): TfjsCase {
  const dims = [3, 4];
  return {
    name: `${opType}, Cast, Where`,
    inputs: [dims, [4]],
    build: (graph, a, b) => {
      const condition =
        build?.(graph, a as Value, b as Value) ?? addNode(graph, opType, [a, b], dims);
      const chosen = addNode(graph, "Where", [condition, a, b], dims);
      return addNode(graph, "Mul", [chosen, asFloat(graph, condition, dims)], dims);
    },
  };
}

const less = (graph: Graph, a: Value, b: Value): Value => addNode(graph, "Less", [a, b], [3, 4]);

export const activationCases: readonly TfjsCase[] = [
  ...["Relu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Softplus", "Softsign", "Mish"].map(
    (name) => op(name, [square], { range: [-4, 4] }),
  ),
  ...["LeakyRelu", "Elu", "Celu", "ThresholdedRelu"].flatMap((name) => [
    op(name, [square]),
    op(name, [square], { attributes: { alpha: float(0.6) } }),
  ]),
  op("Elu", [[3]], { range: [90, 200], label: "Elu of what expm1 cannot hold" }),
  op("Selu", [square]),
  op("HardSigmoid", [square], { attributes: { alpha: float(0.4), beta: float(0.3) } }),
  op("Gelu", [square]),
  op("Gelu", [square], { attributes: { approximate: string("tanh") } }),
  op("Softmax", [square]),
  op("Softmax", [square], { attributes: { axis: int(1) } }),
  op("LogSoftmax", [square], { attributes: { axis: int(0) } }),
  { name: "PRelu per channel", inputs: [image], build: (g, x) => prelu(g, x as Value) },
  {
    name: "Clip on both sides",
    inputs: [square],
    build: (graph, x) =>
      addNode(
        graph,
        "Clip",
        [x, floatConstant(graph, "low", [], [-0.5]), floatConstant(graph, "high", [], [0.7])],
        square,
      ),
  },
  {
    name: "Clip on one side",
    inputs: [square],
    build: (graph, x) =>
      addNode(graph, "Clip", [x, undefined, floatConstant(graph, "high", [], [0.7])], square),
  },
];

export const logicCases: readonly TfjsCase[] = [
  ...["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"].map((name) => comparison(name)),
  comparison("Not", (graph, a, b) => addNode(graph, "Not", [less(graph, a, b)], [3, 4])),
  ...["And", "Or", "Xor"].map((name) =>
    comparison(name, (graph, a, b) =>
      addNode(graph, name, [less(graph, a, b), less(graph, b, a)], [3, 4]),
    ),
  ),
  comparison("IsNaN", (graph, a) => {
    const logarithm = addNode(graph, "Log", [a], [3, 4]);
    return addNode(graph, "IsNaN", [logarithm], [3, 4]);
  }),
  {
    name: "Where of three shapes",
    inputs: [
      [2, 1, 3],
      [4, 1],
      [1, 3],
      [2, 1, 1],
    ],
    build: (graph, a, x, y, zero) => {
      const condition = addNode(graph, "Less", [a, zero], [2, 1, 3]);
      return addNode(graph, "Where", [condition, x, y], [2, 4, 3]);
    },
  },
  {
    name: "Cast to integers and back",
    inputs: [square],
    differentiable: false,
    build: (graph, x) =>
      asFloat(graph, addNode(graph, "Cast", [x], square, { to: int(6) }), square),
  },
];
