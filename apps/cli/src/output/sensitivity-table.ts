import type { SensitivityCurve, SensitivityPoint, SensitivityReport } from "@ocrslim/sensitivity";
import { formatPercent } from "./numbers.ts";
import { type Column, formatTable } from "./table.ts";

/** What all channels of a group account for; cutting a ratio of them saves about that part of it. */
export interface GroupShare {
  /** Fraction of the model's multiply-accumulates, 0–1. */
  readonly macs: number;
  /** Fraction of the model's latency, 0–1, where it was measured. */
  readonly latency?: number;
}

/** Options of {@link sensitivityTable}. */
export interface SensitivityTableOptions {
  /** Draw with ASCII only, for terminals that are not UTF-8. Default: false. */
  readonly ascii?: boolean;
}

/** A curve, and what cutting it at the middle ratio costs and saves. */
export interface RankedCurve {
  readonly curve: SensitivityCurve;
  readonly share: GroupShare;
  /** The point nearest to the middle ratio; absent for curves without points. */
  readonly middle: SensitivityPoint | undefined;
}

/** Losses below this are taken for noise when groups are ranked. */
const NOISE = 0.001;

/** All ratios of a report, ascending. */
export function listRatios({ curves }: Pick<SensitivityReport, "curves">): readonly number[] {
  const ratios = new Set(curves.flatMap(({ points }) => points.map(({ ratio }) => ratio)));
  return [...ratios].toSorted((a, b) => a - b);
}

/** The measured ratio nearest to one half, the smaller of two; one half without any. */
export function middleRatio(report: Pick<SensitivityReport, "curves">): number {
  return nearest(listRatios(report), 0.5, (ratio) => ratio) ?? 0.5;
}

/** The item whose number is nearest, the first of several. */
function nearest<T>(
  items: readonly T[],
  wanted: number,
  numberOf: (item: T) => number,
): T | undefined {
  let best: T | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const item of items) {
    // Ratios are decimals: 0.4 and 0.6 are equally near to 0.5 but for rounding.
    const distance = Math.abs(numberOf(item) - wanted);
    if (distance >= least - 1e-9) continue;
    least = distance;
    best = item;
  }
  return best;
}

/** What a group weighs in the ranking: latency where every group's is known, else MACs. */
function weightOf(share: GroupShare, byLatency: boolean): number {
  return byLatency ? (share.latency ?? 0) : share.macs;
}

/** Whether shares of latency are known for all of the report's groups. */
export function hasLatency(
  { curves }: Pick<SensitivityReport, "curves">,
  shares: ReadonlyMap<string, GroupShare>,
): boolean {
  return curves.length > 0 && curves.every(({ group }) => shares.get(group)?.latency !== undefined);
}

/**
 * Curves by what a cut at the middle ratio costs for what it saves, most worth cutting first: loss
 * (at least a thousandth) ÷ share of latency, or of MACs. Curves without points come last.
 */
export function rankCurves(
  report: Pick<SensitivityReport, "curves">,
  shares: ReadonlyMap<string, GroupShare>,
): readonly RankedCurve[] {
  const byLatency = hasLatency(report, shares);
  const ratio = middleRatio(report);
  const price = ({ middle, share }: RankedCurve): number => {
    const saved = (middle?.ratio ?? 0) * weightOf(share, byLatency);
    return middle && saved > 0 ? Math.max(NOISE, middle.loss) / saved : Number.POSITIVE_INFINITY;
  };
  const ranked = report.curves.map((curve): RankedCurve => {
    const middle = nearest(curve.points, ratio, (point) => point.ratio);
    return { curve, share: shares.get(curve.group) ?? { macs: 0 }, middle };
  });
  return ranked.toSorted((a, b) => {
    const [left, right] = [price(a), price(b)];
    if (left !== right) return left < right ? -1 : 1;
    return a.curve.group < b.curve.group ? -1 : 1;
  });
}

const BLOCKS = "▁▂▃▄▅▆▇█";
const ASCII_BLOCKS = "_.:-=+*#";

/**
 * One character for each ratio: the lowest for no loss, the highest for `maximum` and more, a blank
 * where nothing was measured. The scale is the square root, which tells 1 % from 5 % beside 100 %.
 */
export function sparkline(
  losses: readonly (number | undefined)[],
  maximum: number,
  ascii = false,
): string {
  const blocks = ascii ? ASCII_BLOCKS : BLOCKS;
  return losses
    .map((loss) => {
      if (loss === undefined) return " ";
      const height = Math.sqrt(Math.min(1, Math.max(0, loss / maximum)));
      return blocks[Math.round(height * (blocks.length - 1))] ?? " ";
    })
    .join("");
}

/** A loss with its confidence interval, and with its ratio where that is another than the title's. */
function formatLoss(point: SensitivityPoint | undefined, titled: number, ascii: boolean): string {
  if (!point) return "";
  const [low, high] = (point.interval ?? []).map((bound) => (bound * 100).toFixed(1));
  const interval = low === undefined ? "" : ` (${low}${ascii ? " to " : " … "}${high})`;
  const place = point.ratio === titled ? "" : ` at ${formatPercent(point.ratio)}`;
  return `${formatPercent(point.loss, 1)}${interval}${place}`;
}

/**
 * A table of the groups for the terminal, most worth cutting first: width, share of MACs and, if
 * known, of latency, the loss at the middle ratio as a number, with its interval, and at every ratio
 * as a sparkline that is full at a loss of all, or of the largest.
 */
export function sensitivityTable(
  report: SensitivityReport,
  shares: ReadonlyMap<string, GroupShare>,
  { ascii = false }: SensitivityTableOptions = {},
): string {
  const ratios = listRatios(report);
  const titled = middleRatio(report);
  const losses = report.curves.flatMap(({ points }) => points.map(({ loss }) => loss));
  const maximum = Math.min(1, Math.max(NOISE, ...losses));
  const byLatency = report.curves.some(({ group }) => shares.get(group)?.latency !== undefined);
  const [first = 0, last = 0] = [ratios[0], ratios.at(-1)];
  const range = `${formatPercent(first)}${ascii ? " to " : " … "}${formatPercent(last)} removed`;
  const columns: readonly Column[] = [
    { title: "group" },
    { title: "width", align: "right" },
    { title: "MACs", align: "right" },
    ...(byLatency ? [{ title: "latency", align: "right" } as const] : []),
    { title: `loss at ${formatPercent(titled)}`, align: "right" },
    { title: range },
  ];
  const rows = rankCurves(report, shares).map(({ curve, share, middle }) => [
    curve.group,
    String(curve.width),
    formatPercent(share.macs, 1),
    ...(byLatency ? [share.latency === undefined ? "" : formatPercent(share.latency, 1)] : []),
    formatLoss(middle, titled, ascii),
    sparkline(
      ratios.map((ratio) => curve.points.find((point) => point.ratio === ratio)?.loss),
      maximum,
      ascii,
    ),
  ]);
  const table = formatTable(columns, rows);
  return ascii ? table.replaceAll("─", "-") : table;
}

/** Whether a terminal shows more than ASCII, by the usual variables of its environment. */
export function showsUnicode(
  environment: Readonly<Record<string, string | undefined>>,
  platform: string,
): boolean {
  const locale = environment["LC_ALL"] || environment["LC_CTYPE"] || environment["LANG"] || "";
  if (platform !== "win32") return /utf-?8/i.test(locale);
  return environment["WT_SESSION"] !== undefined || environment["TERM_PROGRAM"] === "vscode";
}
