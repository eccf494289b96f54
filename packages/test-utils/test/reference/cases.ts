import { float, floats, int, ints, string, Tensor } from "@ocrslim/graph";
import type { OperatorCase, RandomInput } from "./run-case.ts";

const x = (dims: readonly number[], range?: readonly [number, number]): RandomInput =>
  range ? { dims, range } : { dims };
const one = (value: number): Tensor => Tensor.int64([value], []);
const list = (...values: number[]): Tensor => Tensor.int64(values);
const numbers = (...values: number[]): Tensor => Tensor.float32([values.length], values);

const unary = (
  opType: string,
  range: readonly [number, number] = [-3, 3],
  opset = 18,
): OperatorCase => ({ opType, inputs: [x([2, 3, 4], range)], opset });

const activations: readonly OperatorCase[] = [
  ...["Mish", "Softsign", "Atan", "Sinh", "Cosh", "Asinh"].map((opType) => unary(opType)),
  unary("Tan", [-1, 1]),
  unary("Asin", [-1, 1]),
  unary("Acos", [-1, 1]),
  unary("Atanh", [-0.9, 0.9]),
  unary("Acosh", [1.1, 4]),
  unary("Gelu", [-3, 3], 20),
  { ...unary("Gelu", [-3, 3], 20), attributes: { approximate: string("tanh") } },
  ...["Elu", "Celu", "Selu", "ThresholdedRelu"].flatMap((opType) => [
    unary(opType),
    { ...unary(opType), attributes: { alpha: float(0.7) } },
  ]),
  unary("Shrink"),
  { ...unary("Shrink"), attributes: { lambd: float(1.5), bias: float(0.25) } },
  ...[[], [4], [3, 1], [2, 3, 4], [1, 3, 1]].map((slope) => ({
    opType: "PRelu",
    inputs: [x([2, 3, 4]), x(slope)],
  })),
  ...["Softmax", "LogSoftmax"].flatMap((opType) =>
    [-1, 0, 1, 2].flatMap((axis) =>
      [11, 18].map((opset) => ({
        opType,
        inputs: [x([2, 3, 4])],
        attributes: { axis: int(axis) },
        opset,
      })),
    ),
  ),
  { opType: "IsNaN", inputs: [numbers(1, Number.NaN, 2)], outputTypes: ["bool"] },
  {
    opType: "IsInf",
    inputs: [numbers(1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)],
    outputTypes: ["bool"],
  },
];

const arithmetic: readonly OperatorCase[] = ["Add", "Sub", "Mul", "Div", "Sum"].flatMap(
  (opType): OperatorCase[] => [
    { opType, inputs: [x([3, 4]), x([3, 4], [0.5, 2])] },
    { opType, inputs: [x([2, 1, 4]), x([3, 1], [0.5, 2])] },
    { opType, inputs: [x([]), x([2, 3], [0.5, 2])] },
    { opType, inputs: [x([2, 3]), x([], [0.5, 2])] },
    { opType, inputs: [list(7, -8), list(2, 3)], outputTypes: ["int64"] },
  ],
);

