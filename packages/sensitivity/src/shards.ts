import { SensitivityError } from "./errors.ts";
import type { PointSpec } from "./points.ts";
import type { SensitivityReport } from "./report.ts";
import { findPoint } from "./report-points.ts";

/** What measuring a point takes, in any unit; 0 or more. */
export type PointCost = (point: PointSpec) => number;

/**
 * Splits points into `count` parts of about equal cost, for as many machines: each part is a run of
 * the list, so that the points of a group stay together where they can, and parts differ by less
 * than the cost of two points. Points that need no measuring (nothing removed, or as many channels as
 * the point before) cost nothing. Pure: every machine finds the same parts.
 * @param costOf Default: 1 each. {@link suffixMacs} counts what a point runs.
 * @throws SensitivityError `invalid-option` if `count` is not a positive integer, or a cost is
 * negative or no number.
 */
export function planShards(
  points: readonly PointSpec[],
  count: number,
  costOf: PointCost = () => 1,
): readonly (readonly PointSpec[])[] {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new SensitivityError(
      "invalid-option",
      `planShards: count is ${count}; give a positive integer`,
    );
  }
  const costs = points.map((point, index) => {
    const before = points[index - 1];
    const isKnown = before?.group === point.group && before.removed === point.removed;
    return point.removed === 0 || isKnown ? 0 : checkCost(costOf(point), point);
  });
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  const parts = Array.from({ length: count }, (): PointSpec[] => []);
  let before = 0;
  points.forEach((point, index) => {
    const cost = costs[index] ?? 0;
    // A point belongs to the part that its middle falls into.
    const place = total > 0 ? ((before + cost / 2) / total) * count : 0;
    parts[Math.min(count - 1, Math.floor(place))]?.push(point);
    before += cost;
  });
  return parts;
}

function checkCost(cost: number, { group, ratio }: PointSpec): number {
  if (cost >= 0 && Number.isFinite(cost)) return cost;
  throw new SensitivityError(
    "invalid-option",
    `planShards: the cost of group "${group}" at ratio ${ratio} is ${cost}; give a number of 0 or more`,
    { group, ratio },
  );
}

/** The points that a report does not have, in order; those that failed are among them. */
export function listMissing(
  report: SensitivityReport,
  points: readonly PointSpec[],
): readonly PointSpec[] {
  return points.filter((point) => findPoint(report, point)?.removed !== point.removed);
}
