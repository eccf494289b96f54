import { elementCount } from "@ocrslim/graph";
import type { TensorElements } from "@ocrslim/runtime";
import type { Batch } from "../engine/engine.ts";
import { TrainError } from "../errors.ts";
import type { TrainingStep } from "../step/training-step.ts";

/** @throws TrainError `invalid-data` if a tensor is missing, not asked for, or of another form. */
export function assertBatch(
  step: Pick<TrainingStep, "batch">,
  batch: Batch,
  microBatch: number,
): void {
  const invalid = (name: string, what: string): TrainError =>
    new TrainError(
      "invalid-data",
      `train: batch ${microBatch} ${what}; a batch of this step has ${step.batch.map((input) => `"${input.name}" ${input.dtype} [${input.dims}]`).join(", ")}`,
      { value: name },
    );
  for (const { name, dims, dtype } of step.batch) {
    const tensor = batch[name];
    if (!tensor) throw invalid(name, `lacks "${name}"`);
    if (tensor.dtype !== dtype || tensor.dims.join() !== dims.join()) {
      throw invalid(name, `has "${name}" as ${tensor.dtype} [${tensor.dims}]`);
    }
    const size = elementCount(dims);
    if (tensor.data.length !== size) {
      throw invalid(name, `has ${lengthOf(tensor.data)} elements in "${name}", not ${size}`);
    }
  }
  const known = new Set(step.batch.map(({ name }) => name));
  const extra = Object.keys(batch).find((name) => !known.has(name));
  if (extra !== undefined) throw invalid(extra, `brings "${extra}", which nothing reads`);
}

/** A typed array that was handed to another thread is left empty. */
function lengthOf(data: TensorElements): string {
  return data.length === 0 ? "no" : String(data.length);
}
