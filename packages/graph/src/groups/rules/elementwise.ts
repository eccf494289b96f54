import type { Node } from "../../ir/node.ts";
import type { ChannelRule, Port, SpreadContext } from "../channel-rule.ts";

/**
 * Operators that compute each element from the elements at the same place of their inputs, with
 * ONNX's multidirectional broadcasting. Per-channel constants become parameters of the group.
 */
export const elementwise: ChannelRule = {
  spread(node: Node, port: Port, context: SpreadContext): void {
    const output = node.output;
    const outputShape = context.shapeOf(output);
    const outputRank = outputShape.length;
    const axis =
      port.side === "output"
        ? port.axis
        : port.axis + outputRank - context.shapeOf(port.value).length;
    const length = outputShape[axis] ?? 0;
    if (context.shapeOf(port.value)[port.axis] !== length) {
      context.block(port.value, port.axis, `${node.describe()} spreads one channel over ${length}`);
      return;
    }
    for (const other of node.outputs) {
      if (other && context.shapeOf(other)[axis] === length)
        context.couple(port.value, port.axis, other, axis);
    }
    for (const input of node.inputs) {
      if (!input) continue;
      const shape = context.shapeOf(input);
      const inputAxis = axis - (outputRank - shape.length);
      if (inputAxis >= 0 && shape[inputAxis] === length && (length > 1 || input === port.value)) {
        context.couple(port.value, port.axis, input, inputAxis);
      }
    }
  },
};

/** Operators that work on their first input alone, element by element. */
export const unary: ChannelRule = {
  spread(node, port, context) {
    const [input] = node.inputs;
    if (!input) return;
    if (port.value !== input && port.side === "input") {
      context.block(port.value, port.axis, `${node.describe()} reads it as a setting`);
      return;
    }
    for (const output of node.outputs)
      if (output) context.couple(input, port.axis, output, port.axis);
  },
};
