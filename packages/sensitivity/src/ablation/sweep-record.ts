import type { ChannelGroup } from "@ocrslim/graph";
import type { PointResult } from "../point-measurer.ts";
import type { PointUnit } from "../racing/point-queue.ts";
import type { FailedPoint, SensitivityReport } from "../report.ts";
import { addPoint, findPoint, toPoint } from "../report-points.ts";
import { appendSensitivities } from "../sensitivity-file.ts";

/** What a sweep has found so far, in memory and in its file. */
export interface SweepRecord {
  readonly report: SensitivityReport;
  /** Adds what a unit came to, one after the other. */
  addResult(unit: PointUnit, result: PointResult): Promise<void>;
  addFailure(unit: PointUnit, reason: string): Promise<void>;
}

/** @internal Keeps a report, and writes each addition to the file at once, if there is one. */
export function createSweepRecord(
  start: SensitivityReport,
  groups: readonly ChannelGroup[],
  file: string | undefined,
): SweepRecord {
  let report = start;
  let last: Promise<void> = Promise.resolve();
  const groupOrder = groups.map(({ id }) => id);
  const inTurn = (action: () => Promise<void>): Promise<void> => {
    const task = last.then(action);
    last = task.catch(() => {});
    return task;
  };
  const append = async (addition: Partial<SensitivityReport>): Promise<void> => {
    if (file === undefined) return;
    const { failed: _, ...head } = report;
    report = await appendSensitivities(file, { ...head, curves: [], ...addition }, { groupOrder });
  };
  return {
    get report() {
      return report;
    },
    addResult(unit, result) {
      return inTurn(async () => {
        const { group, width } = unit;
        const fresh = unit.points.filter((point) => !findPoint(report, point));
        const points = fresh.map((point) => toPoint(report, point, result));
        for (const point of points) {
          report = withoutFailure(addPoint(report, groups, unit, point), { ...point, group });
        }
        await append({ curves: [{ group, width, points }] });
      });
    },
    addFailure(unit, reason) {
      return inTurn(async () => {
        const failed = unit.points.map(({ group, ratio, removed }) => ({
          group,
          ratio,
          removed,
          reason,
        }));
        for (const point of failed) {
          const others = withoutFailure(report, point);
          report = { ...others, failed: [...(others.failed ?? []), point] };
        }
        await append({ failed });
      });
    },
  };
}

function withoutFailure(
  report: SensitivityReport,
  { group, ratio }: Pick<FailedPoint, "group" | "ratio">,
): SensitivityReport {
  const { failed = [], ...rest } = report;
  const others = failed.filter((point) => point.group !== group || point.ratio !== ratio);
  return others.length > 0 ? { ...rest, failed: others } : rest;
}
