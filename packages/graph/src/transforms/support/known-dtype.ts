import { type DataType, dataTypeFromCode } from "../../ir/data-type.ts";
import type { Value } from "../../ir/value.ts";
import { constantTensor } from "./constants.ts";

/** Operators whose output has another type than their first input. */
const TYPED: ReadonlyMap<string, DataType> = new Map<string, DataType>([
  ["Shape", "int64"],
  ["Size", "int64"],
  ["ArgMax", "int64"],
  ["ArgMin", "int64"],
  ["NonZero", "int64"],
]);

/** Operators whose output has the type of their first input. */
const SAME = new Set(
  "Abs Add AveragePool BatchNormalization Clip Concat Conv ConvTranspose Div Dropout Erf Exp Flatten Gather Gelu Gemm GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish Identity LeakyRelu MatMul Max MaxPool Min Mul Neg PRelu Pad Pow ReduceMax ReduceMean ReduceSum Relu Reshape Resize Sigmoid Slice Softmax Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Upsample".split(
    " ",
  ),
);

/** Operators with constant inputs of another type than the result's. */
const UNRELATED = new Set(["Gather", "Resize", "Upsample", "Dropout"]);

/** The element type of a value if it is certain; declared types count for graph inputs only. */
export function knownDtype(value: Value | undefined): DataType | undefined {
  let current = value;
  for (let steps = 0; current && steps < 10_000; steps++) {
    const constant = constantTensor(current);
    if (constant) return constant.dtype;
    const node = current.producer;
    if (!node) return current.type?.kind === "tensor" ? current.type.dtype : undefined;
    if (node.domain !== "" || node.outputs[0] !== current) return undefined;
    if (node.opType === "Cast") return dataTypeFromCode(node.int("to", 0));
    const typed = TYPED.get(node.opType);
    if (typed) return typed;
    if (!SAME.has(node.opType)) return undefined;
    const constantInput = UNRELATED.has(node.opType) ? undefined : node.inputs.find(isTyping);
    current = constantInput ?? node.input(0);
  }
  return undefined;
}

/** A constant floating-point operand has the type of the result. */
function isTyping(value: Value | undefined): boolean {
  const dtype = constantTensor(value)?.dtype;
  return dtype === "float32" || dtype === "float16" || dtype === "float64";
}
