import { formatDuration, formatPercent, formatRatio } from "../output/numbers.ts";
import { curveChart, stackChart, tradeChart, widthChart } from "./charts.ts";
import { escapeHtml, factList, section } from "./html.ts";
import type { CompressReport, OpTypeShare } from "./types.ts";

/** Plans that were tried on the way to the budget. */
export function tradeHtml(report: CompressReport): string {
  const points = report.trials.flatMap((trial) =>
    trial.agreement === undefined
      ? []
      : [
          {
            x: trial.macsRatio,
            y: trial.agreement,
            chosen: trial.chosen,
            title: `MACs ${formatRatio(trial.macsRatio)}, agreement ${formatPercent(trial.agreement, 1)}`,
          },
        ],
  );
  if (points.length < 2) return "";
  return section(
    "Accuracy against cost",
    "Each dot is a plan that was really pruned and run on calibration images while looking for the budget. The large dot was chosen.",
    tradeChart(points, "MACs kept", "agreement with the original"),
  );
}

/** Losses above it are all hopeless, and a scale that shows them hides the others. */
const highestShown = 0.3;

/** Loss over the ratio removed, group by group. */
export function curvesHtml(report: CompressReport): string {
  if (report.curves.length === 0) return "";
  const losses = report.curves.flatMap((curve) => curve.points.map((point) => point.loss));
  const maximum = Math.min(highestShown, Math.max(0.01, ...losses));
  const removed = new Map(
    report.groups.map((group) => [group.id, 1 - group.kept / Math.max(1, group.width)]),
  );
  const worst = (points: readonly { readonly loss: number }[]): number =>
    Math.max(0, ...points.map((point) => point.loss));
  const charts = report.curves
    .toSorted((a, b) => worst(b.points) - worst(a.points))
    .map((curve) => curveChart(curve, maximum, removed.get(curve.group) ?? 0));
  return section(
    "How sensitive each group is",
    `${capitalize(report.curveMetric)} when only this group is cut, from ${report.data.sensitivityImages} calibration pictures, most sensitive first. All charts end at ${Number(maximum.toPrecision(2))}. The dashed line is what the plan removes; the number is the group's width.`,
    `<div class="curves">${charts.join("")}</div>`,
  );
}

/** What stays of each group. */
export function widthsHtml(report: CompressReport): string {
  const changed = report.groups.filter((group) => group.kept < group.width);
  const whole = report.groups.filter((group) => group.kept === group.width);
  const bars = (groups: typeof changed): string =>
    widthChart(groups.map((group) => ({ label: group.id, width: group.width, kept: group.kept })));
  const rest =
    whole.length === 0
      ? ""
      : `<details><summary>${whole.length} groups stay whole</summary>${bars(whole)}</details>`;
  return section(
    "Widths before and after",
    `${changed.length} of ${report.groups.length} channel groups are narrower now. A group is a set of channels that must go together, wherever they appear.`,
    bars(changed) + rest,
  );
}

function largest(
  shares: readonly OpTypeShare[],
  names: ReadonlySet<string>,
): {
  name: string;
  value: number;
}[] {
  const parts = new Map<string, number>();
  for (const share of shares) {
    const name = names.has(share.opType) ? share.opType : "other";
    parts.set(name, (parts.get(name) ?? 0) + share.meanMs);
  }
  return [...names, "other"].flatMap((name) => {
    const value = parts.get(name);
    return value === undefined ? [] : [{ name, value }];
  });
}

/** Time by operator, before and after. */
export function profileHtml(report: CompressReport): string {
  const { before, simplified, after } = report.profile;
  if (before.length === 0) return "";
  const totals = new Map<string, number>();
  for (const share of [...before, ...simplified, ...after]) {
    totals.set(share.opType, (totals.get(share.opType) ?? 0) + share.meanMs);
  }
  const names = new Set(
    [...totals]
      .toSorted((a, b) => b[1] - a[1])
      .slice(0, 7)
      .map(([name]) => name),
  );
  return section(
    "Where the time goes",
    "ONNX Runtime's own profile by operator, after its fusions. Profiling costs time itself: compare shares, and take totals from the table above.",
    stackChart(
      [
        { label: "Original", parts: largest(before, names) },
        { label: "Simplified", parts: largest(simplified, names) },
        { label: "Slim", parts: largest(after, names) },
      ],
      "ms",
    ),
  );
}

/** Groups that were left alone. */
export function skippedHtml(report: CompressReport): string {
  if (report.skipped.length === 0) return "";
  const rows = report.skipped
    .map((skip) => `<tr><td>${escapeHtml(skip.group)}</td><td>${escapeHtml(skip.reason)}</td></tr>`)
    .join("");
  return section(
    "What was skipped, and why",
    `${report.skipped.length} groups were not considered.`,
    `<details><summary>Show all</summary><div class="scroll"><table class="text"><thead><tr><th>Group</th><th>Reason</th></tr></thead><tbody>${rows}</tbody></table></div></details>`,
  );
}

/** Data, machine, versions and options. */
export function runHtml(report: CompressReport): string {
  const { data, budget } = report;
  const names = (paths: readonly string[]): string =>
    `${paths.length}: ${paths.slice(0, 12).join(", ")}${paths.length > 12 ? ", …" : ""}`;
  const facts: [string, string][] = [
    ["Budget", `${budget.kind} ${budget.wanted}, reached ${budget.reached.toFixed(3)}`],
    ["Data", data.sources.join(", ")],
    ["Calibration images", names(data.calibration)],
    ["Evaluation images", names(data.evaluation)],
    ["Split", `seed ${data.seed}; no image is in both`],
    ["Labels", data.labelled ? "used for evaluation only" : "none"],
    ["Took", formatDuration(report.seconds)],
    ...Object.entries(report.machine).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]),
    ["Options", JSON.stringify(report.options)],
    ["Files", Object.values(report.files).join(", ")],
  ];
  return section("The run", "All that is needed to do it again.", factList(facts));
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
