import type { TrainingLimits } from "../checkpoint/checkpoint.ts";

/** What {@link planTotal} goes by. */
export interface TotalOptions {
  readonly limits: TrainingLimits;
  /** Samples of an epoch, and of an update. */
  readonly dataSize: number;
  readonly samplesPerUpdate: number;
  /** Updates that are done. */
  readonly updates: number;
  /** Asked only if `minutes` counts: time left, and what an update takes with its part of evaluations. */
  readonly measure: () => Promise<{ readonly remainingMs: number; readonly updateMs: number }>;
}

/** Number of updates that a run makes, 1 or more: the least that its limits give. */
export async function planTotal(options: TotalOptions): Promise<number> {
  const { limits, dataSize, samplesPerUpdate, updates, measure } = options;
  const totals: number[] = [];
  if (limits.updates !== undefined) totals.push(limits.updates);
  if (limits.epochs !== undefined) {
    totals.push(Math.ceil((limits.epochs * dataSize) / samplesPerUpdate));
  }
  const known = Math.min(...totals);
  if (limits.minutes !== undefined && updates < known) {
    const { remainingMs, updateMs } = await measure();
    totals.push(updates + Math.max(0, Math.floor(remainingMs / Math.max(updateMs, 1e-3))));
  }
  return Math.max(1, Math.min(...totals));
}
