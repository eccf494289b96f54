import type { SensitivityReport } from "@ocrslim/sensitivity";
import { formatPercent } from "../../output/numbers.ts";
import {
  type GroupShare,
  hasLatency,
  listRatios,
  rankCurves,
} from "../../output/sensitivity-table.ts";
import { escapeHtml, factList, htmlTable, section } from "../html.ts";
import { style } from "../style.ts";
import { colours } from "./palette.ts";

/** Lets pictures shrink with the page, and keep the colour of their labels, which `style` sets. */
const pageStyle = `
svg.plot{display:block;width:100%;height:auto;background:var(--card);border:1px solid var(--rule);border-radius:12px}
svg.plot text[fill="${colours.ink}"]{fill:var(--ink)}`;

/** Pictures of a page, as SVG. */
export interface SensitivityPictures {
  readonly curves: string;
  readonly map: string;
}

/** One HTML page with pictures and numbers of a sensitivity report; needs nothing from outside. */
export function renderSensitivityPage(
  report: SensitivityReport,
  shares: ReadonlyMap<string, GroupShare>,
  pictures: SensitivityPictures,
): string {
  const metric = report.metric ?? "the metric";
  const body = [
    `<header><p class="kicker">Sensitivity</p><h1>What each channel group is worth</h1><p class="verdict">${escapeHtml(verdict(report, metric))}</p></header>`,
    section(
      "Where to cut",
      "Each line is one group, cut alone, from small ratios to large ones. Low and far to the right saves much for little.",
      pictures.map,
    ),
    section(
      "Curves",
      `Loss over the part of the channels removed, most worth cutting first. ${hasIntervals(report) ? "Bands are confidence intervals." : ""}`.trim(),
      pictures.curves,
    ),
    section(
      "Numbers",
      "Relative loss when a group is cut alone; negative is better than before.",
      lossTable(report, shares),
    ),
    notMeasured(report),
    section("Measured", "What the numbers stand for.", factList(factsOf(report, metric))),
  ].join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Sensitivity of ${escapeHtml(metric)}</title><style>${style}${pageStyle}</style></head><body><main>${body}</main></body></html>
`;
}

function verdict(report: SensitivityReport, metric: string): string {
  const points = report.curves.reduce((sum, { points: own }) => sum + own.length, 0);
  const images = report.images === 1 ? "1 image" : `${report.images} images`;
  return `${report.curves.length} groups, ${points} points of ${metric} on ${images}; ${report.baseline.toFixed(4)} with nothing removed.`;
}

const hasIntervals = ({ curves }: SensitivityReport): boolean =>
  curves.some(({ points }) => points.some(({ interval }) => interval !== undefined));

function lossTable(report: SensitivityReport, shares: ReadonlyMap<string, GroupShare>): string {
  const ratios = listRatios(report);
  const withLatency = hasLatency(report, shares);
  const head = [
    "group",
    "width",
    "MACs",
    ...(withLatency ? ["latency"] : []),
    ...ratios.map((ratio) => formatPercent(ratio)),
  ];
  const rows = rankCurves(report, shares).map(({ curve, share }) => [
    escapeHtml(curve.group),
    String(curve.width),
    formatPercent(share.macs, 1),
    ...(withLatency ? [formatPercent(share.latency ?? 0, 1)] : []),
    ...ratios.map((ratio) => {
      const point = curve.points.find((candidate) => candidate.ratio === ratio);
      if (!point) return "";
      const [low, high] = (point.interval ?? []).map((bound) => (bound * 100).toFixed(1));
      const interval = low === undefined ? "" : `<br><small>${low} … ${high}</small>`;
      return `${formatPercent(point.loss, 1)}${interval}`;
    }),
  ]);
  return htmlTable(head, rows);
}

function notMeasured({ skipped, failed = [] }: SensitivityReport): string {
  if (skipped.length + failed.length === 0) return "";
  const rows = [
    ...failed.map(({ group, ratio, reason }) => [
      `${escapeHtml(group)} at ${formatPercent(ratio)}`,
      `failed: ${escapeHtml(reason)}`,
    ]),
    ...skipped.map(({ group, reason }) => [escapeHtml(group), escapeHtml(reason)]),
  ];
  const table = htmlTable(["group", "why"], rows).replace("<table>", '<table class="text">');
  return section("Not measured", "Groups and points without a loss, and why.", table);
}

function factsOf(
  report: SensitivityReport,
  metric: string,
): readonly (readonly [string, string])[] {
  return [
    ["Metric", metric],
    ["Loss relative to", report.relativeTo],
    ["Criterion", report.criterion],
    [
      "Kept widths",
      report.channelMultiple === 1 ? "any" : `multiples of ${report.channelMultiple}`,
    ],
    [
      "Input shapes",
      Object.entries(report.inputShapes)
        .map(([name, dims]) => `${name} [${dims.join(", ")}]`)
        .join("; "),
    ],
    ["Model (SHA-256)", report.modelHash],
    ...(report.dataFingerprint === undefined
      ? []
      : ([["Images", report.dataFingerprint]] as const)),
  ];
}
