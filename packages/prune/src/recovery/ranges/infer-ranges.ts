import type { Model, ShapeInference, Tensor, Value } from "@ocrslim/graph";
import { axisLayout } from "../../criteria/weight-members.ts";
import { type ChannelRange, UNKNOWN_RANGE, uniformRange } from "./channel-range.ts";
import { elementwiseRangeRules } from "./elementwise.ts";
import { linearRangeRules } from "./linear.ts";
import type { RangeContext, RangeRule } from "./range-rule.ts";
import { structuralRangeRules } from "./structural.ts";

const rangeRules: ReadonlyMap<string, RangeRule> = new Map([
  ...elementwiseRangeRules,
  ...linearRangeRules,
  ...structuralRangeRules,
]);

/**
 * Returns between which numbers each computed value lies, per channel, whatever the inputs: interval
 * arithmetic from the weights alone. A channel whose interval is a single number is constant over
 * positions and images. Nodes must stand in order; operators without a rule give unknown ranges.
 */
export function inferRanges(model: Model, shapes: ShapeInference): (value: Value) => ChannelRange {
  const ranges = new Map<Value, ChannelRange>();
  for (const node of model.graph.nodes) {
    const rule = node.domain === "" ? rangeRules.get(node.opType) : undefined;
    if (!rule) continue;
    const constantOf = (index: number): Tensor | undefined => {
      const value = node.input(index);
      return value && (value.tensor ?? shapes.constantOf(value));
    };
    const rankOf = (index: number): number | undefined => {
      const value = node.input(index);
      return value && shapes.shapeOf(value)?.length;
    };
    const outputRank = node.outputs[0] && shapes.shapeOf(node.outputs[0])?.length;
    const context: RangeContext = {
      node,
      shapes,
      constantOf,
      rankOf,
      rangeOf(index, axis = 1) {
        const value = node.input(index);
        const known = value && ranges.get(value);
        if (known) return aligned(known, rankOf(index), outputRank, node.opType);
        const constant = constantOf(index);
        return constant ? constantRange(constant, axis, outputRank) : UNKNOWN_RANGE;
      },
    };
    const range = rule(context);
    if (!range || hasNaN(range)) continue;
    // Further outputs are masks, indices or statistics; only Split's are like the first.
    const outputs = node.opType === "Split" ? node.outputs : node.outputs.slice(0, 1);
    for (const output of outputs) if (output) ranges.set(output, range);
  }
  return (value) => ranges.get(value) ?? UNKNOWN_RANGE;
}

/** Broadcasting aligns axes at the end: a value of lower rank has its channels further right. */
function aligned(
  range: ChannelRange,
  rank: number | undefined,
  outputRank: number | undefined,
  opType: string,
): ChannelRange {
  if (range.axis < 0 || !elementwiseRangeRules.has(opType)) return range;
  if (rank === undefined || outputRank === undefined) return { ...UNKNOWN_RANGE };
  return { ...range, axis: range.axis + outputRank - rank };
}

/** The least and the greatest element of each slice along an axis of the output. */
function constantRange(
  tensor: Tensor,
  outputAxis: number,
  outputRank: number | undefined,
): ChannelRange {
  const values = tensor.toNumbers();
  const axis = outputRank === undefined ? -1 : outputAxis - (outputRank - tensor.dims.length);
  const size = tensor.dims[axis] ?? 1;
  const split = axis >= 0 && size > 1;
  const { length, inner } = split ? axisLayout(tensor.dims, axis) : { length: 1, inner: 1 };
  const low = new Float64Array(length).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(length).fill(Number.NEGATIVE_INFINITY);
  values.forEach((value, at) => {
    const index = Math.floor(at / inner) % length;
    low[index] = Math.min(low[index] ?? value, value);
    high[index] = Math.max(high[index] ?? value, value);
  });
  if (values.length === 0) return UNKNOWN_RANGE;
  return split ? { axis: outputAxis, low, high } : uniformRange(low[0] ?? 0, high[0] ?? 0);
}

const hasNaN = ({ low, high }: ChannelRange): boolean =>
  low.some(Number.isNaN) || high.some(Number.isNaN);
