import { elementCount, float, type Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import {
  type GradientContext,
  type GradientRule,
  notCovered,
  outputGradient,
  requireInput,
} from "../gradient-rule.ts";

/**
 * y = a·(x − mean) + bias with a = scale / √(variance + ε), per channel. With S = Σ dy and
 * D = Σ dy·(x − mean), which is Σ dy·x − mean·S (one pass less; the cancellation costs digits only
 * where a mean is many deviations from 0), all over batch and spatial axes:
 *
 * - dbias = S, dscale = D / √(variance + ε).
 * - Frozen statistics: dx = a·dy, dmean = −a·S, dvariance = −a·D / (2·(variance + ε)).
 * - Statistics of the batch of n elements per channel (training_mode = 1):
 *   dx = a·(dy − S/n − (x − mean)·D / (n·(variance + ε))) (Ioffe and Szegedy, "Batch Normalization",
 *   section 3). The part that is affine in x is written as a BatchNormalization, which is one pass.
 *   The running statistics that go in have no influence.
 */
export const batchNormalization: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const isTraining = node.int("training_mode", 0) !== 0;
  if (context.gradient(1) || context.gradient(2)) {
    throw notCovered(node, "the loss depends on its running statistics");
  }
  const gradient = outputGradient(context);
  const x = requireInput(context, 0);
  const scale = requireInput(context, 1);
  const channels = ops.dims(x)[1] ?? 1;
  const { mean, variance } = isTraining ? batchStatistics(context, x) : givenStatistics(context);
  const deviation = ops.reciprocal(ops.sqrt(ops.add(variance, node.float("epsilon", 1e-5))));
  const factor = ops.mul(scale, deviation);
  const needsSums = isTraining || [1, 2, 3, 4].some(needs);
  if (!needsSums) return [ops.mul(gradient, perChannel(ops, factor, x))];

  const sum = sumPerChannel(ops, gradient);
  const needsProducts = isTraining ? needs(0) || needs(1) : needs(1) || needs(4);
  const products = needsProducts
    ? ops.sub(sumPerChannel(ops, ops.mul(gradient, x)), ops.mul(mean, sum))
    : undefined;
  const slope = products && ops.mul(ops.mul(factor, ops.square(deviation)), products);
  const scaled = needs(0) ? ops.mul(gradient, perChannel(ops, factor, x)) : undefined;
  const batchPart = (): Value | undefined => {
    if (!scaled || !slope) return undefined;
    const count = elementCount(ops.dims(x)) / channels;
    const parts = [
      ops.mul(slope, -1 / count),
      ops.mul(ops.mul(factor, sum), -1 / count),
      mean,
      ops.expand(ops.scalar(1, ops.dtype(x)), [channels]),
    ];
    const affine = ops.node("BatchNormalization", [x, ...parts], { epsilon: float(0) });
    return ops.add(scaled, affine);
  };
  return [
    isTraining ? batchPart() : scaled,
    needs(1) && products ? ops.mul(products, deviation) : undefined,
    needs(2) ? sum : undefined,
    !isTraining && needs(3) ? ops.neg(ops.mul(factor, sum)) : undefined,
    !isTraining && needs(4) && slope ? ops.mul(slope, -0.5) : undefined,
  ];
};

/** Per channel, [C]. */
interface Statistics {
  readonly mean: Value;
  readonly variance: Value;
}

function givenStatistics(context: GradientContext): Statistics {
  return { mean: requireInput(context, 3), variance: requireInput(context, 4) };
}

/** With a momentum of 0, the node gives its batch's statistics out. */
function batchStatistics({ node, ops }: GradientContext, x: Value): Statistics {
  const [, mean, variance] = node.outputs;
  if (mean && variance && node.float("momentum", 0.9) === 0) return { mean, variance };
  const axes = [...ops.dims(x).keys()].filter((axis) => axis !== 1);
  const found = ops.mean(x, axes, true);
  const spread = ops.mean(ops.square(ops.sub(x, found)), axes);
  return { mean: ops.reshape(found, ops.dims(spread)), variance: spread };
}

/** [N, C, …] → [C], first along each row, which lies together. */
function sumPerChannel(ops: Ops, value: Value): Value {
  const [batch = 1, channels = 1, ...spatial] = ops.dims(value);
  if (spatial.length === 0) return ops.sum(value, [0]);
  const positions = elementCount(spatial);
  return ops.sum(ops.sum(ops.reshape(value, [batch, channels, positions]), [2]), [0]);
}

/** [C] → [C, 1, …], which broadcasts over [N, C, …]. */
function perChannel(ops: Ops, value: Value, x: Value): Value {
  const [, channels = 1, ...spatial] = ops.dims(x);
  return ops.reshape(value, [channels, ...spatial.map(() => 1)]);
}
