import type { DataType } from "../../ir/data-type.ts";
import { dataTypeFromCode } from "../../ir/data-type.ts";
import { broadcastDims, broadcastPair, formatDims } from "../dims.ts";
import {
  type InferredOutput,
  mismatch,
  type ShapeRule,
  type ShapeRuleContext,
} from "../shape-rule.ts";

const keep: ShapeRule = (context) => [{ dims: context.dims(0), dtype: context.dtype(0) }];

const keepAs =
  (dtype: DataType): ShapeRule =>
  (context) => [{ dims: context.dims(0), dtype }];

function broadcastAll(context: ShapeRuleContext): readonly number[] | undefined {
  const operands: (readonly number[])[] = [];
  for (let index = 0; index < context.node.inputs.length; index++) {
    const dims = context.dims(index);
    if (!dims) return undefined;
    operands.push(dims);
  }
  return broadcastDims(context.node, operands);
}

const broadcast: ShapeRule = (context) => [
  { dims: broadcastAll(context), dtype: context.dtype(0) ?? context.dtype(1) },
];

const compare: ShapeRule = (context) => [{ dims: broadcastAll(context), dtype: "bool" }];

const where: ShapeRule = (context) => [
  { dims: broadcastAll(context), dtype: context.dtype(1) ?? context.dtype(2) },
];

/** The slope broadcasts to the input, never the other way. */
const prelu: ShapeRule = (context) => {
  const dims = context.dims(0);
  const slope = context.dims(1);
  if (dims && slope) {
    const together = broadcastPair(dims, slope);
    if (
      !together ||
      together.length !== dims.length ||
      together.some((dim, i) => dim !== dims[i])
    ) {
      throw mismatch(
        context.node,
        `slope ${formatDims(slope)} does not broadcast to the input ${formatDims(dims)}`,
      );
    }
  }
  return keep(context);
};

const cast: ShapeRule = (context) => [
  { dims: context.dims(0), dtype: dataTypeFromCode(context.node.int("to", 0)) },
];

const castLike: ShapeRule = (context) => [{ dims: context.dims(0), dtype: context.dtype(1) }];

const dropout: ShapeRule = (context) => {
  const dims = context.dims(0);
  return [
    { dims, dtype: context.dtype(0) },
    { dims, dtype: context.opset < 10 ? context.dtype(0) : "bool" },
  ];
};

const quantize: ShapeRule = (context) => {
  const declared = dataTypeFromCode(context.node.int("output_dtype", 0));
  const dtype = declared === "undefined" ? undefined : declared;
  return [{ dims: context.dims(0), dtype: context.dtype(2) ?? dtype ?? "uint8" }];
};

const dequantize: ShapeRule = (context) => [
  { dims: context.dims(0), dtype: context.dtype(1) ?? "float32" },
];

const dynamicQuantize: ShapeRule = (context): readonly InferredOutput[] => [
  { dims: context.dims(0), dtype: "uint8" },
  { dims: [], dtype: "float32" },
  { dims: [], dtype: "uint8" },
];

const randomLike: ShapeRule = (context) => {
  const declared = dataTypeFromCode(context.node.int("dtype", 0));
  const dtype = declared === "undefined" ? undefined : declared;
  return [{ dims: context.dims(0), dtype: dtype ?? context.dtype(0) }];
};

const UNARY =
  "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Ceil Celu Clip Cos Cosh CumSum CumProd Elu Erf Exp Floor Gelu Hardmax HardSigmoid HardSwish Identity LeakyRelu Log LogSoftmax LpNormalization LRN MeanVarianceNormalization Mish Neg Not Reciprocal Relu ReverseSequence Round Scatter ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Swish Tan Tanh TensorScatter ThresholdedRelu Trilu";
const BROADCAST =
  "Add BitShift BitwiseAnd BitwiseOr BitwiseXor Div Max Mean Min Mod Mul Pow Sub Sum";
const COMPARE = "And Equal Greater GreaterOrEqual Less LessOrEqual Or Xor";

const each = (opTypes: string, rule: ShapeRule): [string, ShapeRule][] =>
  opTypes.split(" ").map((opType) => [opType, rule]);

/** Operators whose output has the shape of the input, or of the operands broadcast together. */
export const elementwiseRules: readonly (readonly [string, ShapeRule])[] = [
  ...each(UNARY, keep),
  ...each(BROADCAST, broadcast),
  ...each(COMPARE, compare),
  ...each("IsInf IsNaN", keepAs("bool")),
  ...each("RandomNormalLike RandomUniformLike EyeLike Bernoulli", randomLike),
  ["Where", where],
  ["PRelu", prelu],
  ["Cast", cast],
  ["CastLike", castLike],
  ["Dropout", dropout],
  ["QuantizeLinear", quantize],
  ["DequantizeLinear", dequantize],
  ["DynamicQuantizeLinear", dynamicQuantize],
];
