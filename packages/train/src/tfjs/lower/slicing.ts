import { type Lowering, type LoweringEntry, positiveAxis } from "../lowering.ts";
import { gatherAxis, padAxis, sliceAxis, take } from "../operations.ts";
import type { TfTensor } from "../tfjs.ts";

const slice: Lowering = ({ tf, input, numbers, outputDims }) => {
  let x = input(0);
  const starts = numbers(1) ?? [];
  const axes = numbers(3) ?? starts.map((_, axis) => axis);
  const steps = numbers(4);
  starts.forEach((given, index) => {
    const axis = positiveAxis(axes[index] ?? index, x.rank);
    const size = x.shape[axis] ?? 0;
    const count = outputDims()[axis] ?? 0;
    const step = steps?.[index] ?? 1;
    const low = step > 0 ? 0 : -1;
    const high = step > 0 ? size : size - 1;
    const start = Math.min(high, Math.max(low, given < 0 ? given + size : given));
    if (count === 0)
      x = tf.slice(
        x,
        x.shape.map(() => 0),
        x.shape.with(axis, 0),
      );
    else if (step > 0) x = take(tf, x, axis, { start, step, count });
    else {
      const flipped = tf.reverse(x, axis);
      x = take(tf, flipped, axis, { start: size - 1 - start, step: -step, count });
    }
  });
  return [x];
};

/** Which element of an axis of `size` stands at `at`, inside or outside of it. */
function sourceOf(mode: string, at: number, size: number): number {
  if (mode === "edge" || size === 1) return Math.min(Math.max(at, 0), size - 1);
  if (mode === "wrap") return ((at % size) + size) % size;
  const period = 2 * (size - 1);
  const place = ((at % period) + period) % period;
  return place < size ? place : period - place;
}

/** Borders by constant indices: `tf.mirrorPad` has no edge mode, and its gradient drops the border. */
const pad: Lowering = ({ tf, node, input, numbers, optional, cached }) => {
  let x = input(0);
  const { rank } = x;
  const axes = numbers(3)?.map((axis) => positiveAxis(axis, rank)) ?? x.shape.map((_, at) => at);
  const amounts = numbers(1) ?? [];
  const mode = node.string("mode", "constant");
  const fill = optional(2);
  let mask: TfTensor | undefined;
  axes.forEach((axis, index) => {
    const before = amounts[index] ?? 0;
    const after = amounts[index + axes.length] ?? 0;
    const size = x.shape[axis] ?? 0;
    if (mode !== "constant") {
      const count = size + before + after;
      const indices = Array.from({ length: count }, (_, at) => sourceOf(mode, at - before, size));
      if (before !== 0 || after !== 0) x = gatherAxis(tf, x, axis, indices);
      return;
    }
    const cut = Math.max(-before, 0);
    const grow = (value: TfTensor, by: number): TfTensor => {
      const kept = sliceAxis(tf, value, axis, cut, size - cut - Math.max(-after, 0));
      return padAxis(tf, kept, axis, Math.max(before, 0), Math.max(after, 0), by);
    };
    if (fill) mask = grow(mask ?? tf.zeros(x.shape), 1);
    x = grow(x, 0);
  });
  if (!fill || !mask) return [x];
  const border = mask;
  const kept = cached("border", () => tf.cast(border, fill.dtype));
  return [tf.add(x, tf.mul(kept, tf.reshape(fill, [])))];
};

/** Operators that cut and pad. */
export const slicingLowerings: readonly LoweringEntry[] = [
  ["Slice", slice],
  ["Pad", pad],
];
