import type { EvaluationRecord, TrainingProgress } from "../checkpoint/checkpoint.ts";
import type { EarlyStopping } from "./train-options.ts";

/** Adds an evaluation to a run's progress; it is the best one if none before was as good. */
export function recordEvaluation(
  progress: TrainingProgress,
  record: EvaluationRecord,
  earlyStopping: EarlyStopping | undefined,
): TrainingProgress {
  const { best, stopping } = progress;
  const gain = earlyStopping?.minimumGain ?? 0;
  const gained = !stopping || record.metric > stopping.metric + gain;
  return {
    ...progress,
    evaluations: [...progress.evaluations, record],
    best: !best || record.metric > best.metric ? record : best,
    stopping: gained
      ? { metric: record.metric, evaluations: 0 }
      : { metric: stopping.metric, evaluations: stopping.evaluations + 1 },
  };
}

/** Whether a run has gone on for long enough without a gain. */
export function isStale(
  { stopping }: TrainingProgress,
  earlyStopping: EarlyStopping | undefined,
): boolean {
  return (
    earlyStopping !== undefined &&
    stopping !== undefined &&
    stopping.evaluations >= earlyStopping.patience
  );
}
