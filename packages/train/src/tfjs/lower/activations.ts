import type { Lowering, LoweringContext, LoweringEntry } from "../lowering.ts";
import { positiveAxis } from "../lowering.ts";
import { detach, maximum, minimum, onLastAxis } from "../operations.ts";
import type { Tfjs, TfTensor } from "../tfjs.ts";

/** Of one input, with the node's float attributes in the order of their defaults. */
function activation(
  compute: (tf: Tfjs, x: TfTensor, ...settings: number[]) => TfTensor,
  defaults: Readonly<Record<string, number>> = {},
): Lowering {
  return ({ tf, node, input }) => {
    const settings = Object.entries(defaults).map(([name, value]) => node.float(name, value));
    return [compute(tf, input(0), ...settings)];
  };
}

const negativePart = (tf: Tfjs, x: TfTensor): TfTensor => minimum(tf, x, tf.scalar(0));

const hardSigmoid = (tf: Tfjs, x: TfTensor, alpha = 0.2, beta = 0.5): TfTensor =>
  tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1);

/** Only what is negative enters expm1: a large x would overflow, and ∞ · 0 is NaN. */
const elu = (tf: Tfjs, x: TfTensor, alpha = 1): TfTensor =>
  tf.add(tf.relu(x), tf.mul(tf.expm1(negativePart(tf, x)), alpha));

const celu = (tf: Tfjs, x: TfTensor, alpha = 1): TfTensor =>
  tf.add(tf.relu(x), tf.mul(tf.expm1(tf.div(negativePart(tf, x), alpha)), alpha));

const clip: Lowering = ({ tf, input, optional }) => {
  let x = input(0);
  const low = optional(1);
  const high = optional(2);
  if (low) x = maximum(tf, x, low);
  if (high) x = minimum(tf, x, high);
  return [x];
};

const gelu: Lowering = ({ tf, node, input }) => {
  const x = input(0);
  const inner =
    node.string("approximate", "none") === "tanh"
      ? tf.tanh(
          tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI)),
        )
      : tf.erf(tf.mul(x, Math.SQRT1_2));
  return [tf.mul(tf.mul(x, 0.5), tf.add(inner, 1))];
};

const softmax =
  (compute: (tf: Tfjs, x: TfTensor) => TfTensor): Lowering =>
  ({ tf, node, input }: LoweringContext) => {
    const x = input(0);
    const axis = positiveAxis(node.int("axis", -1), x.rank);
    return [onLastAxis(tf, x, axis, (moved) => compute(tf, moved))];
  };

/** Functions that make networks nonlinear. */
export const activationLowerings: readonly LoweringEntry[] = [
  ["Relu", activation((tf, x) => tf.relu(x))],
  [
    "LeakyRelu",
    activation((tf, x, alpha = 0.01) => tf.add(tf.relu(x), tf.mul(negativePart(tf, x), alpha)), {
      alpha: 0.01,
    }),
  ],
  [
    "PRelu",
    ({ tf, input }) => [tf.add(tf.relu(input(0)), tf.mul(negativePart(tf, input(0)), input(1)))],
  ],
  ["Elu", activation(elu, { alpha: 1 })],
  ["Celu", activation(celu, { alpha: 1 })],
  [
    "Selu",
    activation((tf, x, alpha = 1, gamma = 1) => tf.mul(elu(tf, x, alpha), gamma), {
      alpha: 1.6732632423543772,
      gamma: 1.0507009873554805,
    }),
  ],
  [
    "ThresholdedRelu",
    activation(
      (tf, x, alpha = 1) => tf.mul(x, detach(tf, tf.cast(tf.greater(x, alpha), "float32"))),
      {
        alpha: 1,
      },
    ),
  ],
  ["Clip", clip],
  ["Sigmoid", activation((tf, x) => tf.sigmoid(x))],
  ["HardSigmoid", activation(hardSigmoid, { alpha: 0.2, beta: 0.5 })],
  ["HardSwish", activation((tf, x) => tf.mul(x, hardSigmoid(tf, x, 1 / 6, 0.5)))],
  [
    "Swish",
    activation((tf, x, alpha = 1) => tf.mul(x, tf.sigmoid(tf.mul(x, alpha))), { alpha: 1 }),
  ],
  ["Mish", activation((tf, x) => tf.mul(x, tf.tanh(tf.softplus(x))))],
  ["Tanh", activation((tf, x) => tf.tanh(x))],
  ["Softplus", activation((tf, x) => tf.softplus(x))],
  ["Softsign", activation((tf, x) => tf.div(x, tf.add(tf.abs(x), 1)))],
  ["Gelu", gelu],
  ["Softmax", softmax((tf, x) => tf.softmax(x))],
  ["LogSoftmax", softmax((tf, x) => tf.logSoftmax(x))],
];