const windows: readonly OperatorCase[] = [
  {
    opType: "Conv",
    inputs: [x([2, 3, 7]), x([4, 3, 3]), x([4])],
    attributes: { pads: ints([2, 1]) },
  },
  ...[
    {},
    { strides: ints([2, 1]), pads: ints([1, 0, 2, 1]) },
    { dilations: ints([2, 1]), pads: ints([0, 2, 1, 0]) },
    ...["SAME_UPPER", "SAME_LOWER", "VALID"].map((mode) => ({
      auto_pad: string(mode),
      strides: ints([2, 3]),
    })),
  ].flatMap((attributes) => [
    { opType: "Conv", inputs: [x([2, 4, 8, 9]), x([4, 4, 3, 2]), x([4])], attributes },
    {
      opType: "Conv",
      inputs: [x([1, 4, 8, 9]), x([6, 2, 2, 3])],
      attributes: { ...attributes, group: int(2) },
    },
    {
      opType: "Conv",
      inputs: [x([1, 3, 8, 9]), x([3, 1, 3, 3])],
      attributes: { ...attributes, group: int(3) },
    },
  ]),
  {
    opType: "ConvTranspose",
    inputs: [x([2, 3, 5]), x([3, 2, 4]), x([2])],
    attributes: { strides: ints([2]), pads: ints([1, 2]), output_padding: ints([1]) },
  },
  ...[
    {},
    { strides: ints([2, 2]) },
    { strides: ints([3, 2]), pads: ints([1, 0, 0, 1]), output_padding: ints([1, 1]) },
    { dilations: ints([2, 1]), pads: ints([1, 1, 2, 0]) },
    { strides: ints([2, 2]), output_shape: ints([7, 9]) },
    { strides: ints([2, 2]), output_shape: ints([7, 8]), auto_pad: string("SAME_UPPER") },
    { strides: ints([2, 2]), output_shape: ints([7, 8]), auto_pad: string("SAME_LOWER") },
    { strides: ints([2, 2]), auto_pad: string("SAME_UPPER") },
    { strides: ints([2, 2]), auto_pad: string("SAME_LOWER") },
    { strides: ints([2, 2]), auto_pad: string("VALID") },
  ].flatMap((attributes) => [
    { opType: "ConvTranspose", inputs: [x([2, 4, 3, 4]), x([4, 3, 3, 3]), x([3])], attributes },
    {
      opType: "ConvTranspose",
      inputs: [x([1, 4, 3, 4]), x([4, 3, 3, 3])],
      attributes: { ...attributes, group: int(2) },
    },
  ]),
  ...[
    { kernel_shape: ints([2, 2]), strides: ints([2, 2]) },
    { kernel_shape: ints([3, 2]), strides: ints([2, 1]), pads: ints([1, 0, 1, 1]) },
    { kernel_shape: ints([3, 3]), strides: ints([2, 2]), ceil_mode: int(1) },
    {
      kernel_shape: ints([3, 3]),
      strides: ints([2, 3]),
      pads: ints([1, 1, 1, 1]),
      ceil_mode: int(1),
    },
    { kernel_shape: ints([3, 3]), strides: ints([2, 2]), auto_pad: string("SAME_UPPER") },
    { kernel_shape: ints([3, 3]), strides: ints([3, 2]), auto_pad: string("SAME_LOWER") },
  ].flatMap((attributes): OperatorCase[] => [
    {
      opType: "MaxPool",
      inputs: [x([2, 3, 6, 8])],
      attributes,
      outputTypes: ["float32", "int64"],
    },
    { opType: "AveragePool", inputs: [x([2, 3, 6, 8])], attributes },
    {
      opType: "AveragePool",
      inputs: [x([2, 3, 6, 8])],
      attributes: { ...attributes, count_include_pad: int(1) },
      opset: 19,
    },
    { opType: "LpPool", inputs: [x([2, 3, 6, 8])], attributes: { ...attributes, p: int(2) } },
  ]),
  {
    opType: "MaxPool",
    inputs: [x([1, 2, 9])],
    attributes: { kernel_shape: ints([3]), dilations: ints([2]), pads: ints([1, 2]) },
  },
  ...[0, 1].map((includes) => ({
    opType: "AveragePool",
    inputs: [x([1, 2, 9, 8])],
    attributes: {
      kernel_shape: ints([3, 2]),
      dilations: ints([2, 3]),
      pads: ints([1, 1, 2, 0]),
      count_include_pad: int(includes),
    },
    opset: 19,
  })),
  { opType: "LpPool", inputs: [x([1, 2, 9])], attributes: { kernel_shape: ints([3]), p: int(3) } },
  ...["GlobalAveragePool", "GlobalMaxPool"].flatMap((opType) => [
    { opType, inputs: [x([2, 3, 4, 5])] },
    { opType, inputs: [x([2, 3, 4])] },
  ]),
];

