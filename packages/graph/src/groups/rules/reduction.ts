import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import type { ChannelRule, SpreadContext } from "../channel-rule.ts";

/** Reductions to which a channel of zeros adds nothing. */
const ADDITIVE: ReadonlySet<string> = new Set([
  "ReduceSum",
  "ReduceSumSquare",
  "ReduceL1",
  "ReduceL2",
]);

function reducedAxes(
  node: Node,
  x: Value,
  context: SpreadContext,
): ReadonlySet<number> | undefined {
  const rank = context.shapeOf(x).length;
  const axesValue = node.inputs[1];
  const given = axesValue ? context.constantOf(axesValue)?.toNumbers() : (node.ints("axes") ?? []);
  if (!given) return undefined;
  if (given.length === 0) {
    const none = node.int("noop_with_empty_axes", 0) === 1;
    return new Set(none ? [] : Array.from({ length: rank }, (_, axis) => axis));
  }
  return new Set([...given].map((axis) => (axis < 0 ? axis + rank : axis)));
}

function spreadOver(
  node: Node,
  x: Value,
  port: { value: Value; axis: number; side: string },
  reduced: ReadonlySet<number>,
  context: SpreadContext,
  keepsDims: boolean,
): void {
  const remaining = context
    .shapeOf(x)
    .map((_, axis) => axis)
    .filter((axis) => keepsDims || !reduced.has(axis));
  const axis = port.side === "output" ? (remaining[port.axis] ?? 0) : port.axis;
  if (!reduced.has(axis)) {
    for (const output of node.outputs)
      if (output) context.couple(x, axis, output, remaining.indexOf(axis));
  } else if (port.side === "output") {
    context.block(port.value, port.axis, `${node.describe()} has reduced this axis to one`);
  } else if (ADDITIVE.has(node.opType)) context.mark(x, axis, "consumer", 0);
  else context.block(x, axis, `${node.describe()} takes a statistic over this axis`);
}

/** ReduceSum, ReduceMean, …: sums consume channels; other statistics over channels block them. */
export const reduction: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    const reduced = reducedAxes(node, x, context);
    if (!reduced || (port.side === "input" && port.value !== x)) {
      context.block(port.value, port.axis, `the axes of ${node.describe()} are computed`);
    } else spreadOver(node, x, port, reduced, context, node.int("keepdims", 1) === 1);
  },
};

/** ArgMax, ArgMin, TopK: along one axis, which is blocked. */
export const selection: ChannelRule = {
  spread(node, port, context) {
    const [x] = node.inputs;
    if (!x) return;
    if (port.side === "input" && port.value !== x) {
      context.block(port.value, port.axis, `${node.describe()} reads it as a count`);
      return;
    }
    const rank = context.shapeOf(x).length;
    const isTopK = node.opType === "TopK";
    const axis = node.int("axis", isTopK ? -1 : 0);
    spreadOver(
      node,
      x,
      port,
      new Set([axis < 0 ? axis + rank : axis]),
      context,
      isTopK || node.int("keepdims", 1) === 1,
    );
  },
};
