import { sizeOf } from "./lowering.ts";
import type { Tfjs, TfTensor } from "./tfjs.ts";

/** The same content, cut off from the gradient. */
export function detach(tf: Tfjs, x: TfTensor): TfTensor {
  // A function without inputs is no descendant of anything on the tape.
  return tf.customGrad(() => ({ value: tf.clone(x), gradFunc: () => [] }))();
}

/**
 * Repeats dims of 1 up to `dims`. Not `tf.broadcastTo`, whose gradient ends at rank 4.
 */
export function expand(tf: Tfjs, x: TfTensor, dims: readonly number[]): TfTensor {
  if (sameDims(x.shape, dims)) return x;
  const shape = [...dims];
  if (x.dtype !== "bool") return tf.add(x, tf.zeros(shape, x.dtype));
  return tf.cast(tf.add(tf.cast(x, "int32"), tf.zeros(shape, "int32")), "bool");
}

/** Chooses by a condition, all three broadcast. */
export function select(tf: Tfjs, condition: TfTensor, a: TfTensor, b: TfTensor): TfTensor {
  const dims = broadcast(broadcast(condition.shape, a.shape), b.shape);
  return tf.where(expand(tf, condition, dims), expand(tf, a, dims), expand(tf, b, dims));
}

/** The larger of two, broadcast; the gradients of tf.maximum and tf.minimum do not broadcast. */
export function maximum(tf: Tfjs, a: TfTensor, b: TfTensor): TfTensor {
  const dims = broadcast(a.shape, b.shape);
  return tf.maximum(expand(tf, a, dims), expand(tf, b, dims));
}

/** The smaller of two, broadcast. */
export function minimum(tf: Tfjs, a: TfTensor, b: TfTensor): TfTensor {
  const dims = broadcast(a.shape, b.shape);
  return tf.minimum(expand(tf, a, dims), expand(tf, b, dims));
}

/** Dims of two operands together. */
export function broadcast(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    return left === 1 ? right : left;
  });
}

/** √x with a gradient of 0 at 0. */
export function safeSqrt(tf: Tfjs, x: TfTensor): TfTensor {
  return tf.customGrad((value, save) => {
    const root = tf.sqrt(value as TfTensor);
    (save as (tensors: TfTensor[]) => void)([root]);
    return {
      value: root,
      gradFunc: (dy: TfTensor, [y]: TfTensor[]) => tf.divNoNan(tf.mul(dy, 0.5), y as TfTensor),
    };
  })(x);
}

/** Elements `start, start + step, …` of an axis, `count` of them; step 1 or more. */
export function take(
  tf: Tfjs,
  x: TfTensor,
  axis: number,
  range: { readonly start: number; readonly step: number; readonly count: number },
): TfTensor {
  const { start, step, count } = range;
  const size = x.shape[axis] ?? 1;
  if (step === 1 || count <= 1) return sliceAxis(tf, x, axis, start, count);
  const end = start + count * step;
  const whole = end > size ? padAxis(tf, x, axis, 0, end - size) : x;
  const cut = sliceAxis(tf, whole, axis, start, count * step);
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const steps = tf.reshape(cut, [outer, count, step, inner]);
  const first = tf.slice(steps, [0, 0, 0, 0], [outer, count, 1, inner]);
  return tf.reshape(first, x.shape.with(axis, count));
}

/** `count` elements of an axis from `start` on. */
export function sliceAxis(
  tf: Tfjs,
  x: TfTensor,
  axis: number,
  start: number,
  count: number,
): TfTensor {
  if (start === 0 && count === x.shape[axis]) return x;
  return tf.slice(x, x.shape.map(() => 0).with(axis, start), x.shape.with(axis, count));
}

/** Zeros, or another number, around one axis. */
export function padAxis(
  tf: Tfjs,
  x: TfTensor,
  axis: number,
  before: number,
  after: number,
  value = 0,
): TfTensor {
  if (before === 0 && after === 0) return x;
  const pads = x.shape.map((_, at): [number, number] => (at === axis ? [before, after] : [0, 0]));
  return tf.pad(x, pads, value);
}

/** Elements of an axis by constant indices. */
export function gatherAxis(
  tf: Tfjs,
  x: TfTensor,
  axis: number,
  indices: readonly number[],
): TfTensor {
  return tf.gather(x, tf.tensor1d(Int32Array.from(indices), "int32"), axis);
}

/** Applies `compute` with `axis` moved to the end. */
export function onLastAxis(
  tf: Tfjs,
  x: TfTensor,
  axis: number,
  compute: (x: TfTensor) => TfTensor,
): TfTensor {
  const last = x.rank - 1;
  if (axis === last) return compute(x);
  const order = Array.from({ length: x.rank }, (_, at) => at);
  [order[axis], order[last]] = [last, axis];
  return tf.transpose(compute(tf.transpose(x, order)), order);
}

/** matrix [O, I] times the axis of size I. */
export function applyMatrix(tf: Tfjs, x: TfTensor, axis: number, matrix: TfTensor): TfTensor {
  const [rows = 1, columns = 1] = matrix.shape;
  return onLastAxis(tf, x, axis, (moved) => {
    const product = tf.matMul(tf.reshape(moved, [-1, columns]), matrix, false, true);
    return tf.reshape(product, moved.shape.with(-1, rows));
  });
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}
