import { elementCount, type Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import {
  type GradientContext,
  type GradientRule,
  outputGradient,
  requireInput,
} from "../gradient-rule.ts";

/** Each channel of each image is normalized by its own mean and variance. */
export const instanceNormalization: GradientRule = (context) =>
  groupGradients(context, context.ops.dims(requireInput(context, 0))[1] ?? 1);

/** Scale and bias are per channel from opset 21 on, per group before. */
export const groupNormalization: GradientRule = (context) =>
  groupGradients(context, context.node.int("num_groups", 1));

/**
 * y = scale·(x − mean)·r + bias with r = 1 / √(variance + ε), over the L elements of a group of
 * channels. With S = Σ dy and D = Σ dy·(x − mean) over the spatial axes of a channel: dbias = Σ S,
 * dscale = Σ D·r, and dx = scale·r·dy − r·Σ(scale·S)/L − (x − mean)·r³·Σ(scale·D)/L, the sums in dx
 * over the channels of the group (Wu and He, "Group Normalization", section 3).
 */
function groupGradients(
  context: GradientContext,
  groupCount: number,
): readonly (Value | undefined)[] {
  const { node, ops, needs } = context;
  const x = requireInput(context, 0);
  const scale = requireInput(context, 1);
  const [batch = 1, channels = 1, ...spatial] = ops.dims(x);
  const perGroup = channels / groupCount;
  const positions = elementCount(spatial);
  const view = [batch, groupCount, perGroup, positions];
  const size = perGroup * positions;
  const gradient = ops.reshape(outputGradient(context), view);
  const sums = ops.sum(gradient, [3], true);
  const scaleDims = ops.dims(scale);
  const scaleView = [1, groupCount, (scaleDims[0] ?? 1) / groupCount, 1];
  const factor = ops.reshape(scale, scaleView);
  const backToScale = (value: Value): Value => ops.reshape(ops.sumTo(value, scaleView), scaleDims);
  const biasGradient = needs(2) ? backToScale(sums) : undefined;
  if (!needs(0) && !needs(1)) return [undefined, undefined, biasGradient];

  const rows = ops.reshape(x, [batch, groupCount, 1, size]);
  const mean = ops.mean(rows, [3], true);
  const centred = ops.sub(ops.reshape(x, view), mean);
  const variance = ops.mean(
    ops.square(ops.reshape(centred, [batch, groupCount, 1, size])),
    [3],
    true,
  );
  const inverse = ops.reciprocal(ops.sqrt(ops.add(variance, node.float("epsilon", 1e-5))));
  const products = ops.sum(ops.mul(gradient, centred), [3], true);
  const meanOver = (value: Value): Value =>
    ops.mul(sumGroup(ops, ops.mul(factor, value), perGroup), -1 / size);
  const inputGradient = (): Value => {
    const slope = ops.mul(ops.mul(meanOver(products), inverse), ops.square(inverse));
    const offset = ops.mul(meanOver(sums), inverse);
    const scaled = ops.mul(gradient, ops.mul(factor, inverse));
    return ops.add(ops.add(scaled, offset), ops.mul(centred, slope));
  };
  return [
    needs(0) ? ops.reshape(inputGradient(), ops.dims(x)) : undefined,
    needs(1) ? backToScale(ops.mul(products, inverse)) : undefined,
    biasGradient,
  ];
}

/** [N, groups, channels of a group, 1] → [N, groups, 1, 1]. */
function sumGroup(ops: Ops, value: Value, perGroup: number): Value {
  return perGroup === 1 ? value : ops.sum(value, [2], true);
}
