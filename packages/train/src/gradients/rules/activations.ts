import { float, type Value } from "@ocrslim/graph";
import {
  type GradientContext,
  type GradientRule,
  notCovered,
  outputGradient,
  requireInput,
} from "../gradient-rule.ts";
import { type ElementwiseParts, elementwise, heaviside, indicator } from "./elementwise.ts";
import { smoothActivationRules } from "./smooth-activations.ts";

const SELU_ALPHA = 1.6732631921768188;
const SELU_GAMMA = 1.0507010221481323;

/** Read from y, so that the input need not be kept and ONNX Runtime may fuse Relu into a Conv. */
const relu = elementwise(({ ops, y, g }) => ops.mul(g, heaviside(ops, y, 0)));

/** α + (1 − α)·[x > 0]; y has the sign of x where α > 0. */
const leakyRelu = elementwise(({ node, ops, x, y, g }) => {
  const alpha = node.float("alpha", 0.01);
  const positive = heaviside(ops, alpha >= 0 ? y : x, 0);
  if (alpha === 0) return ops.mul(g, positive);
  const slope =
    alpha > 0 && alpha <= 1
      ? ops.clip(positive, alpha, 1)
      : ops.add(ops.mul(positive, 1 - alpha), alpha);
  return ops.mul(g, slope);
});

/** x: slope + (1 − slope)·[x > 0]. slope: min(x, 0), summed over what it is broadcast to. */
const prelu: GradientRule = (context) => {
  const { ops, needs } = context;
  const x = requireInput(context, 0);
  const slope = requireInput(context, 1);
  const g = outputGradient(context);
  const forInput = (): Value => {
    const rest = ops.mul(heaviside(ops, x, 0), ops.sub(1, slope));
    return ops.mul(g, ops.add(rest, slope));
  };
  return [
    needs(0) ? forInput() : undefined,
    needs(1) ? ops.sumTo(ops.mul(g, ops.min(x, 0)), ops.dims(slope)) : undefined,
  ];
};

/**
 * y = scale·x where x > 0, else of slope `steepness`·exp(…) = y·rate + steepness: both are
 * min(y, 0)·rate + (the slope at 0 from that side).
 */
function exponentialUnit(
  { ops, x, y, g }: ElementwiseParts,
  scale: number,
  steepness: number,
  rate = 1,
): Value {
  const below = ops.min(y, 0);
  const falling = rate === 1 ? below : ops.mul(below, rate);
  const offset =
    scale === steepness
      ? scale
      : ops.add(ops.mul(heaviside(ops, x, 0), scale - steepness), steepness);
  return ops.mul(g, ops.add(falling, offset));
}

const elu = elementwise((parts) => exponentialUnit(parts, 1, parts.node.float("alpha", 1)));

const selu = elementwise((parts) => {
  const gamma = parts.node.float("gamma", SELU_GAMMA);
  return exponentialUnit(parts, gamma, gamma * parts.node.float("alpha", SELU_ALPHA));
});

const celu = elementwise((parts) => exponentialUnit(parts, 1, 1, 1 / parts.node.float("alpha", 1)));

/** 1 inside and at the bounds, where y = x. A bound gets the gradient of what lies beyond it. */
const clip: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const x = requireInput(context, 0);
  const g = outputGradient(context);
  const low = node.input(1);
  const high = node.input(2);
  const beyond = (bound: Value, mask: Value): Value =>
    ops.sumTo(ops.mul(g, indicator(ops, mask, g)), ops.dims(bound));
  const within = (): Value =>
    low || high ? ops.mul(g, indicator(ops, ops.equal(x, node.output), g)) : g;
  return [
    needs(0) ? within() : undefined,
    low && needs(1) ? beyond(low, ops.less(x, low)) : undefined,
    high && needs(2) ? beyond(high, ops.greater(x, high)) : undefined,
  ];
};

/** α where 0 < y < 1, which is where ⌈y⌉ − ⌊y⌋ = 1. */
const hardSigmoid = elementwise(({ node, ops, y, g }) => {
  const inside = ops.sub(ops.node("Ceil", [y]), ops.node("Floor", [y]));
  return ops.mul(g, ops.mul(inside, node.float("alpha", 0.2)));
});

/**
 * 0 where x ≤ −3, 1 where x ≥ 3, (2x + 3) / 6 between. The line jumps at both ends, from −1/2 to 0 and
 * from 3/2 to 1, so it is not a clip. With h = clip(x/6 + 1/2, 0, 1) it is 2h − 1/2 between, and
 *
 *   T(½ − h)      is ½ − h, but 0 at h = 1, and T(v) = v where v > −1/2, else 0 (ThresholdedRelu)
 *   h − T(½ − h)  is −1/2 at h = 0, 2h − 1/2 between, 1 at h = 1
 *   T(of that)    is the derivative.
 *
 * Forms tried, [1, 64, 160, 160] on one thread of the CPU, median ms of 30 runs, with a sum of the
 * result (1.6 for g·x alone): this 4.2; T(u) − T(u − 1) of u = x/3 + 1/2 4.3; two steps at ±3 as steep
 * HardSigmoids 6.0; h + x/6·[|x| < 3] with a Cast 5.4, with a Where 7.1; two Where 7.7; Shrink 14.8.
 * This is first on two threads too, where those with Where or Shrink fall further behind.
 */
const hardSwish = elementwise(({ ops, x, g }) => {
  const threshold = (value: Value): Value =>
    ops.node("ThresholdedRelu", [value], { alpha: float(-0.5) });
  const h = ops.node("HardSigmoid", [x], { alpha: float(1 / 6), beta: float(0.5) });
  return ops.mul(g, threshold(ops.sub(h, threshold(ops.sub(0.5, h)))));
});

const thresholdedRelu = elementwise(({ node, ops, x, g }) =>
  ops.mul(g, indicator(ops, ops.greater(x, node.float("alpha", 1)), g)),
);

/** The axis of a Softmax of opset 13 and up. */
function softmaxAxis({ node, ops }: Pick<GradientContext, "node" | "ops">, x: Value): number {
  const rank = ops.dims(x).length;
  const axis = node.int("axis", -1);
  const from = axis < 0 ? axis + rank : axis;
  if (from >= 0 && from < rank) return from;
  throw notCovered(node, `axis ${axis} is not one of ${rank}`);
}

/** y·(g − Σ g·y), and g − exp(y)·Σ g of its logarithm. */
const softmax = elementwise((parts) => {
  const { ops, x, y, g } = parts;
  const weighted = ops.mul(g, y);
  const total = ops.sum(weighted, [softmaxAxis(parts, x)], true);
  return ops.sub(weighted, ops.mul(y, total));
});

const logSoftmax = elementwise((parts) => {
  const { ops, x, y, g } = parts;
  return ops.sub(g, ops.mul(ops.exp(y), ops.sum(g, [softmaxAxis(parts, x)], true)));
});

/** Rules of activation functions; derivatives at kinks are PyTorch's. */
export const activationRules: ReadonlyMap<string, GradientRule> = new Map([
  ...smoothActivationRules,
  ["Relu", relu],
  ["LeakyRelu", leakyRelu],
  ["PRelu", prelu],
  ["Elu", elu],
  ["Selu", selu],
  ["Celu", celu],
  ["Clip", clip],
  ["HardSigmoid", hardSigmoid],
  ["HardSwish", hardSwish],
  ["ThresholdedRelu", thresholdedRelu],
  ["Softmax", softmax],
  ["LogSoftmax", logSoftmax],
]);
