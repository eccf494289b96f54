import type { EvaluationRecord } from "../checkpoint/checkpoint.ts";
import { TrainError } from "../errors.ts";
import { recordEvaluation } from "./record-evaluation.ts";
import { isWhole, type RunState, readFiniteState } from "./run-state.ts";

/** Whether the weights are to be evaluated now, and have not been. */
export function isEvaluationDue(run: RunState): boolean {
  const { progress, options, evaluateEvery } = run;
  const { updates, total, evaluations, limits } = progress;
  if (!options.evaluate || !isWhole(run) || evaluations.at(-1)?.update === updates) return false;
  if (updates === 0) return options.evaluateFirst ?? limits.minutes !== undefined;
  return updates % evaluateEvery === 0 || updates >= total;
}

/**
 * Evaluates the weights; returns how long it took, in milliseconds.
 * @throws TrainError `invalid-data` if the metric is not finite.
 */
export async function evaluateRun(run: RunState): Promise<number> {
  const { options, context } = run;
  const { evaluate, earlyStopping } = options;
  if (!evaluate) return 0;
  const startedAt = performance.now();
  const state = await readFiniteState(run);
  const { metric, reports } = await evaluate(state, context);
  const update = run.progress.updates;
  if (!Number.isFinite(metric)) {
    throw new TrainError(
      "invalid-data",
      `train: evaluate gave the metric ${metric} after update ${update}; it must be a finite number`,
      { step: update },
    );
  }
  const record: EvaluationRecord = { update, metric, ...(reports ? { reports } : {}) };
  run.progress = recordEvaluation(run.progress, record, earlyStopping);
  if (run.progress.best === record) {
    run.best = { ...record, state };
    run.isBestSaved = false;
  }
  context.logger.debug(`train: metric ${metric} after update ${update}`);
  return performance.now() - startedAt;
}
