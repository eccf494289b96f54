import { float, int, type Node, type Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Ops } from "../ops/ops.ts";

/** Mean and variance of each channel, [C] each. */
export interface ChannelStatistics {
  readonly mean: Value;
  readonly variance: Value;
}

/** Options of {@link trainBatchNormalization}. */
export interface TrainBatchNormalizationOptions {
  /** The running statistics before this batch. */
  readonly statistics: ChannelStatistics;
}

/**
 * Replaces a BatchNormalization by its training form: it normalizes by the mean and the variance of
 * the batch, over all axes but the channels'. Returns the running statistics after the batch,
 * momentum · running + (1 − momentum) · batch with the node's own `momentum` (default 0.9). As in ONNX
 * and PaddlePaddle, the variance is the biased one (divided by the count), also in the running
 * statistics; PyTorch's running variance is the unbiased one, and its momentum is one minus ours.
 *
 * The output keeps its name. New nodes stand at the end: sort the graph (`graph.sort()`) when all
 * nodes are replaced.
 *
 * The form is ONNX's own, `training_mode = 1`, with a momentum of 0, so that it gives out the
 * statistics of the batch, which its gradient needs. Measured on ONNX Runtime's CPU provider with two
 * threads ([4, 16, 160, 160]; median, ms): this 11.0; mean, centred square, mean and the inference
 * form 16.2; the same by rows 13.3. The gradient of those has more passes as well.
 * @throws TrainError `unsupported` if it is not a standard BatchNormalization.
 */
export function trainBatchNormalization(
  ops: Ops,
  node: Node,
  options: TrainBatchNormalizationOptions,
): ChannelStatistics {
  if (node.opType !== "BatchNormalization" || node.domain !== "") {
    throw new TrainError(
      "unsupported",
      `trainBatchNormalization: ${node.describe()} is not a BatchNormalization; give one`,
      { node: node.name || node.key },
    );
  }
  const { statistics } = options;
  const momentum = node.float("momentum", 0.9);
  const [output, oldMean, oldVariance] = node.outputs;
  // ONNX Runtime writes the statistics it gives out over those it gets, although others read them. It
  // gets values that nobody else reads; with a momentum of 0 they do not matter.
  const spare = [ops.neg(statistics.mean), ops.neg(statistics.variance)];
  const inputs = [...node.inputs.slice(0, 3), ...spare];
  const [trained, batchMean, batchVariance] = ops.nodes("BatchNormalization", inputs, 3, {
    epsilon: float(node.float("epsilon", 1e-5)),
    momentum: float(0),
    training_mode: int(1),
  }) as readonly [Value, Value, Value];
  const blend = (running: Value, batch: Value): Value =>
    ops.add(ops.mul(running, momentum), ops.mul(batch, 1 - momentum));
  const next = {
    mean: blend(statistics.mean, batchMean),
    variance: blend(statistics.variance, batchVariance),
  };
  const { name } = node;
  oldMean?.replaceAllUsesWith(next.mean);
  oldVariance?.replaceAllUsesWith(next.variance);
  output?.replaceAllUsesWith(trained);
  ops.graph.remove(node);
  if (trained.producer) trained.producer.name = name;
  if (output) {
    trained.name = output.name;
    trained.type = output.type;
  }
  return next;
}
