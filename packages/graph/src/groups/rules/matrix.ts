import { constantTensor } from "../../ir/constants.ts";
import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import type { ChannelRule, Port, SpreadContext } from "../channel-rule.ts";

/** Couples the axes that are summed over, and says which side is the weight. */
function contract(context: SpreadContext, a: Value, aAxis: number, b: Value, bAxis: number): void {
  context.couple(a, aAxis, b, bAxis);
  if (constantTensor(b)) context.mark(b, bAxis, "consumer", 0);
  else if (constantTensor(a)) context.mark(a, aAxis, "consumer", 1);
  else {
    context.mark(a, aAxis, "consumer", 0);
    context.mark(b, bAxis, "consumer", 1);
  }
}

function produce(
  context: SpreadContext,
  operand: Value,
  axis: number,
  output: Value,
  outputAxis: number,
): void {
  context.couple(operand, axis, output, outputAxis);
  if (constantTensor(operand)) context.mark(operand, axis, "producer");
}

/** MatMul: […, M, K] × […, K, N], with broadcast batch axes; vectors have K alone. */
export const matMul: ChannelRule = {
  spread(node: Node, port: Port, context: SpreadContext): void {
    const [a, b] = node.inputs;
    if (!a || !b) return;
    const y = node.output;
    const aRank = context.shapeOf(a).length;
    const bRank = context.shapeOf(b).length;
    const yRank = context.shapeOf(y).length;
    if (aRank < 2 || bRank < 2) {
      context.block(port.value, port.axis, `${node.describe()} multiplies by a vector`);
      return;
    }
    const fromEnd = context.shapeOf(port.value).length - port.axis;
    if (port.side === "output" ? false : port.value === a ? fromEnd === 1 : fromEnd === 2) {
      contract(context, a, aRank - 1, b, bRank - 2);
      if (a !== b) return;
    }
    if (fromEnd === 2 && port.value !== b) produce(context, a, aRank - 2, y, yRank - 2);
    else if (fromEnd === 1 && port.value !== a) produce(context, b, bRank - 1, y, yRank - 1);
    else if (fromEnd > 2) spreadBatch(node, port, context, fromEnd);
    else if (a === b)
      context.block(port.value, port.axis, `${node.describe()} multiplies a value by itself`);
  },
};

function spreadBatch(node: Node, port: Port, context: SpreadContext, fromEnd: number): void {
  const length = context.shapeOf(port.value)[port.axis];
  for (const value of [...node.inputs, node.output]) {
    if (!value) continue;
    const shape = context.shapeOf(value);
    const axis = shape.length - fromEnd;
    if (axis < 0 || shape[axis] === 1) continue;
    if (shape[axis] === length) context.couple(port.value, port.axis, value, axis);
    else context.block(port.value, port.axis, `${node.describe()} spreads it over a batch axis`);
  }
}

/** Gemm: A' B' + C, with A' [M, K] and B' [K, N]. */
export const gemm: ChannelRule = {
  spread(node: Node, port: Port, context: SpreadContext): void {
    const [a, b, c] = node.inputs;
    if (!a || !b) return;
    const y = node.output;
    const aK = node.int("transA", 0) ? 0 : 1;
    const bK = node.int("transB", 0) ? 1 : 0;
    if (a === b) {
      context.block(port.value, port.axis, `${node.describe()} multiplies a value by itself`);
      return;
    }
    if ((port.value === a && port.axis === aK) || (port.value === b && port.axis === bK)) {
      contract(context, a, aK, b, bK);
      return;
    }
    const cShape = c ? context.shapeOf(c) : [];
    const outputAxis =
      port.value === a
        ? 0
        : port.value === b
          ? 1
          : port.value === c
            ? port.axis + 2 - cShape.length
            : port.axis;
    if (outputAxis === 0) produce(context, a, 1 - aK, y, 0);
    else produce(context, b, 1 - bK, y, 1);
    const cAxis = outputAxis - (2 - cShape.length);
    if (c && cAxis >= 0 && (cShape[cAxis] ?? 1) > 1) context.couple(c, cAxis, y, outputAxis);
  },
};
