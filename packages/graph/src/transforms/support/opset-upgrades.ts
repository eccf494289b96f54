/*
 * How operators of vision models change between opsets 7 and 20. An operator is either listed as
 * keeping its meaning throughout, or has steps, each of which rewrites what one version changed.
 * Whatever is in neither list cannot be upgraded. Source: the ONNX operator changelog.
 */
import { type AttributeContent, int, string } from "../../ir/attribute.ts";
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { replaceNode, usesOnlyFirstOutput } from "./edit.ts";
import { knownDtype } from "./known-dtype.ts";
import type { PartialShapes } from "./partial-shapes.ts";

/** What one opset changed about an operator. */
export interface UpgradeStep {
  /** The opset that made the change. */
  readonly since: number;
  /** Whether this node can be rewritten. Default: yes. */
  readonly isPossible?: (node: Node, known: PartialShapes, opset: number) => boolean;
  readonly apply?: (node: Node, known: PartialShapes) => void;
}

/** Operators with the same meaning from opset 7, or where they begin, to 20. */
export const unchangedOperators: ReadonlySet<string> = new Set(
  `Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool Cast Ceil Celu Concat Constant
  ConstantOfShape Conv ConvInteger ConvTranspose Cos CumSum DepthToSpace DequantizeLinear Div
  DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand Flatten Floor GRU Gather GatherElements GatherND
  Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Identity
  InstanceNormalization LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LpNormalization MatMul
  MatMulInteger Max MaxPool Mean MeanVarianceNormalization Min Mish Mod Mul Neg NonMaxSuppression
  NonZero Not OneHot Or PRelu Pow QuantizeLinear Range Reciprocal Relu Reshape Round ScatterElements
  ScatterND Selu Shape Sigmoid Sign Sin Size Softplus Softsign SpaceToDepth Sqrt Sub Sum Tan Tanh
  ThresholdedRelu Tile Transpose Trilu Where Xor`.split(/\s+/),
);

function addConstant(node: Node, index: number, name: string, tensor: Tensor): void {
  node.setInput(index, node.graph.addInitializer(`${node.key}_${name}`, tensor));
}

/** An integer list moved from an attribute to an input. */
const listToInput = (since: number, name: string, index: number): UpgradeStep => ({
  since,
  apply(node) {
    const values = node.ints(name);
    if (values) addConstant(node, index, name, Tensor.int64(values));
    node.setAttribute(name, undefined);
  },
});

/** A number moved from an attribute to an input of the data's type. */
const numberToInput = (since: number, name: string, index: number): UpgradeStep => ({
  since,
  isPossible: (node) => !node.attribute(name) || knownDtype(node.input(0)) === "float32",
  apply(node) {
    const number = node.float(name);
    if (number !== undefined) addConstant(node, index, name, Tensor.float32([], [number]));
    node.setAttribute(name, undefined);
  },
});

const dropAttribute = (since: number, name: string): UpgradeStep => ({
  since,
  apply: (node) => node.setAttribute(name, undefined),
});

const reduction = (since: number): readonly UpgradeStep[] => [listToInput(since, "axes", 1)];

/** From opset 13, these work along one axis; before, along all from the axis on. */
const softmax: readonly UpgradeStep[] = [
  {
    since: 13,
    isPossible(node, known) {
      const rank = known.shapeOf(node.input(0))?.length;
      const axis = node.int("axis", 1);
      return rank !== undefined && (axis === rank - 1 || axis === -1);
    },
    apply: (node) => node.setAttribute("axis", int(node.int("axis", 1))),
  },
];

const resize: readonly UpgradeStep[] = [
  {
    since: 11,
    apply(node) {
      const scales = node.input(1);
      node.setInput(2, scales);
      addConstant(node, 1, "roi", Tensor.float32([0], []));
      node.setAttribute("coordinate_transformation_mode", string("asymmetric"));
      node.setAttribute("nearest_mode", string("floor"));
    },
  },
  {
    since: 13,
    isPossible: (node) => node.string("coordinate_transformation_mode") !== "tf_half_pixel_for_nn",
  },
];

const upsample: readonly UpgradeStep[] = [
  {
    since: 9,
    apply(node) {
      const scales = node.floats("scales") ?? [];
      addConstant(node, 1, "scales", Tensor.float32([scales.length], scales));
      node.setAttribute("scales", undefined);
    },
  },
  {
    since: 10,
    isPossible: usesOnlyFirstOutput,
    apply(node) {
      const { graph } = node;
      const attributes: Record<string, AttributeContent> = {
        mode: string(node.string("mode", "nearest")),
        coordinate_transformation_mode: string("asymmetric"),
        nearest_mode: string("floor"),
      };
      const roi = graph.addInitializer(`${node.key}_roi`, Tensor.float32([0], []));
      const inputs: (Value | undefined)[] = [node.input(0), roi, node.input(1)];
      replaceNode(node, { opType: "Resize", inputs, attributes });
    },
  },
];

const batchNormalization: readonly UpgradeStep[] = [
  { since: 9, isPossible: (node) => node.int("spatial", 1) === 1, apply: clearSpatial },
  { since: 14, isPossible: usesOnlyFirstOutput },
];

function clearSpatial(node: Node): void {
  node.setAttribute("spatial", undefined);
}

const split: readonly UpgradeStep[] = [
  listToInput(13, "split", 1),
  {
    since: 18,
    apply(node) {
      if (!node.input(1)) node.setAttribute("num_outputs", int(node.outputs.length));
    },
  },
];

const topK: readonly UpgradeStep[] = [
  {
    since: 10,
    apply(node) {
      addConstant(node, 1, "k", Tensor.int64([node.int("k", 1)]));
      node.setAttribute("k", undefined);
    },
  },
];

/** Which operators need rewriting, and when. */
export const upgradeSteps: ReadonlyMap<string, readonly UpgradeStep[]> = new Map<
  string,
  readonly UpgradeStep[]
>([
  ["BatchNormalization", batchNormalization],
  ["Clip", [numberToInput(11, "min", 1), numberToInput(11, "max", 2)]],
  ["Dropout", [dropAttribute(12, "ratio")]],
  ["Hardmax", softmax],
  ["LogSoftmax", softmax],
  ["Softmax", softmax],
  ["Pad", [listToInput(11, "pads", 1), numberToInput(11, "value", 2)]],
  ["ReduceSum", reduction(13)],
  ...[
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
  ].map((name) => [name, reduction(18)] as const),
  ["Resize", resize],
  ["Slice", [listToInput(10, "starts", 1), listToInput(10, "ends", 2), listToInput(10, "axes", 3)]],
  ["Split", split],
  ["Squeeze", [listToInput(13, "axes", 1)]],
  ["TopK", topK],
  ["Unsqueeze", [listToInput(13, "axes", 1)]],
  ["Upsample", upsample],
]);
