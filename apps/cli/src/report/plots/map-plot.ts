import type { SensitivityReport } from "@ocrslim/sensitivity";
import { formatPercent } from "../../output/numbers.ts";
import {
  type GroupShare,
  hasLatency,
  type RankedCurve,
  rankCurves,
} from "../../output/sensitivity-table.ts";
import { roundStep } from "../charts.ts";
import { colours, fontFamily, shorten, symbols } from "./palette.ts";
import { type PlacedLabel, placeLabels } from "./place-labels.ts";
import { type Plot, textAt } from "./render-svg.ts";

/** What the whole model costs, to say what is saved in its units. */
export interface ModelTotals {
  readonly latencyMs?: number;
}

const SIZE = { width: 1040, height: 560 } as const;
const AREA = { left: 74, top: 44, width: 930, height: 448 } as const;
const LABEL_SIZE = 12;
const LABEL_GAP = 7;

/** Losses are drawn from a tenth of a per cent up, below is noise; the scale is logarithmic. */
const LEAST = 0.001;
const MOST = 1;

/** What the x axis measures. */
interface Saving {
  readonly title: string;
  /** By cutting all of a group. */
  readonly whole: (share: GroupShare) => number;
  readonly format: (value: number) => string;
}

function savingOf(
  report: SensitivityReport,
  shares: ReadonlyMap<string, GroupShare>,
  { latencyMs }: ModelTotals,
): Saving {
  if (!hasLatency(report, shares)) {
    return {
      title: "MACs saved, of the model's",
      whole: ({ macs }) => macs,
      format: (value) => formatPercent(value, value < 0.1 ? 1 : 0),
    };
  }
  if (latencyMs === undefined) {
    return {
      title: "latency saved, of the model's",
      whole: ({ latency = 0 }) => latency,
      format: (value) => formatPercent(value, value < 0.1 ? 1 : 0),
    };
  }
  return {
    title: "milliseconds saved",
    whole: ({ latency = 0 }) => latency * latencyMs,
    format: (value) => String(Number(value.toPrecision(3))),
  };
}

/**
 * Loss against what is saved: each group's way from small cuts to large ones. What lies low and far
 * to the right is where to cut; the best groups have colours, and labels where there is room.
 */
export function mapPlot(
  report: SensitivityReport,
  shares: ReadonlyMap<string, GroupShare>,
  totals: ModelTotals = {},
): Plot {
  const saving = savingOf(report, shares, totals);
  const ranked = rankCurves(report, shares);
  const paths = ranked.map((entry) => pathOf(entry, saving));
  const right = Math.max(1e-9, ...paths.flatMap((path) => path.map(([x]) => x))) * 1.04;
  const toPixels = ([x, y]: readonly [number, number]): { x: number; y: number } => ({
    x: AREA.left + (x / right) * AREA.width,
    y: AREA.top + (Math.log(MOST / y) / Math.log(MOST / LEAST)) * AREA.height,
  });
  const labels = placeLabels(
    ranked.map((entry, index) => ({
      text: nameOf(entry),
      isImportant: index < colours.marks.length,
      places: placesOf(entry).map((at) => toPixels(paths[index]?.[at] ?? [0, MOST])),
    })),
    {
      area: AREA,
      fontSize: LABEL_SIZE,
      gap: LABEL_GAP,
      lines: paths.map((path) => path.map(toPixels)),
    },
  );
  const metric = report.metric ?? "the metric";
  const best = ranked.slice(0, colours.marks.length).map(({ curve }) => curve.group);
  const text = { fontFamily, color: colours.soft };
  return {
    id: "map",
    title: `Loss of ${metric} against ${saving.title}`,
    description: `Each line is one channel group, cut alone, from small ratios to large ones; low and far to the right is where to cut. Most worth cutting: ${best.join(", ") || "none"}.`,
    ...SIZE,
    option: {
      textStyle: text,
      graphic: [
        textAt(14, 10, `Loss of ${metric}; low and far to the right is where to cut`, {
          font: `13px ${fontFamily}`,
          fill: colours.soft,
        }),
      ],
      grid: { ...AREA },
      xAxis: {
        type: "value",
        min: 0,
        max: right,
        interval: roundStep(right, 8),
        name: saving.title,
        nameLocation: "end",
        nameTextStyle: {
          ...text,
          fontSize: 13,
          align: "right",
          verticalAlign: "top",
          padding: [30, 0, 0, 0],
        },
        axisLine: { lineStyle: { color: colours.quiet } },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: colours.rule } },
        axisLabel: {
          ...text,
          fontSize: 12,
          showMaxLabel: false,
          formatter: saving.format,
        },
      },
      yAxis: {
        type: "log",
        min: LEAST,
        max: MOST,
        splitLine: { lineStyle: { color: colours.rule } },
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: {
          ...text,
          fontSize: 12,
          formatter: (value: number) =>
            value <= LEAST ? `≤ ${formatPercent(value, 1)}` : formatPercent(value),
        },
      },
      // The best ones lie on top.
      series: ranked
        .map((entry, index) => seriesOf(entry, index, paths[index] ?? [], labels[index]))
        .toReversed(),
    },
  };
}

type Path = readonly (readonly [saved: number, loss: number])[];

function pathOf({ curve, share }: RankedCurve, saving: Saving): Path {
  const whole = saving.whole(share);
  return curve.points.map(({ ratio, removed, loss }) => [
    (curve.width > 0 ? removed / curve.width : ratio) * whole,
    Math.min(MOST, Math.max(LEAST, loss)),
  ]);
}

const nameOf = ({ curve }: RankedCurve): string => shorten(curve.group, 26);

/** Points that may carry the label, as indices: the last, then the middle one, then the others. */
function placesOf({ curve, middle }: RankedCurve): readonly number[] {
  const last = curve.points.length - 1;
  const center = middle ? curve.points.indexOf(middle) : last;
  return [...new Set([last, center, ...curve.points.keys()])].filter((index) => index >= 0);
}

function seriesOf(
  entry: RankedCurve,
  rank: number,
  path: Path,
  label: PlacedLabel | undefined,
): Readonly<Record<string, unknown>> {
  const colour = colours.marks[rank] ?? colours.quiet;
  const isBest = rank < colours.marks.length;
  const named = label && path[placesOf(entry)[label.place] ?? 0];
  return {
    type: "line",
    symbol: symbols[rank] ?? "circle",
    symbolSize: isBest ? 8 : 4,
    clip: false,
    lineStyle: { color: colour, width: isBest ? 2 : 1, opacity: isBest ? 1 : 0.75 },
    itemStyle: { color: colour },
    data: path.map((point) => ({
      value: [...point],
      ...(label && point === named
        ? {
            label: {
              show: true,
              position: label.side,
              distance: LABEL_GAP,
              formatter: nameOf(entry),
              fontFamily,
              fontSize: LABEL_SIZE,
              color: isBest ? colours.ink : colours.soft,
            },
          }
        : {}),
    })),
  };
}
