import type { Batch, StepOptions, StepResult } from "../engine/engine.ts";
import { TrainError } from "../errors.ts";
import { assertBatch } from "./check-batch.ts";
import { diagnoseStep } from "./diagnose.ts";
import type { RunState } from "./run-state.ts";

/**
 * Runs one step; `meanwhile` is called while it runs.
 * @throws TrainError `diverged` if loss or gradient is not finite; `invalid-data`.
 */
export async function runMicroBatch(
  run: RunState,
  batch: Batch,
  options: StepOptions,
  meanwhile: () => void,
): Promise<StepResult> {
  const { step, session, progress } = run;
  assertBatch(step, batch, progress.microBatches);
  const running = session.run(batch, options);
  meanwhile();
  const result = await running;
  if (Number.isFinite(result.loss) && Number.isFinite(result.gradientNorm)) return result;
  const what = Number.isFinite(result.loss)
    ? `gradient's norm is ${result.gradientNorm}`
    : `loss is ${result.loss}`;
  const runtime = run.options.diagnostics?.runtime;
  const state = await session.readState();
  const diagnosis = await diagnoseStep(step, state, batch, options, runtime).catch((error) => {
    run.context.logger.warn(`train: the failed step can't be run again: ${String(error)}`);
    return undefined;
  });
  const hint = runtime ? "" : "; give diagnostics to learn which value";
  throw new TrainError(
    "diverged",
    `train: the ${what} at update ${options.update} (batch ${progress.microBatches})${diagnosis ? `: ${diagnosis.text}` : hint}; lower the learning rate, clip the gradient, or look at the data. The last checkpoint is as it was`,
    { step: options.update, ...(diagnosis ? { value: diagnosis.value } : {}) },
  );
}
