import { int } from "../../ir/attribute.ts";
import { constantTensor } from "../../ir/constants.ts";
import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import type { ChannelRule, KeptChannels, Port, SpreadContext } from "../channel-rule.ts";

interface Operands {
  readonly x: Value;
  readonly weight: Value;
  readonly bias: Value | undefined;
  readonly y: Value;
  readonly convGroups: number;
}

function operands(node: Node): Operands | undefined {
  const [x, weight, bias] = node.inputs;
  if (!x || !weight) return undefined;
  return { x, weight, bias, y: node.output, convGroups: node.int("group", 1) };
}

/**
 * Where the axes of the weight lie: Conv has [out, in / groups, …kernel], ConvTranspose
 * [in, out / groups, …kernel].
 */
interface WeightLayout {
  readonly inputAxis: 0 | 1;
  readonly outputAxis: 0 | 1;
}

function spreadConvolution(
  node: Node,
  port: Port,
  context: SpreadContext,
  layout: WeightLayout,
): void {
  const ops = operands(node);
  if (!ops) return;
  const { x, weight, bias, y, convGroups } = ops;
  if (constantTensor(weight) === undefined) {
    context.block(port.value, port.axis, `the weight of ${node.describe()} is computed`);
    return;
  }
  const isActivation = port.value === x || port.value === y;
  if (isActivation && port.axis === 0) {
    context.couple(x, 0, y, 0);
    return;
  }
  if (isActivation && port.axis > 1) {
    context.block(port.value, port.axis, `${node.describe()} slides over this axis`);
    return;
  }
  if (port.value === weight && port.axis > 1) {
    context.block(weight, port.axis, `it is the kernel of ${node.describe()}`);
    return;
  }
  if (convGroups > 1) {
    spreadGrouped(node, port, context, ops, layout);
    return;
  }
  const readsInput = port.value === x || (port.value === weight && port.axis === layout.inputAxis);
  if (readsInput) {
    context.couple(x, 1, weight, layout.inputAxis);
    context.mark(weight, layout.inputAxis, "consumer", 0);
  }
  // A value may be input and output at once only through a cycle, so these are exclusive.
  if (!readsInput || port.value === y) {
    context.couple(y, 1, weight, layout.outputAxis);
    context.mark(weight, layout.outputAxis, "producer");
    if (bias) context.couple(y, 1, bias, 0);
  }
}

/**
 * A grouped convolution passes channels through, convolution group by convolution group: what can be
 * removed is a whole one, with its inputs, its outputs and its filters. Depthwise is the case of one
 * input channel each.
 */
function spreadGrouped(
  node: Node,
  port: Port,
  context: SpreadContext,
  ops: Operands,
  layout: WeightLayout,
): void {
  const { x, weight, bias, y, convGroups } = ops;
  const perInput = (context.shapeOf(x)[1] ?? 0) / convGroups;
  const perOutput = (context.shapeOf(y)[1] ?? 0) / convGroups;
  if (port.value === weight && port.axis === 1) {
    context.block(
      weight,
      1,
      `${node.describe()} has ${convGroups} convolution groups, and this axis lies within each`,
    );
    return;
  }
  // One input stands for its convolution group: the first couples to all, all couple to the first.
  context.couple(x, 1, x, 1, (index) => index - (index % perInput));
  context.couple(y, 1, x, 1, (index) => Math.floor(index / perOutput) * perInput);
  const weightPer = layout.outputAxis === 0 ? perOutput : perInput;
  context.couple(weight, 0, x, 1, (index) => Math.floor(index / weightPer) * perInput);
  context.mark(weight, 0, "producer");
  if (bias) context.couple(bias, 0, y, 1);
}

function rewriteConvolution(node: Node, kept: KeptChannels): void {
  const ops = operands(node);
  if (!ops || ops.convGroups === 1) return;
  const before = kept.oldShape(ops.x)[1] ?? 0;
  const after = kept.newShape(ops.x)[1] ?? 0;
  if (after !== before) node.setAttribute("group", int((after * ops.convGroups) / before));
}

/** Conv: [N, C, …] with a constant weight [M, C / groups, …kernel]. */
export const convolution: ChannelRule = {
  spread: (node, port, context) =>
    spreadConvolution(node, port, context, { inputAxis: 1, outputAxis: 0 }),
  rewrite: rewriteConvolution,
};

/** ConvTranspose: [N, C, …] with a constant weight [C, M / groups, …kernel]. */
export const transposedConvolution: ChannelRule = {
  spread: (node, port, context) =>
    spreadConvolution(node, port, context, { inputAxis: 0, outputAxis: 1 }),
  rewrite: rewriteConvolution,
};