const positive: readonly [number, number] = [0.3, 2];
const normalizations: readonly OperatorCase[] = [
  ...[
    [3, 4],
    [2, 4, 5],
    [2, 4, 3, 2],
  ].flatMap((dims): OperatorCase[] => [
    {
      opType: "BatchNormalization",
      inputs: [x(dims), x([4]), x([4]), x([4]), x([4], positive)],
      attributes: { epsilon: float(1e-2) },
    },
    ...(dims.length > 2
      ? [
          {
            opType: "InstanceNormalization",
            inputs: [x(dims), x([4]), x([4])],
            attributes: { epsilon: float(1e-2) },
          },
          ...[18, 21].map((opset) => ({
            opType: "GroupNormalization",
            inputs: [x(dims), x([opset < 21 ? 2 : 4]), x([opset < 21 ? 2 : 4])],
            attributes: { num_groups: int(2), epsilon: float(1e-2) },
            opset,
          })),
        ]
      : []),
    {
      opType: "LayerNormalization",
      inputs: [x(dims), x(dims.slice(1)), x(dims.slice(1))],
      attributes: { axis: int(1) },
      outputTypes: ["float32", "float32", "float32"],
    },
    { opType: "LayerNormalization", inputs: [x(dims), x(dims.slice(-1))] },
    ...[1, 2].map((p) => ({
      opType: "LpNormalization",
      inputs: [x(dims)],
      attributes: { p: int(p), axis: int(1) },
    })),
  ]),
  {
    opType: "BatchNormalization",
    inputs: [x([2, 4, 3, 2]), x([4]), x([4]), x([4]), x([4], positive)],
    attributes: { training_mode: int(1), momentum: float(0.7) },
    outputTypes: ["float32", "float32", "float32"],
  },
];

const matrices: readonly OperatorCase[] = [
  ...(
    [
      [
        [3, 4],
        [4, 5],
      ],
      [[4], [4]],
      [[4], [2, 4, 3]],
      [[2, 3, 4], [4]],
      [
        [2, 1, 3, 4],
        [5, 4, 2],
      ],
      [
        [1, 3, 4],
        [6, 4, 2],
      ],
    ] as const
  ).map(([left, right]) => ({ opType: "MatMul", inputs: [x(left), x(right)] })),
  ...[undefined, [], [5], [3, 1], [3, 5]].flatMap((bias) =>
    [0, 1].flatMap((transA) =>
      [0, 1].map((transB) => ({
        opType: "Gemm",
        inputs: [
          x(transA ? [4, 3] : [3, 4]),
          x(transB ? [5, 4] : [4, 5]),
          bias ? x(bias) : undefined,
        ].slice(0, bias ? 3 : 2),
        attributes: {
          transA: int(transA),
          transB: int(transB),
          alpha: float(0.5),
          beta: float(1.5),
        },
      })),
    ),
  ),
  ...(
    [
      ["ij,jk->ik", [3, 4], [4, 2]],
      ["bij,bkj->bik", [2, 3, 4], [2, 5, 4]],
      ["ij,kj", [3, 4], [5, 4]],
      ["ij,ij->", [3, 4], [3, 4]],
    ] as const
  ).map(([equation, left, right]) => ({
    opType: "Einsum",
    inputs: [x(left), x(right)],
    attributes: { equation: string(equation) },
  })),
];

