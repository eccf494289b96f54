import {
  formatBytes,
  formatCount,
  formatMetric,
  formatMilliseconds,
  formatPercent,
  formatRatio,
} from "../output/numbers.ts";
import { escapeHtml, htmlTable, section } from "./html.ts";
import type { CompressReport, CostMeasures, Measures } from "./types.ts";

/** The verdict in a sentence, also for the terminal. */
export function describeOutcome(report: CompressReport): string {
  const { ratios, loss, lossOf } = report;
  const accuracy =
    loss > 0
      ? `${formatPercent(loss, 1)} of ${lossOf} lost`
      : loss < 0
        ? `${lossOf} ${formatPercent(-loss, 1)} higher`
        : `no loss of ${lossOf}`;
  return `${formatPercent(ratios.latency)} of the time, ${formatPercent(ratios.macs)} of the MACs and ${formatPercent(ratios.bytes)} of the bytes, with ${accuracy} on ${report.data.evaluation.length} held-out images.`;
}

function tile(title: string, ratio: number, from: string, to: string): string {
  const share = Math.min(100, Math.max(0, ratio * 100));
  return `<div class="tile"><span>${title}</span><b>${formatRatio(ratio)}</b><em>${from} → ${to}</em><div class="meter"><i style="width:${share.toFixed(1)}%"></i></div></div>`;
}

/** Title, verdict and the four ratios. */
export function headerHtml(report: CompressReport): string {
  const { before, after, ratios } = report;
  const tiles = [
    tile(
      "Latency",
      ratios.latency,
      formatMilliseconds(before.medianMs),
      formatMilliseconds(after.medianMs),
    ),
    tile("MACs", ratios.macs, formatCount(before.macs), formatCount(after.macs)),
    tile(
      "Parameters",
      ratios.parameters,
      formatCount(before.parameters),
      formatCount(after.parameters),
    ),
    tile("File", ratios.bytes, formatBytes(before.bytes), formatBytes(after.bytes)),
  ];
  return `<header><p class="kicker">OCRSlim report</p><h1>${escapeHtml(report.model)}</h1><p class="verdict">${escapeHtml(describeOutcome(report))}</p></header><div class="tiles">${tiles.join("")}</div>${noticesHtml(report)}`;
}

function noticesHtml(report: CompressReport): string {
  const notices: string[] = [];
  if (report.slower) {
    notices.push("The slim model measured slower than the original. Do not use it; see below.");
  }
  if (!report.budget.met) notices.push(report.budget.reason ?? "The budget was not met.");
  notices.push(...report.notes);
  return notices.map((text) => `<div class="notice">${escapeHtml(text)}</div>`).join("");
}

function measuresRow(
  name: string,
  what: string,
  measures: CostMeasures & Partial<Measures>,
  latency: number,
  labelled: boolean,
): string[] {
  return [
    `<b>${name}</b><br><small>${what}</small>`,
    ...(labelled ? [formatMetric(measures.hmean)] : []),
    formatMetric(measures.agreement),
    formatMilliseconds(measures.medianMs),
    formatRatio(latency),
    formatCount(measures.macs),
    formatCount(measures.parameters),
    formatBytes(measures.bytes),
    String(measures.nodes),
  ];
}

/** Original, simplified and slim, side by side. */
export function tableHtml(report: CompressReport): string {
  const { before, simplified, after, ratios, latency } = report;
  const labelled = before.hmean !== undefined;
  const head = [
    "Model",
    ...(labelled ? ["hmean"] : []),
    "Agreement",
    "Median",
    "÷ original",
    "MACs",
    "Parameters",
    "File",
    "Nodes",
  ];
  const rows = [
    measuresRow("Original", "as it came", before, 1, labelled),
    measuresRow(
      "Simplified",
      "lossless transforms only",
      simplified,
      latency.simplifiedRatio,
      labelled,
    ),
    measuresRow("Slim", "channels removed", after, ratios.latency, labelled),
  ];
  const shape = latency.inputShape.join(" × ");
  const threads = latency.threads === undefined ? "default threads" : `${latency.threads} threads`;
  const lead = `Accuracy on ${report.data.evaluation.length} images that took no part in the compression. Latency at ${shape}, ${threads}, ${latency.rounds} interleaved rounds; MACs at the same size.`;
  return section("Before and after", lead, htmlTable(head, rows) + alsoMeasuredHtml(report));
}

function alsoMeasuredHtml(report: CompressReport): string {
  if (report.alsoMeasured.length === 0) return "";
  const rows = report.alsoMeasured.map((set) => [
    `${escapeHtml(set.source)} <small>${set.images} images</small>`,
    formatMetric(set.before.hmean),
    formatMetric(set.after.hmean),
    formatMetric(set.after.agreement),
  ]);
  const head = ["Also measured", "hmean before", "hmean after", "agreement after"];
  return `<div style="margin-top:24px">${htmlTable(head, rows)}</div>`;
}
