import { type Lowering, type LoweringEntry, positiveAxis } from "../lowering.ts";
import { detach, safeSqrt } from "../operations.ts";
import type { Tfjs, TfTensor } from "../tfjs.ts";

/** A value for each channel, of dims that broadcast to [N, C, …]. */
function perChannel(tf: Tfjs, values: TfTensor, rank: number): TfTensor {
  return tf.reshape(values, [1, values.size, ...new Array<number>(Math.max(rank - 2, 0)).fill(1)]);
}

/** Mean and (biased) variance over axes, which are kept as 1. */
function moments(tf: Tfjs, x: TfTensor, axes: number[]): readonly [TfTensor, TfTensor] {
  const mean = tf.mean(x, axes, true);
  return [mean, tf.mean(tf.square(tf.sub(x, mean)), axes, true)];
}

function normalize(
  tf: Tfjs,
  x: TfTensor,
  mean: TfTensor,
  variance: TfTensor,
  epsilon: number,
): TfTensor {
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon)));
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(to - from, 0) }, (_, index) => from + index);

const batchNormalization: Lowering = ({ tf, node, input }) => {
  const x = input(0);
  const epsilon = node.float("epsilon", 1e-5);
  const wide = (values: TfTensor): TfTensor => perChannel(tf, values, x.rank);
  const affine = (values: TfTensor): TfTensor =>
    tf.add(tf.mul(values, wide(input(1))), wide(input(2)));
  if (node.int("training_mode", 0) === 0) {
    return [affine(normalize(tf, x, wide(input(3)), wide(input(4)), epsilon))];
  }
  const momentum = node.float("momentum", 0.9);
  const [mean, variance] = moments(tf, x, [0, ...range(2, x.rank)]);
  const blend = (running: TfTensor, batch: TfTensor): TfTensor =>
    tf.add(tf.mul(running, momentum), tf.mul(tf.reshape(batch, running.shape), 1 - momentum));
  return [
    affine(normalize(tf, x, mean, variance, epsilon)),
    blend(input(3), mean),
    blend(input(4), variance),
  ];
};

const instanceNormalization: Lowering = ({ tf, node, input }) => {
  const x = input(0);
  const [mean, variance] = moments(tf, x, range(2, x.rank));
  const normal = normalize(tf, x, mean, variance, node.float("epsilon", 1e-5));
  const wide = (values: TfTensor): TfTensor => perChannel(tf, values, x.rank);
  return [tf.add(tf.mul(normal, wide(input(1))), wide(input(2)))];
};

/** Scale and bias are one for each group before opset 21, one for each channel since. */
const groupNormalization: Lowering = ({ tf, node, input }) => {
  const x = input(0);
  const [batch = 1, channels = 1] = x.shape;
  const groups = node.int("num_groups", 1);
  const grouped = tf.reshape(x, [batch, groups, -1]);
  const [mean, variance] = moments(tf, grouped, [2]);
  const normal = tf.reshape(
    normalize(tf, grouped, mean, variance, node.float("epsilon", 1e-5)),
    x.shape,
  );
  const wide = (values: TfTensor): TfTensor => {
    if (values.size === channels) return perChannel(tf, values, x.rank);
    const each = channels / groups;
    const repeated = tf.add(tf.reshape(values, [groups, 1]), tf.zeros([groups, each]));
    return perChannel(tf, tf.reshape(repeated, [channels]), x.rank);
  };
  return [tf.add(tf.mul(normal, wide(input(1))), wide(input(2)))];
};

const layerNormalization: Lowering = ({ tf, node, input, optional }) => {
  const x = input(0);
  const axes = range(positiveAxis(node.int("axis", -1), x.rank), x.rank);
  const [mean, variance] = moments(tf, x, axes);
  const epsilon = node.float("epsilon", 1e-5);
  const scaled = tf.mul(normalize(tf, x, mean, variance, epsilon), input(1));
  const bias = optional(2);
  return [bias ? tf.add(scaled, bias) : scaled, mean, tf.rsqrt(tf.add(variance, epsilon))];
};

/** Zeros stay zeros. */
const lpNormalization: Lowering = ({ tf, node, input }) => {
  const x = input(0);
  const axis = positiveAxis(node.int("axis", -1), x.rank);
  const norm =
    node.int("p", 2) === 1
      ? tf.sum(tf.abs(x), axis, true)
      : safeSqrt(tf, tf.sum(tf.square(x), axis, true));
  const isZero = detach(tf, tf.cast(tf.equal(norm, 0), "float32"));
  return [tf.div(x, tf.add(norm, isZero))];
};

/** Normalizations. */
export const normalizationLowerings: readonly LoweringEntry[] = [
  ["BatchNormalization", batchNormalization],
  ["InstanceNormalization", instanceNormalization],
  ["GroupNormalization", groupNormalization],
  ["LayerNormalization", layerNormalization],
  ["LpNormalization", lpNormalization],
];
