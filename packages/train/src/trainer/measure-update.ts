import { createBatchQueue } from "./batch-queue.ts";
import { learningRateAt } from "./check-options.ts";
import { evaluateRun, isEvaluationDue } from "./run-evaluation.ts";
import { runMicroBatch } from "./run-micro-batch.ts";
import { type RunState, saveLast } from "./run-state.ts";
import { TRAIN_DEFAULTS } from "./train-options.ts";

const TRIALS = 3;

/**
 * Milliseconds that an update takes before the first one, with its share of evaluations and
 * checkpoints: from micro-batches whose results are thrown away, an evaluation and a checkpoint.
 */
export async function measureUpdate(run: RunState): Promise<number> {
  const evaluationMs = isEvaluationDue(run) ? await evaluateRun(run) : 0;
  const savingAt = performance.now();
  await saveLast(run);
  const saveMs = performance.now() - savingAt;
  const stepMs = (await timeTrialSteps(run)) * run.step.accumulate;
  // An evaluation that is better than those before writes two checkpoints more.
  const perEvaluation = run.options.evaluate ? evaluationMs + 2 * saveMs : 0;
  return stepMs + saveMs / run.checkpointEvery + perEvaluation / run.evaluateEvery;
}

/** Milliseconds of a micro-batch; the first one does not count. */
async function timeTrialSteps(run: RunState): Promise<number> {
  const { session, step, options, requestOf } = run;
  const { data, schedule, signal, prefetch = TRAIN_DEFAULTS.prefetch } = options;
  const queue = createBatchQueue(data, requestOf, prefetch, TRIALS);
  const before = await session.readState();
  let startedAt = 0;
  for (let trial = 0; trial < TRIALS; trial++) {
    signal?.throwIfAborted();
    if (trial === 1) startedAt = performance.now();
    const batch = await queue.take(trial);
    const learningRate = learningRateAt(schedule, 0, 1);
    const apply = step.accumulate === 1;
    await runMicroBatch(run, batch, { learningRate, update: 1, apply }, () => queue.fill(trial));
  }
  const elapsedMs = performance.now() - startedAt;
  await session.writeState(before);
  return elapsedMs / (TRIALS - 1);
}
