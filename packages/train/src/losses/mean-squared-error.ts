import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import { type MeanOptions, meanOf } from "./masked-mean.ts";
import { asTarget } from "./operands.ts";

/**
 * The mean of (p − t)², a scalar.
 * @throws TrainError `invalid-loss` if dims do not fit.
 */
export function meanSquaredError(
  ops: Ops,
  prediction: Value,
  target: Value,
  options: MeanOptions = {},
): Value {
  const wanted = asTarget(ops, "meanSquaredError", target, prediction);
  return meanOf(ops, "meanSquaredError", ops.square(ops.sub(prediction, wanted)), options);
}
