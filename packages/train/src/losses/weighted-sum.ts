import type { Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Ops } from "../ops/ops.ts";
import { requireNumber } from "../optimizers/require-number.ts";

/**
 * Σ weight·loss of scalars; terms of weight 0 are left out.
 * @throws TrainError `invalid-option` if a weight is not finite; `invalid-loss` if there are no terms
 *   or one is not a scalar.
 */
export function weightedSum(
  ops: Ops,
  terms: readonly (readonly [weight: number, loss: Value])[],
): Value {
  const parts = terms.flatMap(([weight, loss], index) => {
    requireNumber("weightedSum", `the weight of term ${index}`, weight);
    if (ops.dims(loss).some((dim) => dim !== 1)) {
      throw new TrainError(
        "invalid-loss",
        `weightedSum: term ${index}, "${loss.name}", has dims [${ops.dims(loss)}]; reduce it (ops.mean, ops.sum)`,
        { value: loss.name },
      );
    }
    if (weight === 0) return [];
    const scalar = ops.reshape(loss, []);
    return [weight === 1 ? scalar : ops.mul(scalar, weight)];
  });
  if (parts.length > 0) return parts.reduce((total, part) => ops.add(total, part));
  throw new TrainError(
    "invalid-loss",
    `weightedSum: none of ${terms.length} terms has a weight other than 0; give at least one`,
  );
}
