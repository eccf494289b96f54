import type { DataType } from "../../ir/data-type.ts";
import { formatDims } from "../dims.ts";
import { mismatch, type ShapeRule, type ShapeRuleContext } from "../shape-rule.ts";
import { readWindow, windowOutput } from "./window.ts";

/** `[N, C, …]` and `[M, C / group, …kernel]` → `[N, M, …]`. */
function convolutionDims(
  context: ShapeRuleContext,
  weightIndex: number,
): readonly number[] | undefined {
  const { node } = context;
  const dims = context.dims(0);
  const weight = context.dims(weightIndex);
  if (!dims || !weight) return undefined;
  if (dims.length < 3 || weight.length !== dims.length) {
    throw mismatch(
      node,
      `input ${formatDims(dims)} and weight ${formatDims(weight)} should have the same rank, 3 or more`,
    );
  }
  const convGroups = node.int("group", 1);
  const [batch = 0, channelCount = 0, ...spatial] = dims;
  const [outputCount = 0, perGroup = 0, ...kernel] = weight;
  if (channelCount !== perGroup * convGroups) {
    throw mismatch(
      node,
      `input ${formatDims(dims)} has ${channelCount} channels, but weight ${formatDims(weight)} with group = ${convGroups} takes ${perGroup * convGroups}`,
    );
  }
  if (outputCount % convGroups !== 0) {
    throw mismatch(
      node,
      `${outputCount} output channels cannot be split into group = ${convGroups}`,
    );
  }
  assertKernelShape(context, kernel);
  return [batch, outputCount, ...windowOutput(node, spatial, readWindow(node, kernel))];
}

function assertKernelShape({ node }: ShapeRuleContext, kernel: readonly number[]): void {
  const declared = node.ints("kernel_shape");
  if (declared && formatDims(declared) !== formatDims(kernel)) {
    throw mismatch(
      node,
      `kernel_shape = ${formatDims(declared)}, but the weight's kernel is ${formatDims(kernel)}`,
    );
  }
}

function assertBias(context: ShapeRuleContext, index: number, outputCount: number): void {
  const bias = context.dims(index);
  if (bias && (bias.length !== 1 || bias[0] !== outputCount)) {
    throw mismatch(
      context.node,
      `bias ${formatDims(bias)} should have ${outputCount} elements, one for each output channel`,
    );
  }
}

const conv: ShapeRule = (context) => {
  const dims = convolutionDims(context, 1);
  if (dims) assertBias(context, 2, dims[1] ?? 0);
  return [{ dims, dtype: context.dtype(0) }];
};

const quantizedConv =
  (weightIndex: number, dtype: DataType | undefined, typeIndex: number): ShapeRule =>
  (context) => [
    { dims: convolutionDims(context, weightIndex), dtype: dtype ?? context.dtype(typeIndex) },
  ];

const deformConv: ShapeRule = (context) => [
  { dims: convolutionDims(context, 1), dtype: context.dtype(0) },
];

/** `[N, C, …]` and `[C, M / group, …kernel]` → `[N, M, …]`. */
const convTranspose: ShapeRule = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const weight = context.dims(1);
  if (!dims || !weight) return [{ dtype: context.dtype(0) }];
  if (dims.length < 3 || weight.length !== dims.length || weight[0] !== dims[1]) {
    throw mismatch(
      node,
      `input ${formatDims(dims)} does not fit weight ${formatDims(weight)}, which takes ${weight[0]} channels`,
    );
  }
  const [batch = 0, channelCount = 0, ...spatial] = dims;
  const [, perGroup = 0, ...kernel] = weight;
  const convGroups = node.int("group", 1);
  if (channelCount % convGroups !== 0) {
    throw mismatch(node, `${channelCount} channels cannot be split into group = ${convGroups}`);
  }
  const outputCount = perGroup * convGroups;
  assertKernelShape(context, kernel);
  assertBias(context, 2, outputCount);
  const window = readWindow(node, kernel);
  const declared = node.ints("output_shape");
  const extra = node.ints("output_padding");
  const output = spatial.map((size, axis) => {
    const fixed = declared?.[declared.length - spatial.length + axis];
    if (fixed !== undefined) return fixed;
    const stride = window.strides[axis] ?? 1;
    const span = ((kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) + 1;
    const whole = stride * (size - 1) + (extra?.[axis] ?? 0) + span;
    // The runtime cuts down to size × stride, but never pads up to it.
    if (window.autoPad.startsWith("SAME")) return Math.min(size * stride, whole);
    return whole - (window.pads[axis] ?? 0) - (window.pads[axis + kernel.length] ?? 0);
  });
  return [{ dims: [batch, outputCount, ...output], dtype: context.dtype(0) }];
};

/** Convolutions. */
export const convolutionRules: readonly (readonly [string, ShapeRule])[] = [
  ["Conv", conv],
  ["ConvInteger", quantizedConv(1, "int32", 0)],
  ["QLinearConv", quantizedConv(3, undefined, 7)],
  ["DeformConv", deformConv],
  ["ConvTranspose", convTranspose],
];