const resizes: readonly OperatorCase[] = [
  ...[
    "half_pixel",
    "pytorch_half_pixel",
    "asymmetric",
    "align_corners",
    "half_pixel_symmetric",
  ].flatMap((coordinates): OperatorCase[] =>
    (
      [
        [1, 1, 2, 2],
        [1, 1, 1.7, 2.6],
        [1, 1, 0.7, 0.5],
      ] as const
    ).flatMap((scales): OperatorCase[] => {
      const inputs = [x([1, 2, 5, 6]), undefined, numbers(...scales)];
      const opset = coordinates === "half_pixel_symmetric" ? 19 : 18;
      const mode = { coordinate_transformation_mode: string(coordinates) };
      return [
        ...["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"].map((nearest) => ({
          opType: "Resize",
          inputs,
          attributes: { ...mode, mode: string("nearest"), nearest_mode: string(nearest) },
          opset,
        })),
        { opType: "Resize", inputs, attributes: { ...mode, mode: string("linear") }, opset },
        ...[0, 1].map((excludes) => ({
          opType: "Resize",
          inputs,
          attributes: {
            ...mode,
            mode: string("cubic"),
            exclude_outside: int(excludes),
            cubic_coeff_a: float(-0.5),
          },
          opset,
        })),
      ];
    }),
  ),
  ...["nearest", "linear"].flatMap((mode): OperatorCase[] => [
    {
      opType: "Resize",
      inputs: [x([2, 3, 4, 5]), undefined, undefined, list(2, 3, 7, 3)],
      attributes: { mode: string(mode) },
    },
    {
      opType: "Resize",
      inputs: [x([2, 3, 4, 5]), undefined, undefined, list(9, 7)],
      attributes: { mode: string(mode), axes: ints([2, 3]) },
    },
    ...["not_larger", "not_smaller"].map((policy) => ({
      opType: "Resize",
      inputs: [x([1, 2, 4, 6]), undefined, undefined, list(9, 9)],
      attributes: {
        mode: string(mode),
        axes: ints([2, 3]),
        keep_aspect_ratio_policy: string(policy),
      },
    })),
    {
      opType: "Resize",
      inputs: [
        x([1, 2, 4, 5]),
        numbers(0, 0, 0.2, -0.1, 1, 1, 0.7, 1.2),
        undefined,
        list(1, 2, 6, 7),
      ],
      attributes: {
        mode: string(mode),
        coordinate_transformation_mode: string("tf_crop_and_resize"),
        extrapolation_value: float(3),
      },
    },
    {
      opType: "Resize",
      inputs: [x([1, 2, 4, 5]), numbers(1, 1, 2, 0.6)],
      attributes: { mode: string(mode) },
      opset: 10,
    },
    {
      opType: "Upsample",
      inputs: [x([1, 2, 4, 5]), numbers(1, 1, 2, 3)],
      attributes: { mode: string(mode) },
      opset: 9,
    },
    {
      opType: "Upsample",
      inputs: [x([1, 2, 4, 5])],
      attributes: { mode: string(mode), scales: floats([1, 1, 2, 1]) },
      opset: 7,
    },
  ]),
];

const movements: readonly OperatorCase[] = [
  { opType: "Transpose", inputs: [x([2, 3, 4])] },
  { opType: "Transpose", inputs: [x([2, 3, 4, 5])], attributes: { perm: ints([2, 0, 3, 1]) } },
  { opType: "Transpose", inputs: [x([])] },
  ...["constant", "edge", "reflect"].flatMap((mode): OperatorCase[] => [
    {
      opType: "Pad",
      inputs: [x([2, 4, 5]), list(0, 2, 1, 1, 3, 2), mode === "constant" ? x([]) : undefined].slice(
        0,
        mode === "constant" ? 3 : 2,
      ),
      attributes: { mode: string(mode) },
    },
    {
      opType: "Pad",
      inputs: [x([2, 4, 5]), list(-1, 2, 1, -2), undefined, list(1, -1)],
      attributes: { mode: string(mode) },
    },
    {
      opType: "Pad",
      inputs: [x([3, 4])],
      attributes: { mode: string(mode), pads: ints([0, 2, 1, 1]), value: float(0.5) },
      opset: 10,
    },
  ]),
  {
    opType: "Pad",
    inputs: [x([3, 4]), list(1, 2, 0, 3)],
    attributes: { mode: string("wrap") },
    opset: 19,
  },
  ...["DCR", "CRD"].map((mode) => ({
    opType: "DepthToSpace",
    inputs: [x([2, 8, 2, 3])],
    attributes: { blocksize: int(2), mode: string(mode) },
  })),
  { opType: "SpaceToDepth", inputs: [x([2, 3, 4, 6])], attributes: { blocksize: int(2) } },
  { opType: "Dropout", inputs: [x([2, 3])], outputTypes: ["float32", "bool"] },
  ...[0, 1].flatMap((exclusive) =>
    [0, 1].map((reverse) => ({
      opType: "CumSum",
      inputs: [x([2, 3, 4]), one(-2)],
      attributes: { exclusive: int(exclusive), reverse: int(reverse) },
    })),
  ),
  {
    opType: "ReverseSequence",
    inputs: [x([4, 3, 2]), list(2, 4, 1)],
    attributes: { time_axis: int(0), batch_axis: int(1) },
  },
];

