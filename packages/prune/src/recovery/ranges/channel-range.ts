/**
 * Between which numbers a value's elements lie: for each index along `axis`, or, with axis −1 and
 * one entry, for all of them.
 */
export interface ChannelRange {
  readonly axis: number;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** One range for all elements. */
export const uniformRange = (low: number, high: number): ChannelRange => ({
  axis: -1,
  low: Float64Array.of(low),
  high: Float64Array.of(high),
});

/** Nothing is known. */
export const UNKNOWN_RANGE: ChannelRange = uniformRange(
  Number.NEGATIVE_INFINITY,
  Number.POSITIVE_INFINITY,
);

/** The range of a channel; uniform ranges have one for any. */
export const lowOf = ({ axis, low }: ChannelRange, channel: number): number =>
  low[axis < 0 ? 0 : channel] ?? Number.NEGATIVE_INFINITY;
export const highOf = ({ axis, high }: ChannelRange, channel: number): number =>
  high[axis < 0 ? 0 : channel] ?? Number.POSITIVE_INFINITY;

/** The smallest uniform range around all channels. */
export function flattenRange({ axis, low, high }: ChannelRange): ChannelRange {
  if (axis < 0) return { axis, low, high };
  return uniformRange(
    low.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    high.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  );
}

/** Also holds a number, such as the zeros of padding. */
export function includeInRange(range: ChannelRange, value: number): ChannelRange {
  return {
    axis: range.axis,
    low: range.low.map((low) => Math.min(low, value)),
    high: range.high.map((high) => Math.max(high, value)),
  };
}

/** Applies a function of intervals to each channel. */
export function mapRange(
  range: ChannelRange,
  fn: (low: number, high: number, channel: number) => readonly [number, number],
): ChannelRange {
  const low = new Float64Array(range.low.length);
  const high = new Float64Array(range.low.length);
  for (let channel = 0; channel < low.length; channel++) {
    [low[channel], high[channel]] = fn(range.low[channel] ?? 0, range.high[channel] ?? 0, channel);
  }
  return { axis: range.axis, low, high };
}

/** Applies a function of two intervals, channel by channel; a different axis counts as uniform. */
export function combineRanges(
  left: ChannelRange,
  right: ChannelRange,
  fn: (a: number, b: number, c: number, d: number) => readonly [number, number],
): ChannelRange {
  const fits = left.axis < 0 || right.axis < 0 || left.axis === right.axis;
  const a = fits ? left : flattenRange(left);
  const b = fits ? right : flattenRange(right);
  const frame = a.axis < 0 ? b : a;
  if (a.axis >= 0 && b.axis >= 0 && a.low.length !== b.low.length) {
    return combineRanges(flattenRange(a), flattenRange(b), fn);
  }
  return mapRange(frame, (_low, _high, channel) =>
    fn(lowOf(a, channel), highOf(a, channel), lowOf(b, channel), highOf(b, channel)),
  );
}

/** A product in which 0 times infinity is 0: infinity stands for "large", not for itself. */
export const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);

/** The product of two intervals. */
export function multiplyIntervals(
  a: number,
  b: number,
  c: number,
  d: number,
): readonly [number, number] {
  const products = [times(a, c), times(a, d), times(b, c), times(b, d)];
  return [Math.min(...products), Math.max(...products)];
}
