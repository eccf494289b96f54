import type { ChannelGroup } from "@ocrslim/graph";
import { withPoint } from "./merge-sensitivities.ts";
import type { PointResult } from "./point-measurer.ts";
import type { PointSpec } from "./points.ts";
import { computeLoss, type SensitivityPoint, type SensitivityReport } from "./report.ts";

/** @internal The point of that group and ratio, if it was measured. */
export function findPoint(
  report: SensitivityReport,
  point: PointSpec,
): SensitivityPoint | undefined {
  return report.curves
    .find(({ group }) => group === point.group)
    ?.points.find(({ ratio }) => ratio === point.ratio);
}

/** @internal What is known without measuring: nothing removed, or as many channels as at another ratio. */
export function knownResult(report: SensitivityReport, point: PointSpec): PointResult | undefined {
  if (point.removed === 0) return { metric: report.baseline, images: report.images };
  return report.curves
    .find(({ group }) => group === point.group)
    ?.points.find(({ removed }) => removed === point.removed);
}

/** @internal What was measured, as a point of the report's curves. */
export function toPoint(
  report: SensitivityReport,
  { ratio, removed }: PointSpec,
  { metric, images, interval, isDecidedEarly }: PointResult,
): SensitivityPoint {
  return {
    ratio,
    loss: computeLoss(report.baseline, metric, report.relativeTo),
    metric,
    images,
    removed,
    ...(interval === undefined ? {} : { interval }),
    ...(isDecidedEarly === undefined ? {} : { isDecidedEarly }),
  };
}

/** @internal The report with one more point; curves stand in the order of the groups. */
export function addPoint(
  report: SensitivityReport,
  groups: readonly ChannelGroup[],
  { group, width }: Pick<PointSpec, "group" | "width">,
  point: SensitivityPoint,
): SensitivityReport {
  const known = report.curves.find((curve) => curve.group === group);
  const points = withPoint(group, known?.points ?? [], point);
  const others = report.curves.filter((curve) => curve !== known);
  const position = new Map(groups.map(({ id }, index) => [id, index]));
  const place = (id: string): number => position.get(id) ?? groups.length;
  return {
    ...report,
    curves: [...others, { group, width, points }].toSorted(
      (a, b) => place(a.group) - place(b.group),
    ),
  };
}
