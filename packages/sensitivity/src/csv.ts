import type { SensitivityReport } from "./report.ts";

const COLUMNS = [
  "group",
  "width",
  "ratio",
  "removed",
  "loss",
  "metric",
  "images",
  "low",
  "high",
  "decidedEarly",
  "failure",
] as const;

/**
 * A report as CSV (RFC 4180, lines end with CRLF), one line a point under a header: group, width,
 * ratio, removed, loss, metric, images, the ends of the loss's interval (low, high), decidedEarly
 * (true or false), and why a point failed. What is not known is empty.
 */
export function formatCsv(report: SensitivityReport): string {
  const widths = new Map(report.curves.map(({ group, width }) => [group, width]));
  const measured = report.curves.flatMap(({ group, width, points }) =>
    points.map(({ ratio, removed, loss, metric, images, interval, isDecidedEarly = false }) => [
      ...[group, width, ratio, removed, loss, metric, images],
      ...[interval?.[0], interval?.[1], isDecidedEarly, undefined],
    ]),
  );
  const failed = (report.failed ?? []).map(({ group, ratio, removed, reason }) => [
    ...[group, widths.get(group), ratio, removed, undefined, undefined, undefined],
    ...[undefined, undefined, undefined, reason],
  ]);
  return [COLUMNS, ...measured, ...failed]
    .map((row) => `${row.map(formatField).join(",")}\r\n`)
    .join("");
}

function formatField(value: string | number | boolean | undefined): string {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
