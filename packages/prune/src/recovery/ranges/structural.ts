import {
  type ChannelRange,
  combineRanges,
  flattenRange,
  includeInRange,
  uniformRange,
} from "./channel-range.ts";
import { touchesPadding } from "./padding.ts";
import type { RangeContext, RangeRule } from "./range-rule.ts";

const keep: RangeRule = ({ rangeOf }) => rangeOf(0);
const rearrange: RangeRule = ({ rangeOf }) => flattenRange(rangeOf(0));
const hull = (a: ChannelRange, b: ChannelRange): ChannelRange =>
  combineRanges(a, b, (low, high, other, another) => [
    Math.min(low, other),
    Math.max(high, another),
  ]);

const averagePool: RangeRule = ({ node, rangeOf }) => {
  const counted = node.int("count_include_pad", 0) === 1;
  const padded = touchesPadding(node, node.ints("kernel_shape") ?? []);
  // With ceil_mode, the last window may reach beyond the edge as well.
  return counted && (padded || node.int("ceil_mode", 0) === 1)
    ? includeInRange(rangeOf(0), 0)
    : rangeOf(0);
};

/** Interpolation stays between its neighbours, unless it is cubic or reads outside. */
const resize: RangeRule = ({ node, rangeOf }) => {
  const mode = node.string("mode", "nearest");
  if (mode === "cubic") return undefined;
  if (node.string("coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize") {
    return includeInRange(rangeOf(0), node.float("extrapolation_value", 0));
  }
  return rangeOf(0);
};

const pad: RangeRule = ({ node, rangeOf, constantOf }) => {
  if (node.string("mode", "constant") !== "constant") return flattenRange(rangeOf(0));
  if (node.input(2) && !constantOf(2)) return undefined;
  const fill = constantOf(2)?.toNumbers()[0] ?? node.float("value", 0);
  const range = rangeOf(0);
  const pads = node.ints("pads") ?? constantOf(1)?.toNumbers();
  const half = (pads?.length ?? 0) / 2;
  const untouched =
    pads && !node.input(3) && (pads[range.axis] ?? 0) === 0 && (pads[range.axis + half] ?? 0) === 0;
  return includeInRange(untouched ? range : flattenRange(range), fill);
};

const concat: RangeRule = (context) => {
  const { node } = context;
  const rank = context.rankOf(0);
  if (rank === undefined) return undefined;
  const axis = (node.int("axis", 1) + rank) % rank;
  const parts = node.inputs.map((_, index) => context.rangeOf(index, axis));
  const joined = parts.map((part, index) => spread(context, part, index, axis));
  if (joined.every((part) => part !== undefined)) {
    return {
      axis,
      low: join(joined.map(({ low }) => low)),
      high: join(joined.map(({ high }) => high)),
    };
  }
  return parts.map(flattenRange).reduce(hull);
};

/** A range with one entry per index along the axis, if the size is known. */
function spread(
  { node, shapes }: RangeContext,
  range: ChannelRange,
  index: number,
  axis: number,
): ChannelRange | undefined {
  if (range.axis === axis) return range;
  const value = node.input(index);
  const size = value && shapes.shapeOf(value)?.[axis];
  if (size === undefined) return undefined;
  const { low, high } = flattenRange(range);
  return {
    axis,
    low: new Float64Array(size).fill(low[0] ?? 0),
    high: new Float64Array(size).fill(high[0] ?? 0),
  };
}

function join(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => Array.from(part)));
}

/** A mean, maximum or minimum over other axes stays in range. */
const reduceWithin: RangeRule = ({ node, rangeOf, constantOf, rankOf }) => {
  const range = rangeOf(0);
  const rank = rankOf(0);
  const axes = node.ints("axes") ?? constantOf(1)?.toNumbers();
  if (!axes || rank === undefined || node.int("keepdims", 1) !== 1) return flattenRange(range);
  const over = Array.from(axes, (axis) => (axis + rank) % rank);
  return over.includes(range.axis) ? flattenRange(range) : range;
};

/** Ranges of operators that select, move or average elements. */
export const structuralRangeRules: ReadonlyMap<string, RangeRule> = new Map<string, RangeRule>([
  ["MaxPool", keep],
  ["GlobalMaxPool", keep],
  ["GlobalAveragePool", keep],
  ["AveragePool", averagePool],
  ["Resize", resize],
  ["Upsample", resize],
  ["Pad", pad],
  ["Concat", concat],
  ["ReduceMean", reduceWithin],
  ["ReduceMax", reduceWithin],
  ["ReduceMin", reduceWithin],
  ["Softmax", () => uniformRange(0, 1)],
  ...[
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Slice",
    "Split",
    "Gather",
    "Expand",
    "Tile",
    "DepthToSpace",
    "SpaceToDepth",
  ].map((opType): [string, RangeRule] => [opType, rearrange]),
]);
