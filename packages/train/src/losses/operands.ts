import type { Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Ops } from "../ops/ops.ts";

/**
 * The target, of the prediction's type (bools and integers become numbers).
 * @throws TrainError `invalid-loss` unless both have the same dims. @internal
 */
export function asTarget(ops: Ops, where: string, target: Value, prediction: Value): Value {
  const wanted = ops.dims(prediction);
  const dims = ops.dims(target);
  if (dims.length === wanted.length && dims.every((dim, axis) => dim === wanted[axis])) {
    return ops.cast(target, ops.dtype(prediction));
  }
  throw new TrainError(
    "invalid-loss",
    `${where}: the target "${target.name}" has dims [${dims}], the prediction "${prediction.name}" [${wanted}]; give both the same dims (ops.reshape, ops.expand)`,
    { value: target.name },
  );
}

/**
 * A mask or weight, of the type of the values that it applies to.
 * @throws TrainError `invalid-loss` unless it broadcasts to their dims. @internal
 */
export function asFactor(ops: Ops, where: string, factor: Value, values: Value): Value {
  const wanted = ops.dims(values);
  const dims = ops.dims(factor);
  const added = wanted.length - dims.length;
  if (added >= 0 && dims.every((dim, axis) => dim === 1 || dim === wanted[axis + added])) {
    return ops.cast(factor, ops.dtype(values));
  }
  throw new TrainError(
    "invalid-loss",
    `${where}: the mask or weight "${factor.name}" of dims [${dims}] does not broadcast to [${wanted}]; reshape it (ops.reshape)`,
    { value: factor.name },
  );
}
