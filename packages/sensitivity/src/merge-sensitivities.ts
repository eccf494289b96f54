import { SensitivityError } from "./errors.ts";
import {
  type FailedPoint,
  findDifference,
  type SensitivityCurve,
  type SensitivityPoint,
  type SensitivityReport,
} from "./report.ts";

/**
 * Joins reports that measured different points of the same thing, in the order of their groups'
 * first appearance. A point that failed in one report and was measured in another is measured.
 * @throws SensitivityError `invalid-option` for no reports, `contradiction` if they are of different
 * models, data, criteria, metrics or settings, or give a point different losses.
 */
export function mergeSensitivities(reports: readonly SensitivityReport[]): SensitivityReport {
  const [first, ...others] = reports;
  if (!first) {
    throw new SensitivityError("invalid-option", "mergeSensitivities: give at least one report");
  }
  others.forEach((other, index) => {
    const difference =
      findDifference(other, first) ??
      (other.baseline === first.baseline && other.images === first.images
        ? undefined
        : `another baseline: ${other.baseline} on ${other.images} images, not ${first.baseline} on ${first.images}`);
    if (difference !== undefined) {
      throw new SensitivityError(
        "contradiction",
        `mergeSensitivities: report ${index + 2} is of ${difference}; merge reports of one sweep only`,
      );
    }
  });
  const curves = new Map<string, SensitivityCurve>();
  const skipped = new Map<string, string>();
  for (const report of reports) {
    for (const curve of report.curves) {
      const known = curves.get(curve.group);
      curves.set(curve.group, known ? joinCurves(known, curve) : curve);
    }
    for (const { group, reason } of report.skipped) skipped.set(group, reason);
  }
  const { failed: _, ...rest } = first;
  const failed = joinFailed(reports, curves);
  return {
    ...rest,
    curves: [...curves.values()],
    skipped: [...skipped]
      .filter(([group]) => !curves.has(group))
      .map(([group, reason]) => ({ group, reason })),
    ...(failed.length > 0 ? { failed } : {}),
  };
}

/** Each once, with the reason given last, without those that were measured. */
function joinFailed(
  reports: readonly SensitivityReport[],
  curves: ReadonlyMap<string, SensitivityCurve>,
): readonly FailedPoint[] {
  const failed = new Map<string, FailedPoint>();
  for (const point of reports.flatMap((report) => report.failed ?? [])) {
    const isMeasured = curves
      .get(point.group)
      ?.points.some(({ ratio, removed }) => ratio === point.ratio && removed === point.removed);
    if (!isMeasured) failed.set(`${point.ratio} ${point.group}`, point);
  }
  return [...failed.values()];
}

function joinCurves(a: SensitivityCurve, b: SensitivityCurve): SensitivityCurve {
  const { group, width } = a;
  if (b.width !== width) {
    throw new SensitivityError(
      "contradiction",
      `mergeSensitivities: group "${group}" is ${width} channels wide in one report and ${b.width} in another`,
      { group },
    );
  }
  let { points } = a;
  for (const point of b.points) points = withPoint(group, points, point);
  return { group, width, points };
}

/**
 * @internal The points with one more, by ascending ratio.
 * @throws SensitivityError `contradiction` if that ratio is there with another loss.
 */
export function withPoint(
  group: string,
  points: readonly SensitivityPoint[],
  point: SensitivityPoint,
): readonly SensitivityPoint[] {
  const known = points.find(({ ratio }) => ratio === point.ratio);
  if (!known) return [...points, point].toSorted((a, b) => a.ratio - b.ratio);
  if (known.loss === point.loss && known.removed === point.removed) return points;
  throw new SensitivityError(
    "contradiction",
    `mergeSensitivities: group "${group}" at ratio ${point.ratio} has the loss ${known.loss} in one report and ${point.loss} in another; measure it again`,
    { group, ratio: point.ratio },
  );
}
