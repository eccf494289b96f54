import type { Runtime } from "@ocrslim/runtime";
import type { Batch } from "../engine/engine.ts";
import { stepFeeds } from "../engine/step-feeds.ts";
import type { TrainingState, TrainingStep } from "../step/training-step.ts";
import { findNonFinite, firstNonFinite } from "./find-non-finite.ts";

/** Where a step went wrong. */
export interface Diagnosis {
  /** Name of a batch input, a parameter, a state vector or an inner value. */
  readonly value: string;
  /** A clause for a message. */
  readonly text: string;
}

/**
 * Looks for what is not finite: in the batch, in the state and, with a runtime, in the values of the
 * objective and then of the whole step.
 */
export async function diagnoseStep(
  step: TrainingStep,
  state: TrainingState,
  batch: Batch,
  scalars: { readonly learningRate: number; readonly update: number },
  runtime?: Runtime,
): Promise<Diagnosis | undefined> {
  for (const [name, tensor] of Object.entries(batch)) {
    const index = firstNonFinite(tensor);
    if (index >= 0) {
      const text = `the batch has ${tensor.data[index]} in "${name}", at element ${index}`;
      return { value: name, text };
    }
  }
  const inState = findInState(step, state);
  if (inState || !runtime) return inState;
  const feeds = stepFeeds(step, batch, state, scalars);
  for (const model of [step.objective, step.step]) {
    const wanted = new Set(model.graph.inputs.map(({ name }) => name));
    const found = await findNonFinite(
      runtime,
      model,
      Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.has(name))),
    );
    if (found) {
      const by = found.node === undefined ? "" : ` of ${found.node}`;
      return {
        value: found.value,
        text: `the first value that is not finite is "${found.value}"${by}`,
      };
    }
  }
  return undefined;
}

/** Names the first element of a state that is not finite. */
export function findInState(step: TrainingStep, state: TrainingState): Diagnosis | undefined {
  for (const [vector, data] of Object.entries(state)) {
    const index = firstNonFinite({ dtype: "float32", data });
    if (index < 0) continue;
    const layout = vector === "statistics" ? step.statistics : step.parameters;
    const owner = layout.find(({ offset, size }) => index >= offset && index < offset + size);
    const value = owner?.name ?? vector;
    const where = vector === "parameters" ? "" : ` (in the state vector "${vector}")`;
    return { value, text: `the tensor "${value}"${where} holds ${data[index]}` };
  }
  return undefined;
}
