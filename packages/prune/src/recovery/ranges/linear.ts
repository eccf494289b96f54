import { weightValues } from "../../criteria/weight-members.ts";
import {
  type ChannelRange,
  flattenRange,
  highOf,
  includeInRange,
  lowOf,
  times,
} from "./channel-range.ts";
import { touchesPadding } from "./padding.ts";
import type { RangeContext, RangeRule } from "./range-rule.ts";

/** Adds w · [low, high] to an interval. */
function accumulate(
  low: Float64Array,
  high: Float64Array,
  out: number,
  weight: number,
  from: number,
  to: number,
): void {
  if (weight === 0) return;
  const [least, most] = weight > 0 ? [from, to] : [to, from];
  low[out] = (low[out] ?? 0) + times(weight, least);
  high[out] = (high[out] ?? 0) + times(weight, most);
}

/** Starts from the bias, or from 0. */
function startFrom(context: RangeContext, count: number): Float64Array | undefined {
  if (!context.node.input(2)) return new Float64Array(count);
  const bias = context.constantOf(2)?.toNumbers();
  if (bias?.length === count) return bias;
  return bias?.length === 1 ? new Float64Array(count).fill(bias[0] ?? 0) : undefined;
}

const convolution: RangeRule = (context) => {
  const weight = context.constantOf(1);
  const [rows = 0, perGroup = 0, ...kernel] = weight?.dims ?? [];
  const bias = startFrom(context, rows);
  if (!weight || !bias) return undefined;
  const taps = kernel.reduce((product, size) => product * size, 1);
  const convGroups = context.node.int("group", 1);
  const input = alongChannels(context.rangeOf(0), 1);
  const padded = touchesPadding(context.node, kernel) ? includeInRange(input, 0) : input;
  const values = weightValues(weight);
  const low = bias.slice();
  const high = bias.slice();
  for (let row = 0, at = 0; row < rows; row++) {
    const first = Math.floor(row / (rows / convGroups)) * perGroup;
    for (let index = 0; index < perGroup; index++) {
      const from = lowOf(padded, first + index);
      const to = highOf(padded, first + index);
      for (let tap = 0; tap < taps; tap++, at++) {
        accumulate(low, high, row, values[at] as number, from, to);
      }
    }
  }
  return { axis: 1, low, high };
};

/** Each output position sees some of the taps: their terms may be there or not. */
const transposedConvolution: RangeRule = (context) => {
  const weight = context.constantOf(1);
  const [rows = 0, perGroup = 0, ...kernel] = weight?.dims ?? [];
  const convGroups = context.node.int("group", 1);
  const bias = startFrom(context, perGroup * convGroups);
  if (!weight || !bias) return undefined;
  const taps = kernel.reduce((product, size) => product * size, 1);
  const input = includeInRange(alongChannels(context.rangeOf(0), 1), 0);
  const values = weightValues(weight);
  const low = bias.slice();
  const high = bias.slice();
  for (let row = 0, at = 0; row < rows; row++) {
    const first = Math.floor(row / (rows / convGroups)) * perGroup;
    const from = lowOf(input, row);
    const to = highOf(input, row);
    for (let index = 0; index < perGroup; index++) {
      for (let tap = 0; tap < taps; tap++, at++) {
        accumulate(low, high, first + index, values[at] as number, from, to);
      }
    }
  }
  return { axis: 1, low, high };
};

/** Data on the left, a constant matrix on the right; anything else is unknown. */
const matrixProduct: RangeRule = (context) => {
  const { node } = context;
  const weight = context.constantOf(1);
  const rank = context.rankOf(0);
  if (weight?.dims.length !== 2 || rank === undefined || rank < 2) return undefined;
  const isGemm = node.opType === "Gemm";
  if (isGemm && (node.int("transA", 0) === 1 || node.float("alpha", 1) !== 1)) return undefined;
  if (isGemm && node.float("beta", 1) !== 1) return undefined;
  const transposed = isGemm && node.int("transB", 0) === 1;
  const [rows = 0, columns = 0] = weight.dims;
  const count = transposed ? rows : columns;
  const start = isGemm ? startFrom(context, count) : new Float64Array(count);
  if (!start) return undefined;
  const input = alongChannels(context.rangeOf(0), rank - 1);
  const values = weightValues(weight);
  const low = start.slice();
  const high = start.slice();
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const inner = transposed ? column : row;
      const out = transposed ? row : column;
      accumulate(low, high, out, values[at] as number, lowOf(input, inner), highOf(input, inner));
    }
  }
  return { axis: rank - 1, low, high };
};

const batchNormalization: RangeRule = ({ node, rangeOf, constantOf }) => {
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((at) => constantOf(at)?.toNumbers());
  if (!scale || !bias || !mean || !variance) return undefined;
  const epsilon = node.float("epsilon", 1e-5);
  const input = alongChannels(rangeOf(0), 1);
  const low = new Float64Array(scale.length);
  const high = new Float64Array(scale.length);
  for (let channel = 0; channel < scale.length; channel++) {
    const factor = (scale[channel] ?? 0) / Math.sqrt((variance[channel] ?? 0) + epsilon);
    const shift = (bias[channel] ?? 0) - factor * (mean[channel] ?? 0);
    low[channel] = shift;
    high[channel] = shift;
    accumulate(low, high, channel, factor, lowOf(input, channel), highOf(input, channel));
  }
  return { axis: 1, low, high };
};

function alongChannels(range: ChannelRange, axis: number): ChannelRange {
  return range.axis < 0 || range.axis === axis ? range : flattenRange(range);
}

/** Ranges of operators that add up weighted channels. */
export const linearRangeRules: ReadonlyMap<string, RangeRule> = new Map<string, RangeRule>([
  ["Conv", convolution],
  ["ConvTranspose", transposedConvolution],
  ["Gemm", matrixProduct],
  ["MatMul", matrixProduct],
  ["BatchNormalization", batchNormalization],
]);
