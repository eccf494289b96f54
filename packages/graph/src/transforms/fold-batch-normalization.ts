import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { absorbIntoConsumers, absorbIntoProducer, type ChannelAffine } from "./support/absorb.ts";
import { constantTensor } from "./support/constants.ts";
import { bypass, canBypass, isOperator, usesOnlyFirstOutput } from "./support/edit.ts";
import type { PartialShapes } from "./support/partial-shapes.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "foldBatchNormalization";

/**
 * Folds BatchNormalization with constant statistics into the Conv, ConvTranspose or Gemm before it,
 * or into the convolutions after it, where that is exact: they must not pad, unless the
 * normalization shifts nothing. Computed in double precision.
 *
 * @example
 * ```ts
 * await transform(model, foldBatchNormalization());
 * // Conv → BatchNormalization → Relu   →   Conv → Relu
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function foldBatchNormalization(): ShapedTransform {
  return shapedTransform(NAME, (model, known) => {
    const foldedNodes = foldAll(model, known);
    return { modified: foldedNodes > 0, counts: { foldedNodes } };
  });
}

function foldAll(model: Model, known: PartialShapes): number {
  let foldedNodes = 0;
  for (const node of model.graph.nodes) {
    if (!isOperator(node, "BatchNormalization")) continue;
    const data = node.input(0);
    const rank = known.shapeOf(data)?.length;
    const affine = data && rank !== undefined && readNormalization(node, rank);
    if (!affine) continue;
    const { output } = node;
    if (!canBypass(node, data)) continue;
    const isAbsorbed =
      (!isOperator(data.producer, "MatMul") && absorbIntoProducer(data, affine)) ||
      absorbIntoConsumers(output, affine);
    if (isAbsorbed && bypass(node, data)) foldedNodes++;
  }
  return foldedNodes;
}

/** y = scale · (x − mean) / √(variance + ε) + bias, as one scale and shift for each channel. */
function readNormalization(node: Node, rank: number): ChannelAffine | undefined {
  if (node.int("training_mode", 0) !== 0 || node.int("spatial", 1) !== 1) return undefined;
  if (!usesOnlyFirstOutput(node) || rank < 2) return undefined;
  const vectors: Float64Array[] = [];
  for (let index = 1; index <= 4; index++) {
    const tensor = constantTensor(node.input(index));
    if (tensor?.dtype !== "float32" || tensor.dims.length !== 1) return undefined;
    vectors.push(tensor.toNumbers());
  }
  const [gamma, beta, mean, variance] = vectors;
  if (!gamma || !beta || !mean || !variance) return undefined;
  const epsilon = node.float("epsilon", 1e-5);
  const scale = gamma.map(
    (factor, channel) => factor / Math.sqrt((variance[channel] ?? 0) + epsilon),
  );
  const shift = beta.map((bias, channel) => bias - (mean[channel] ?? 0) * (scale[channel] ?? 0));
  if (!scale.every(Number.isFinite) || !shift.every(Number.isFinite)) return undefined;
  return { scale, shift, layout: { rank, axis: 1, channels: gamma.length } };
}
