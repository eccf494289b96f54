import type { BatchQueue } from "./batch-queue.ts";
import { learningRateAt } from "./check-options.ts";
import { watchLoss } from "./divergence.ts";
import type { ProgressMeter } from "./progress-meter.ts";
import { runMicroBatch } from "./run-micro-batch.ts";
import type { RunState } from "./run-state.ts";

/** Runs the micro-batches that are left of one update. */
export async function runUpdate(
  run: RunState,
  queue: BatchQueue,
  meter: ProgressMeter,
): Promise<void> {
  const { step, options } = run;
  const { schedule, signal, data, batchSize, divergence } = options;
  const startedAt = performance.now();
  const { updates, total } = run.progress;
  const first = run.progress.microBatches;
  const end = (updates + 1) * step.accumulate;
  const update = updates + 1;
  const learningRate = learningRateAt(schedule, updates, total);
  let gradientNorm = 0;
  for (let index = first; index < end; index++) {
    signal?.throwIfAborted();
    const batch = await queue.take(index);
    signal?.throwIfAborted();
    const apply = index === end - 1;
    const result = await runMicroBatch(run, batch, { learningRate, update, apply }, () =>
      queue.fill(index),
    );
    gradientNorm = result.gradientNorm;
    const { loss, reports } = run.progress.partial;
    run.progress = {
      ...run.progress,
      microBatches: index + 1,
      partial: {
        loss: loss + result.loss,
        reports: Object.fromEntries(
          Object.entries(result.reports).map(([name, value]) => [
            name,
            (reports[name] ?? 0) + value,
          ]),
        ),
      },
    };
  }
  const { partial, losses } = run.progress;
  const loss = partial.loss / step.accumulate;
  const reports = Object.fromEntries(
    Object.entries(partial.reports).map(([name, sum]) => [name, sum / step.accumulate]),
  );
  run.progress = {
    ...run.progress,
    updates: update,
    partial: { loss: 0, reports: {} },
    losses: divergence ? watchLoss(losses, loss, divergence, update) : losses,
  };
  const epoch = (end * batchSize) / data.size;
  const elapsedSeconds = run.elapsedMs() / 1000;
  const event = meter.advance(
    { update, total, epoch, loss, reports, learningRate, gradientNorm, elapsedSeconds },
    ((performance.now() - startedAt) * step.accumulate) / (end - first),
  );
  options.onStep?.(event);
}
