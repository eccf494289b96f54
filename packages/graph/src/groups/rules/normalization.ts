import { int } from "../../ir/attribute.ts";
import type { Node } from "../../ir/node.ts";
import type { ChannelRule, Port, SpreadContext } from "../channel-rule.ts";

function blockExtraOutputs(node: Node, port: Port, context: SpreadContext): boolean {
  const extra = node.outputs
    .slice(1)
    .find((output) => output && (output.uses.length > 0 || output.isGraphOutput));
  if (!extra) return false;
  context.block(port.value, port.axis, `${node.describe()} also gives "${extra.name}"`);
  return true;
}

function couplePerChannel(node: Node, context: SpreadContext): void {
  const [x, ...parameters] = node.inputs;
  if (!x) return;
  context.couple(x, 1, node.output, 1);
  for (const parameter of parameters) if (parameter) context.couple(x, 1, parameter, 0);
}

/** BatchNormalization in inference: an affine function per channel. */
export const batchNormalization: ChannelRule = {
  spread(node, port, context) {
    if (blockExtraOutputs(node, port, context)) return;
    const [x] = node.inputs;
    if (!x) return;
    const isParameter = port.side === "input" && port.value !== x;
    if (isParameter || port.axis === 1) couplePerChannel(node, context);
    else context.couple(x, port.axis, node.output, port.axis);
  },
};

/** InstanceNormalization: statistics of each channel alone. */
export const instanceNormalization: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const isParameter = port.side === "input" && port.value !== x;
    if (isParameter || port.axis === 1) couplePerChannel(node, context);
    else if (port.axis === 0) context.couple(x, 0, node.output, 0);
    else context.block(port.value, port.axis, `${node.describe()} takes statistics over this axis`);
  },
};

/** GroupNormalization: what can be removed is a whole normalization group. */
export const groupNormalization: ChannelRule = {
  spread(node, port, context) {
    const [x, ...parameters] = node.inputs;
    if (!x) return;
    const isParameter = port.side === "input" && port.value !== x;
    if (!isParameter && port.axis === 0) {
      context.couple(x, 0, node.output, 0);
      return;
    }
    if (!isParameter && port.axis > 1) {
      context.block(port.value, port.axis, `${node.describe()} takes statistics over this axis`);
      return;
    }
    const channels = context.shapeOf(x)[1] ?? 0;
    const perGroup = channels / node.int("num_groups", 1);
    context.couple(x, 1, x, 1, (index) => index - (index % perGroup));
    context.couple(x, 1, node.output, 1);
    for (const parameter of parameters) {
      if (!parameter) continue;
      // One value per group up to opset 20, one per channel from 21 on.
      if (context.shapeOf(parameter)[0] === channels) context.couple(x, 1, parameter, 0);
      else context.couple(parameter, 0, x, 1, (index) => index * perGroup);
    }
  },
  rewrite(node, kept) {
    const [x] = node.inputs;
    if (!x) return;
    const before = kept.oldShape(x)[1] ?? 0;
    const after = kept.newShape(x)[1] ?? 0;
    if (before !== after)
      node.setAttribute("num_groups", int((node.int("num_groups", 1) * after) / before));
  },
};

/** Operators with statistics over the axes from `axis` on, such as LayerNormalization. */
export const layerNormalization: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x || blockExtraOutputs(node, port, context)) return;
    const axis = node.int("axis", -1);
    const first = axis < 0 ? axis + context.shapeOf(x).length : axis;
    const isParameter = port.side === "input" && port.value !== x;
    if (isParameter || port.axis >= first) {
      context.block(port.value, port.axis, `${node.describe()} takes statistics over this axis`);
    } else context.couple(x, port.axis, node.output, port.axis);
  },
};

/** Softmax, LogSoftmax, Hardmax: along one axis from opset 13 on, along all from `axis` on before. */
export const softmax: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const rank = context.shapeOf(x).length;
    const axis = node.int("axis", context.opset >= 13 ? -1 : 1);
    const first = axis < 0 ? axis + rank : axis;
    const mixes = context.opset >= 13 ? port.axis === first : port.axis >= first;
    if (mixes) context.block(port.value, port.axis, `${node.describe()} normalizes over this axis`);
    else context.couple(x, port.axis, node.output, port.axis);
  },
};
