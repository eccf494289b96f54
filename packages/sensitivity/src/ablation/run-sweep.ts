import type { ChannelGroup, RunContext } from "@ocrslim/graph";
import { messageOf, SensitivityError, type SensitivityErrorCode } from "../errors.ts";
import type { PointMeasurer, PointResult } from "../point-measurer.ts";
import type { PointSpec } from "../points.ts";
import { createPointQueue, type PointUnit } from "../racing/point-queue.ts";
import { computeLoss, type SensitivityReport } from "../report.ts";
import { findPoint, knownResult } from "../report-points.ts";
import { createSweepRecord, type SweepRecord } from "./sweep-record.ts";

/** What a sweep consists of. */
export interface SweepOptions {
  readonly groups: readonly ChannelGroup[];
  readonly points: readonly PointSpec[];
  /** What is known before it, the baseline at least. */
  readonly start: SensitivityReport;
  readonly measurer: PointMeasurer;
  readonly context: RunContext;
  readonly file?: string;
  readonly maximumLoss?: number;
  readonly concurrency?: number;
  readonly stopAtFailure?: boolean;
}

/** Measures what is missing, and returns the report with it. */
export async function runSweep(options: SweepOptions): Promise<SensitivityReport> {
  const { points, maximumLoss, concurrency = 1, context } = options;
  const { signal, onProgress } = context;
  const record = createSweepRecord(options.start, options.groups, options.file);
  const isMeasured = (point: PointSpec): boolean => findPoint(record.report, point) !== undefined;
  const queue = createPointQueue(points, {
    isRace: maximumLoss !== undefined,
    isDone: (unit) => unit.points.every(isMeasured),
    verdictOf: (unit) => {
      const known = knownResult(record.report, unit.points[0]);
      return known && lossOf(record.report, known) <= (maximumLoss ?? 0);
    },
  });
  const progress = { task: "sensitivity", total: points.length, unit: "points" } as const;
  onProgress({ kind: "start", ...progress });
  let failure: { readonly error: unknown } | undefined;
  const handle = async (unit: PointUnit): Promise<void> => {
    try {
      await measureUnit(unit, record, options);
      queue.finish(unit);
      const done = points.length - queue.countLeft();
      const [{ group, ratio }] = unit.points;
      onProgress({ kind: "advance", ...progress, done, detail: `${group} at ${ratio}` });
    } catch (error) {
      failure ??= { error };
    }
  };
  const running = new Set<Promise<void>>();
  while (!failure) {
    if (signal?.aborted) failure = { error: signal.reason };
    const unit = failure || running.size >= concurrency ? undefined : queue.next();
    if (unit) {
      const task = handle(unit).finally(() => running.delete(task));
      running.add(task);
    } else if (running.size > 0) await Promise.race(running);
    else break;
  }
  await Promise.all(running);
  if (failure) throw failure.error;
  onProgress({ kind: "end", task: progress.task });
  return record.report;
}

/** Measures one unit unless its result is known, and records what it came to. */
async function measureUnit(
  unit: PointUnit,
  record: SweepRecord,
  { measurer, stopAtFailure, context: { logger, signal } }: SweepOptions,
): Promise<void> {
  const [point] = unit.points;
  const known = knownResult(record.report, point);
  if (known) return record.addResult(unit, known);
  let result: PointResult;
  try {
    result = await measurer.measure(point, { logger, ...(signal ? { signal } : {}) });
    // A measurement that was cut short may come back with numbers all the same.
    signal?.throwIfAborted();
    if (!Number.isFinite(result.metric)) {
      throw new TypeError(`the metric is ${result.metric}; an evaluator gives a finite number`);
    }
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    if (cause instanceof SensitivityError && FATAL.has(cause.code)) throw cause;
    if (!stopAtFailure) return record.addFailure(unit, messageOf(cause));
    throw new SensitivityError(
      "point-failed",
      `analyzeSensitivity: group "${point.group}" at ratio ${point.ratio} could not be measured: ${messageOf(cause)}`,
      { group: point.group, ratio: point.ratio, cause },
    );
  }
  return record.addResult(unit, result);
}

/** What is wrong with the question, rather than with one point. */
const FATAL: ReadonlySet<SensitivityErrorCode> = new Set(["invalid-option", "invalid-score"]);

function lossOf(report: SensitivityReport, { metric }: PointResult): number {
  return computeLoss(report.baseline, metric, report.relativeTo);
}
