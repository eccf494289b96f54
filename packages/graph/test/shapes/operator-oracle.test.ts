import { elementCount, float, floats, int, ints, string, Tensor } from "@ocrslim/graph";
import { describe, it } from "vitest";
import { expectRealDims } from "../support/expect-real-dims.ts";
import type { SingleNode } from "../support/run-nodes.ts";

const zeros = (...dims: number[]): Tensor =>
  Tensor.float32(dims, new Float32Array(elementCount(dims)));
const int64 = Tensor.int64;

type Case = Omit<SingleNode, "opType" | "outputTypes" | "inputs"> &
  Partial<Pick<SingleNode, "outputTypes">> & { readonly x?: readonly (Tensor | undefined)[] };

/** Operators by opset, with what moved between attributes and inputs in both forms. */
const CASES: readonly (readonly [opType: string, opset: number, spec: Case])[] = [
  ["Squeeze", 11, { x: [zeros(1, 3, 1)], attributes: { axes: ints([-1]) } }],
  ["Squeeze", 13, { x: [zeros(1, 3, 1), int64([0])], constants: [1] }],
  ["Squeeze", 13, { x: [zeros(1, 3, 1)] }],
  ["Unsqueeze", 11, { x: [zeros(3, 4)], attributes: { axes: ints([0, 3]) } }],
  ["Unsqueeze", 13, { x: [zeros(3, 4), int64([-1, 0])], constants: [1] }],
  ["ReduceSum", 11, { x: [zeros(2, 3, 4)], attributes: { axes: ints([1]), keepdims: int(0) } }],
  ["ReduceSum", 13, { x: [zeros(2, 3, 4), int64([-1])], constants: [1] }],
  ["ReduceSum", 13, { x: [zeros(2, 3)], attributes: { noop_with_empty_axes: int(1) } }],
  ["ReduceMean", 17, { x: [zeros(2, 3, 4)], attributes: { axes: ints([1, 2]) } }],
  ["ReduceMean", 18, { x: [zeros(2, 3, 4), int64([2])], constants: [1] }],
  ["ReduceLogSumExp", 18, { x: [zeros(2, 3, 4)], attributes: { keepdims: int(0) } }],
  ["Slice", 9, { x: [zeros(4, 5)], attributes: { starts: ints([1, -3]), ends: ints([9, -1]) } }],
  [
    "Slice",
    13,
    {
      x: [zeros(4, 5), int64([-1]), int64([-9]), int64([1]), int64([-2])],
      constants: [1, 2, 3, 4],
    },
  ],
  ["Pad", 10, { x: [zeros(2, 3)], attributes: { pads: ints([0, 1, 2, 0]) } }],
  ["Pad", 13, { x: [zeros(2, 3), int64([0, 1, 2, -1])], constants: [1] }],
  ["Pad", 18, { x: [zeros(2, 3), int64([1, 2]), undefined, int64([-1])], constants: [1, 3] }],
  ["Clip", 10, { x: [zeros(2, 3)], attributes: { min: float(0), max: float(6) } }],
  ["Clip", 13, { x: [zeros(2, 3), zeros(), undefined] }],
  [
    "Split",
    11,
    {
      x: [zeros(5, 2)],
      attributes: { split: ints([2, 3]) },
      outputTypes: ["float32", "float32"],
    },
  ],
  ["Split", 13, { x: [zeros(4, 2)], outputTypes: ["float32", "float32"] }],
  [
    "Split",
    18,
    {
      x: [zeros(2, 7)],
      attributes: { axis: int(1), num_outputs: int(3) },
      outputTypes: ["float32", "float32", "float32"],
    },
  ],
  ["Upsample", 9, { x: [zeros(1, 1, 3, 4), Tensor.float32([4], [1, 1, 2, 2.5])], constants: [1] }],
  ["Resize", 10, { x: [zeros(1, 1, 3, 4), Tensor.float32([4], [1, 1, 2, 0.6])], constants: [1] }],
  ["Dropout", 9, { x: [zeros(2, 3)], attributes: { ratio: float(0.3) } }],
  ["Dropout", 13, { x: [zeros(2, 3)], outputTypes: ["float32", "bool"] }],
  ["Reshape", 13, { x: [zeros(2, 3, 4), int64([0, -1])], constants: [1] }],
  [
    "Reshape",
    14,
    { x: [zeros(0, 3), int64([3, 0])], constants: [1], attributes: { allowzero: int(1) } },
  ],
  ["Flatten", 13, { x: [zeros(2, 3, 4)], attributes: { axis: int(0) } }],
  ["Transpose", 13, { x: [zeros(2, 3, 4)] }],
  ["Expand", 13, { x: [zeros(3, 1), int64([2, 1, 4])], constants: [1] }],
  ["Gather", 13, { x: [zeros(4, 5), int64([0, 1, 2, 3], [2, 2])], attributes: { axis: int(1) } }],
  ["GatherND", 13, { x: [zeros(2, 3, 4), int64([0, 1], [1, 2])] }],
  [
    "GatherND",
    13,
    { x: [zeros(2, 3, 4), int64([1, 0], [2, 1])], attributes: { batch_dims: int(1) } },
  ],
  ["ScatterND", 16, { x: [zeros(4, 2), int64([1], [1, 1]), zeros(1, 2)] }],
  ["TopK", 9, { x: [zeros(3, 5)], attributes: { k: int(2) }, outputTypes: ["float32", "int64"] }],
  [
    "TopK",
    11,
    {
      x: [zeros(3, 5), int64([2])],
      constants: [1],
      attributes: { axis: int(0) },
      outputTypes: ["float32", "int64"],
    },
  ],
  ["ArgMax", 13, { x: [zeros(3, 5)], attributes: { axis: int(-1) }, outputTypes: ["int64"] }],
  ["ArgMin", 13, { x: [zeros(3, 5)], attributes: { keepdims: int(0) }, outputTypes: ["int64"] }],
  [
    "OneHot",
    11,
    {
      x: [int64([1, 2, 0]), int64([4]), Tensor.float32([2], [0, 1])],
      constants: [1],
      attributes: { axis: int(0) },
      outputTypes: ["float32"],
    },
  ],
  ["CumSum", 14, { x: [zeros(3, 5), int64([1], [])] }],
  ["MatMul", 13, { x: [zeros(2, 1, 3, 4), zeros(5, 4, 6)] }],
  ["MatMul", 13, { x: [zeros(4), zeros(2, 4, 3)] }],
  ["MatMul", 13, { x: [zeros(3, 4), zeros(4)] }],
  [
    "Gemm",
    13,
    { x: [zeros(4, 3), zeros(5, 4), zeros(5)], attributes: { transA: int(1), transB: int(1) } },
  ],
  [
    "Einsum",
    12,
    { x: [zeros(2, 3, 4), zeros(2, 4, 5)], attributes: { equation: string("bij,bjk->bik") } },
  ],
  ["Einsum", 12, { x: [zeros(2, 3), zeros(3, 4)], attributes: { equation: string("ij,jk") } }],
  ["Einsum", 12, { x: [zeros(2, 3, 4)], attributes: { equation: string("...ij->...ji") } }],
  ["BatchNormalization", 13, { x: [zeros(2, 3, 4), zeros(3), zeros(3), zeros(3), zeros(3)] }],
  ["InstanceNormalization", 13, { x: [zeros(2, 3, 4, 4), zeros(3), zeros(3)] }],
  [
    "LayerNormalization",
    17,
    {
      x: [zeros(2, 3, 4), zeros(3, 4)],
      attributes: { axis: int(1) },
      outputTypes: ["float32", "float32", "float32"],
    },
  ],
  ["LRN", 13, { x: [zeros(1, 3, 4, 4)], attributes: { size: int(3) } }],
  ["GlobalAveragePool", 13, { x: [zeros(2, 3, 4, 5)] }],
  ["GlobalMaxPool", 13, { x: [zeros(2, 3, 4, 5)] }],
  ["DepthToSpace", 13, { x: [zeros(1, 8, 2, 3)], attributes: { blocksize: int(2) } }],
  ["SpaceToDepth", 13, { x: [zeros(1, 2, 4, 6)], attributes: { blocksize: int(2) } }],
  ["GridSample", 16, { x: [zeros(1, 2, 4, 5), zeros(1, 3, 6, 2)] }],
  ["Softmax", 13, { x: [zeros(2, 3)] }],
  ["PRelu", 13, { x: [zeros(2, 3, 4, 4), zeros(3, 1, 1)] }],
  ["Tile", 13, { x: [zeros(2, 3), int64([2, 1])], constants: [1] }],
  ["Trilu", 14, { x: [zeros(3, 3)] }],
  [
    "LSTM",
    13,
    {
      x: [zeros(5, 2, 3), zeros(2, 16, 3), zeros(2, 16, 4)],
      attributes: { hidden_size: int(4), direction: string("bidirectional") },
      outputTypes: ["float32", "float32", "float32"],
    },
  ],
  [
    "GRU",
    13,
    {
      x: [zeros(5, 2, 3), zeros(1, 12, 3), zeros(1, 12, 4)],
      attributes: { hidden_size: int(4) },
      outputTypes: ["float32", "float32"],
    },
  ],
  [
    "QuantizeLinear",
    13,
    {
      x: [zeros(2, 3), Tensor.float32([], [1]), Tensor.from("int8", [], Int8Array.of(0))],
      outputTypes: ["int8"],
    },
  ],
  [
    "DequantizeLinear",
    13,
    {
      x: [Tensor.from("uint8", [2], Uint8Array.of(1, 2)), Tensor.float32([], [1])],
      outputTypes: ["float32"],
    },
  ],
  ["Constant", 13, { attributes: { value_floats: floats([1, 2]) }, outputTypes: ["float32"] }],
  ["Constant", 13, { attributes: { value_int: int(3) }, outputTypes: ["int64"] }],
  ["EyeLike", 13, { x: [zeros(3, 4)] }],
  ["IsNaN", 13, { x: [zeros(3, 4)], outputTypes: ["bool"] }],
];

describe("inferShapes of one operator", () => {
  it.each(CASES)(
    "gives the shape that ONNX Runtime produces: %s of opset %i",
    async (opType, opset, { x = [], ...spec }) => {
      await expectRealDims([{ opType, opset, inputs: x, outputTypes: ["float32"], ...spec }]);
    },
  );
});
