import type { SkippedGroup } from "@ocrslim/graph";
import { SensitivityError } from "../errors.ts";
import { mergeSensitivities } from "../merge-sensitivities.ts";
import type { PointResult } from "../point-measurer.ts";
import type { PointSpec } from "../points.ts";
import {
  computeLoss,
  findDifference,
  type SensitivityCurve,
  type SensitivityPoint,
  type SensitivityReport,
} from "../report.ts";
import { appendSensitivities, readSensitivitiesIfThere } from "../sensitivity-file.ts";
import { listMissing } from "../shards.ts";
import { pointIdOf, type Sweep } from "./sweep.ts";
import { BASELINE, type StoredResult } from "./sweep-store.ts";

/** What was collected of a sweep, in memory and in its file. */
export interface SweepCollection {
  /** `undefined` until the unpruned model's metric is known. */
  readonly report: SensitivityReport | undefined;
  /** Points that were measured, or failed. */
  readonly doneCount: number;
  /** Points that are neither. */
  listMissing(): readonly PointSpec[];
  /** Names of the results that are waited for. */
  listWanted(): ReadonlySet<string>;
  /** Takes results, and adds what they make known to the file. */
  add(results: ReadonlyMap<string, StoredResult>): Promise<void>;
}

/**
 * Begins to collect, with what the file has.
 * @throws SensitivityError `contradiction` if the file is of another sweep.
 */
export async function openSweepCollection(
  sweep: Sweep,
  file: string | undefined,
  skipped: readonly SkippedGroup[],
): Promise<SweepCollection> {
  const { head, points } = sweep;
  const groupOrder = [...new Set(points.map(({ group }) => group))];
  const ids = new Map(points.map((point) => [point, pointIdOf(head, point)]));
  const idOf = (point: PointSpec): string => ids.get(point) ?? "";
  let report = await readKnown(sweep, file);
  /** Measured, but not in the report yet: the baseline is not known. */
  const held = new Map<string, PointResult>();
  const failed = new Map<string, string>();

  const unfinished = (): readonly PointSpec[] =>
    (report ? listMissing(report, points) : points).filter((point) => !failed.has(idOf(point)));

  const makeAddition = (baseline: PointResult): SensitivityReport => {
    const curves = new Map<string, SensitivityCurve>();
    for (const point of unfinished()) {
      const result = point.removed === 0 ? baseline : held.get(idOf(point));
      if (!result) continue;
      const { group, width } = point;
      const made = toSensitivityPoint(point, result, baseline, sweep);
      curves.set(group, { group, width, points: [...(curves.get(group)?.points ?? []), made] });
    }
    const failures = points.flatMap((point) => {
      const reason = failed.get(idOf(point));
      const { group, ratio, removed } = point;
      return reason === undefined ? [] : [{ group, ratio, removed, reason }];
    });
    return {
      ...head,
      baseline: baseline.metric,
      images: baseline.images,
      curves: [...curves.values()],
      skipped,
      ...(failures.length > 0 ? { failed: failures } : {}),
    };
  };

  return {
    get report() {
      return report;
    },
    get doneCount() {
      const isDone = (point: PointSpec): boolean => held.has(idOf(point));
      return points.length - unfinished().filter((point) => !isDone(point)).length;
    },
    listMissing: () => unfinished().filter((point) => !held.has(idOf(point))),
    listWanted: () => {
      const wanted = unfinished()
        .map(idOf)
        .filter((id) => !held.has(id));
      return new Set(report ? wanted : [BASELINE, ...wanted]);
    },
    add: async (results) => {
      let baseline = report && { metric: report.baseline, images: report.images };
      for (const [id, result] of results) {
        if (id === BASELINE) baseline ??= toBaseline(result, sweep);
        else if (result.kind === "failed") failed.set(id, result.reason);
        else held.set(id, result.result);
      }
      if (!baseline || (report && results.size === 0)) return;
      const addition = makeAddition(baseline);
      report =
        file === undefined
          ? mergeSensitivities(report ? [report, addition] : [addition])
          : await appendSensitivities(file, addition, { groupOrder });
      held.clear();
    },
  };
}

async function readKnown(
  { head }: Sweep,
  file: string | undefined,
): Promise<SensitivityReport | undefined> {
  if (file === undefined) return undefined;
  const known = await readSensitivitiesIfThere(file);
  const difference = known && findDifference(known, head);
  if (difference === undefined) return known;
  throw new SensitivityError(
    "contradiction",
    `collectSweep: ${file} is of ${difference}; give another file, or remove this one`,
    { file },
  );
}

function toSensitivityPoint(
  { ratio, removed }: PointSpec,
  { metric, images, interval, isDecidedEarly }: PointResult,
  baseline: PointResult,
  { head }: Sweep,
): SensitivityPoint {
  return {
    ratio,
    loss: computeLoss(baseline.metric, metric, head.relativeTo),
    metric,
    images,
    removed,
    ...(interval === undefined ? {} : { interval }),
    ...(isDecidedEarly === undefined ? {} : { isDecidedEarly }),
  };
}

function toBaseline(stored: StoredResult, { head }: Sweep): PointResult {
  if (stored.kind === "failed") {
    throw new SensitivityError(
      "invalid-metric",
      `collectSweep: the unpruned model could not be measured: ${stored.reason}; check the model and the data`,
    );
  }
  if (head.relativeTo === "baseline" && stored.result.metric === 0) {
    throw new SensitivityError(
      "invalid-metric",
      "collectSweep: the metric of the unpruned model is 0, so no loss can be relative to it; check the model and the data",
    );
  }
  return stored.result;
}
