import type { ChannelRule } from "./channel-rule.ts";
import { convolution, transposedConvolution } from "./rules/convolution.ts";
import { elementwise, unary } from "./rules/elementwise.ts";
import { concat, gather, slice, split } from "./rules/joining.ts";
import { gemm, matMul } from "./rules/matrix.ts";
import {
  batchNormalization,
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  softmax,
} from "./rules/normalization.ts";
import { recurrent, shapeOperator } from "./rules/other.ts";
import { reduction, selection } from "./rules/reduction.ts";
import { expand, flatten, reshape, tile, transpose } from "./rules/reshaping.ts";
import { depthToSpace, pad, pooling, resize, spaceToDepth } from "./rules/spatial.ts";

const FAMILIES: readonly (readonly [ChannelRule, string])[] = [
  [convolution, "Conv"],
  [transposedConvolution, "ConvTranspose"],
  [
    elementwise,
    "Add Sub Mul Div Pow Min Max Mod Sum Mean And Or Xor Equal Less LessOrEqual Greater GreaterOrEqual Where PRelu",
  ],
  [
    unary,
    "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu",
  ],
  [pooling, "MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool"],
  [resize, "Resize Upsample"],
  [pad, "Pad"],
  [concat, "Concat"],
  [split, "Split"],
  [slice, "Slice"],
  [gather, "Gather"],
  [transpose, "Transpose"],
  [reshape, "Reshape"],
  [flatten, "Flatten Squeeze Unsqueeze"],
  [expand, "Expand"],
  [tile, "Tile"],
  [matMul, "MatMul"],
  [gemm, "Gemm"],
  [batchNormalization, "BatchNormalization"],
  [instanceNormalization, "InstanceNormalization"],
  [groupNormalization, "GroupNormalization"],
  [layerNormalization, "LayerNormalization"],
  [softmax, "Softmax LogSoftmax Hardmax"],
  [
    reduction,
    "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp",
  ],
  [selection, "ArgMax ArgMin TopK"],
  [depthToSpace, "DepthToSpace"],
  [spaceToDepth, "SpaceToDepth"],
  [shapeOperator, "Shape"],
  [recurrent, "LSTM GRU RNN"],
];

/**
 * What each standard operator does to channels, by operator type. An operator without a rule blocks
 * the channels that reach it. Give `findChannelGroups` a larger table to add operators of your own,
 * as `domain:OpType` for other domains.
 */
export const channelRules: ReadonlyMap<string, ChannelRule> = new Map(
  FAMILIES.flatMap(([rule, names]) =>
    names.split(" ").map((name): [string, ChannelRule] => [name, rule]),
  ),
);
