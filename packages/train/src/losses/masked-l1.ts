import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { meanOf } from "./masked-mean.ts";
import { asTarget } from "./operands.ts";

/**
 * Σ |p − t|·m / (Σ m + 1e-6), a scalar: PaddleOCR's MaskL1Loss, DB's loss of the threshold map. It is
 * 0 where the mask is empty. Without a mask: the mean of |p − t|.
 * @throws TrainError `invalid-loss` if dims do not fit.
 */
export function maskedL1(ops: Ops, prediction: Value, target: Value, mask?: Value): Value {
  const wanted = asTarget(ops, "maskedL1", target, prediction);
  const losses = ops.abs(ops.sub(prediction, wanted));
  return meanOf(ops, "maskedL1", losses, mask ? { mask } : {});
}
