import { elementCount, type Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { asFactor } from "./operands.ts";

/** What counts, of losses that are means over elements. */
export interface MeanOptions {
  /**
   * 1 where an element counts, 0 where it does not, or any number between; broadcasts to the dims of
   * the prediction. Default: all count.
   */
  readonly mask?: Value;
  /**
   * Factor of each element's loss; broadcasts likewise. As in PyTorch, the mean is not divided by the
   * weights' sum. Default: 1.
   */
  readonly weight?: Value;
}

/** Is added to the number of elements that a mean with a mask divides by, as in PaddleOCR. */
export const COUNT_EPSILON = 1e-6;

/**
 * The mean of values: Σ w·m·x / (Σ m + 1e-6), a scalar; without a mask exactly Σ w·x / count. If the
 * mask is empty, it is 0, and so are its gradients.
 * @throws TrainError `invalid-loss` if the mask or weight does not broadcast to the values' dims.
 */
export function maskedMean(ops: Ops, values: Value, options: MeanOptions = {}): Value {
  return meanOf(ops, "maskedMean", values, options);
}

/** @internal */
export function meanOf(ops: Ops, where: string, values: Value, options: MeanOptions): Value {
  const { mask, weight } = options;
  const weighted = weight ? ops.mul(values, asFactor(ops, where, weight, values)) : values;
  if (!mask) return ops.mean(weighted);
  const factor = asFactor(ops, where, mask, values);
  const repeats = elementCount(ops.dims(values)) / elementCount(ops.dims(factor));
  const total = ops.sum(factor);
  const count = repeats === 1 ? total : ops.mul(total, repeats);
  return ops.div(ops.sum(ops.mul(weighted, factor)), ops.add(count, COUNT_EPSILON));
}
