import {
  cloneModel,
  constantsToInitializers,
  type Model,
  removeInitializersFromInputs,
  transform,
  upgradeOpset,
} from "@ocrslim/graph";
import { createOps, type Ops, TRAINING_OPSET } from "../ops/ops.ts";

/** A copy that is sorted, of an opset that rules know, with all weights as initializers. */
export async function prepareModel(
  model: Model,
  given: Readonly<Record<string, readonly number[]>> | undefined,
): Promise<{ readonly model: Model; readonly ops: Ops }> {
  const prepared = cloneModel(model);
  await transform(prepared, [
    constantsToInitializers(),
    removeInitializersFromInputs(),
    upgradeOpset(TRAINING_OPSET),
  ]);
  prepared.graph.sort();
  return { model: prepared, ops: createOps(prepared, given ? { inputShapes: given } : {}) };
}