const choices: readonly OperatorCase[] = [
  ...[0, 1, -1].flatMap((axis): OperatorCase[] => [
    ...[0, 1].map((largest) => ({
      opType: "TopK",
      inputs: [x([4, 3, 5]), list(3)],
      attributes: { axis: int(axis), largest: int(largest) },
      outputTypes: ["float32", "int64"] as const,
    })),
    ...["ArgMax", "ArgMin"].flatMap((opType) =>
      [0, 1].map((keepdims) => ({
        opType,
        inputs: [x([4, 3, 5])],
        attributes: { axis: int(axis), keepdims: int(keepdims) },
        outputTypes: ["int64"] as const,
      })),
    ),
    {
      opType: "OneHot",
      inputs: [Tensor.int64([1, 0, -1, 5], [2, 2]), one(4), numbers(-1, 2)],
      attributes: { axis: int(axis) },
    },
    ...["none", "add", "mul", "min", "max"].map((reduction) => ({
      opType: "ScatterElements",
      inputs: [
        x([3, 3, 3]),
        // No index twice along an axis, or the result of "none" is not defined.
        Tensor.int64(reduction === "none" ? [0, 1, -1, 2] : [0, 0, -1, 2], [2, 2, 1]),
        x([2, 2, 1]),
      ],
      attributes: { axis: int(axis), reduction: string(reduction) },
    })),
  ]),
  { opType: "TopK", inputs: [numbers(1, 3, 3, 2, 3), list(4)], outputTypes: ["float32", "int64"] },
  ...["ArgMax", "ArgMin"].map((opType) => ({
    opType,
    inputs: [numbers(1, 3, 1, 3)],
    attributes: { select_last_index: int(1) },
    outputTypes: ["int64"] as const,
  })),
  { opType: "GatherND", inputs: [x([3, 4, 2]), Tensor.int64([0, 1, -1, 3], [2, 2])] },
  {
    opType: "GatherND",
    inputs: [x([2, 4, 2]), Tensor.int64([1, -1], [2, 1])],
    attributes: { batch_dims: int(1) },
  },
  ...["none", "add", "mul", "min", "max"].map((reduction) => ({
    opType: "ScatterND",
    inputs: [
      x([3, 4, 2]),
      Tensor.int64(reduction === "none" ? [0, 1, -1, 3] : [0, 1, 0, 1], [2, 2]),
      x([2, 2]),
    ],
    attributes: { reduction: string(reduction) },
  })),
  { opType: "EyeLike", inputs: [x([3, 4])], attributes: { k: int(1) } },
  {
    opType: "Compress",
    inputs: [x([3, 4]), Tensor.from("bool", [3], Uint8Array.of(1, 0, 1))],
    attributes: { axis: int(1) },
  },
  {
    opType: "Compress",
    inputs: [x([3, 4]), Tensor.from("bool", [5], Uint8Array.of(0, 1, 1, 0, 1))],
  },
];

const reductions: readonly OperatorCase[] = ["ReduceLogSum", "ReduceLogSumExp"].flatMap(
  (opType) => [
    { opType, inputs: [x([2, 3, 4], [0.2, 2])] },
    {
      opType,
      inputs: [x([2, 3, 4], [0.2, 2]), list(0, -1)],
      attributes: { keepdims: int(0) },
    },
    { opType, inputs: [x([2, 3, 4], [0.2, 2])], attributes: { axes: ints([1]) }, opset: 13 },
    {
      opType,
      inputs: [x([2, 3, 4], [0.2, 2]), list()],
      attributes: { noop_with_empty_axes: int(1) },
    },
  ],
);

/** One-node models in the forms that matter, for each operator of the evaluator's own kernels. */
export const operatorCases: readonly OperatorCase[] = [
  ...activations,
  ...arithmetic.filter(({ opType, outputTypes }) => opType !== "Sum" || !outputTypes),
  { opType: "Sum", inputs: [x([3]), x([2, 1]), x([])] },
  ...windows,
  ...normalizations,
  ...matrices,
  ...resizes,
  ...movements,
  ...choices,
  ...reductions,
];
