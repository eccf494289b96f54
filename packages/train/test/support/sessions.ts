import { createRandom, type Model } from "@ocrslim/graph";
import { createRuntime } from "@ocrslim/runtime";
import type { Batch, StepOptions, StepResult } from "../../src/engine/engine.ts";
import { createOrtEngine, type OrtEngineOptions } from "../../src/engine/ort-engine.ts";
import { buildTrainingStep, type TrainingStepOptions } from "../../src/step/build-training-step.ts";
import type { TrainingState, TrainingStep } from "../../src/step/training-step.ts";

/** Mean of the squared differences of the first output and the target `t`. */
export const squaredError: TrainingStepOptions["loss"] = ({ ops, output, target }) => {
  const y = output();
  return ops.mean(ops.square(ops.sub(y, target("t", ops.dims(y)))));
};

/** Random batches for a step: uniform in [−1, 1). */
export function randomBatch(step: Pick<TrainingStep, "batch">, seed: number): Batch {
  const random = createRandom(seed);
  return Object.fromEntries(
    step.batch.map(({ name, dims }) => {
      const count = dims.reduce((product, dim) => product * dim, 1);
      const data = Float32Array.from({ length: count }, () => 2 * random() - 1);
      return [name, { dtype: "float32", dims, data }] as const;
    }),
  );
}

/** Runs steps from the start on one thread; gives the results and the state after the last one. */
export async function runSteps(
  step: TrainingStep,
  batches: readonly Batch[],
  options: Partial<StepOptions> & Pick<OrtEngineOptions, "layout"> = {},
): Promise<{ readonly results: readonly StepResult[]; readonly state: TrainingState }> {
  const { layout, ...stepOptions } = options;
  const engine = createOrtEngine({
    runtime: createRuntime({ threads: 1 }),
    ...(layout ? { layout } : {}),
  });
  await using session = await engine.load(step);
  const results: StepResult[] = [];
  for (const [index, batch] of batches.entries()) {
    results.push(
      await session.run(batch, { learningRate: 0.1, update: index + 1, ...stepOptions }),
    );
  }
  return { results, state: await session.readState() };
}

/** The trained tensors of a state, by name. */
export function unpackState(
  step: TrainingStep,
  state: TrainingState,
  vector = "parameters",
): Readonly<Record<string, readonly number[]>> {
  const layout = vector === "statistics" ? step.statistics : step.parameters;
  return Object.fromEntries(
    layout.map(({ name, offset, size }) => [
      name,
      [...(state[vector] ?? []).slice(offset, offset + size)],
    ]),
  );
}

/** A step that trains by squared error. */
export function squaredErrorStep(
  model: Model,
  options: Omit<TrainingStepOptions, "loss">,
): Promise<TrainingStep> {
  return buildTrainingStep(model, { ...options, loss: squaredError });
}
