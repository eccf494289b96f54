import {
  type ChannelRange,
  combineRanges,
  mapRange,
  multiplyIntervals,
  times,
} from "./channel-range.ts";
import type { RangeContext, RangeRule } from "./range-rule.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => (x > 30 ? x : Math.log1p(Math.exp(x)));

/** A function that never falls. */
const increasing =
  (fn: (x: number, context: RangeContext) => number): RangeRule =>
  (context) =>
    mapRange(context.rangeOf(0), (low, high) => [fn(low, context), fn(high, context)]);

/** A function that falls to its minimum at `bottom` and rises from there. */
const valley =
  (bottom: number, fn: (x: number) => number): RangeRule =>
  ({ rangeOf }) =>
    mapRange(rangeOf(0), (low, high) => {
      const ends = [fn(low), fn(high)] as const;
      const lowest = low <= bottom && bottom <= high ? fn(bottom) : Math.min(...ends);
      return [lowest, Math.max(...ends)];
    });

const hardSwish = (x: number): number => (x <= -3 ? 0 : x >= 3 ? x : (x * (x + 3)) / 6);

const binary =
  (fn: (a: number, b: number, c: number, d: number) => readonly [number, number]): RangeRule =>
  (context) => {
    const [left, right] = operands(context);
    return combineRanges(left, right, fn);
  };

/** Both operands; that which is constant is seen along the other one's axis. */
function operands({ rangeOf, constantOf }: RangeContext): readonly [ChannelRange, ChannelRange] {
  if (constantOf(0)) {
    const right = rangeOf(1);
    return [rangeOf(0, right.axis < 0 ? 1 : right.axis), right];
  }
  const left = rangeOf(0);
  return [left, rangeOf(1, left.axis < 0 ? 1 : left.axis)];
}

const clip: RangeRule = ({ node, rangeOf, constantOf }) => {
  const limit = (name: string, input: number, fallback: number): number | undefined => {
    if (node.attribute(name)) return node.float(name, fallback);
    if (!node.input(input)) return fallback;
    const tensor = constantOf(input);
    return tensor?.size === 1 ? tensor.toNumbers()[0] : undefined;
  };
  const low = limit("min", 1, Number.NEGATIVE_INFINITY);
  const high = limit("max", 2, Number.POSITIVE_INFINITY);
  if (low === undefined || high === undefined) return undefined;
  const clamp = (x: number): number => Math.min(Math.max(x, low), high);
  return mapRange(rangeOf(0), (from, to) => [clamp(from), clamp(to)]);
};

const leaky = (x: number, slope: number): number => (x < 0 ? x * slope : x);

const prelu: RangeRule = ({ rangeOf, constantOf }) => {
  const range = rangeOf(0);
  if (!constantOf(1)) return undefined;
  const slopes = rangeOf(1, range.axis < 0 ? 1 : range.axis);
  if (slopes.low.some((slope) => slope < 0)) return undefined;
  return combineRanges(range, slopes, (low, high, least, most) => [
    low < 0 ? times(low, most) : low,
    high < 0 ? times(high, least) : high,
  ]);
};

/** Ranges of operators that work on each element for itself. */
export const elementwiseRangeRules: ReadonlyMap<string, RangeRule> = new Map<string, RangeRule>([
  ["Identity", ({ rangeOf }) => rangeOf(0)],
  ["Dropout", ({ rangeOf }) => rangeOf(0)],
  ["Relu", increasing((x) => Math.max(0, x))],
  ["Sigmoid", increasing(sigmoid)],
  ["Tanh", increasing(Math.tanh)],
  ["Softplus", increasing(softplus)],
  ["Exp", increasing(Math.exp)],
  [
    "HardSigmoid",
    ({ node, rangeOf }) => {
      const alpha = node.float("alpha", 0.2);
      const beta = node.float("beta", 0.5);
      if (alpha <= 0) return undefined;
      const fn = (x: number): number => Math.min(1, Math.max(0, alpha * x + beta));
      return mapRange(rangeOf(0), (low, high) => [fn(low), fn(high)]);
    },
  ],
  [
    "LeakyRelu",
    ({ node, rangeOf }) => {
      const alpha = node.float("alpha", 0.01);
      if (alpha <= 0) return undefined;
      return mapRange(rangeOf(0), (low, high) => [leaky(low, alpha), leaky(high, alpha)]);
    },
  ],
  ["HardSwish", valley(-1.5, hardSwish)],
  ["Abs", valley(0, Math.abs)],
  ["Neg", ({ rangeOf }) => mapRange(rangeOf(0), (low, high) => [0 - high, 0 - low])],
  ["Clip", clip],
  ["PRelu", prelu],
  ["Add", binary((a, b, c, d) => [a + c, b + d])],
  ["Sub", binary((a, b, c, d) => [a - d, b - c])],
  ["Mul", binary(multiplyIntervals)],
  [
    "Div",
    binary((a, b, c, d) =>
      c > 0 || d < 0
        ? multiplyIntervals(a, b, 1 / d, 1 / c)
        : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    ),
  ],
  ["Max", binary((a, b, c, d) => [Math.max(a, c), Math.max(b, d)])],
  ["Min", binary((a, b, c, d) => [Math.min(a, c), Math.min(b, d)])],
]);
