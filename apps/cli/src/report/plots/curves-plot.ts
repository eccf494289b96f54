import type { SensitivityPoint, SensitivityReport } from "@ocrslim/sensitivity";
import { formatPercent } from "../../output/numbers.ts";
import { type GroupShare, type RankedCurve, rankCurves } from "../../output/sensitivity-table.ts";
import { colours, fontFamily, shorten } from "./palette.ts";
import { type Plot, textAt } from "./render-svg.ts";

const WIDTH = 1040;
const COLUMNS = 5;
/** One small chart: its cell, and the room around the plotting area in it. */
const CELL = { width: WIDTH / COLUMNS, height: 150 } as const;
const INSET = { left: 38, right: 12, top: 34, bottom: 26 } as const;
const HEAD = 34;

/** Scales end here at the latest: nobody cuts where a fifth is lost. */
const HIGHEST = 0.2;

/** Where the scale ends: the largest loss, rounded up to 1, 2, 5, 10 or 20 %. */
function topOf(report: SensitivityReport): number {
  const largest = Math.max(
    0,
    ...report.curves.flatMap(({ points }) => points.map(({ loss }) => loss)),
  );
  return [0.01, 0.02, 0.05, 0.1].find((top) => largest <= top) ?? HIGHEST;
}

/**
 * The loss of each group over the ratio removed, as small charts of one scale, most worth cutting
 * first; with bands where confidence intervals are known.
 */
export function curvesPlot(
  report: SensitivityReport,
  shares: ReadonlyMap<string, GroupShare>,
): Plot {
  const ranked = rankCurves(report, shares);
  const top = topOf(report);
  const rows = Math.max(1, Math.ceil(ranked.length / COLUMNS));
  const cells = ranked.map((_, index) => ({
    left: (index % COLUMNS) * CELL.width,
    top: HEAD + Math.floor(index / COLUMNS) * CELL.height,
  }));
  const metric = report.metric ?? "the metric";
  const text = { fontFamily, color: colours.soft };
  return {
    id: "curves",
    title: `Loss of ${metric} by group and ratio removed`,
    description: `${ranked.length} small charts of one scale, up to ${formatPercent(top)}: how much is lost when each channel group is cut alone; curves that lose more leave at the top. The groups most worth cutting come first.`,
    width: WIDTH,
    height: HEAD + rows * CELL.height,
    option: {
      textStyle: text,
      graphic: [
        textAt(
          8,
          4,
          `Loss of ${metric} (0 to ${formatPercent(top)}) over the part of the channels removed (0 to 100 %)`,
          { font: `13px ${fontFamily}`, fill: colours.soft },
        ),
        ...ranked.map(({ curve }, index) =>
          textAt(
            (cells[index]?.left ?? 0) + INSET.left,
            (cells[index]?.top ?? 0) + 10,
            `${shorten(curve.group, 18)} · ${curve.width}`,
            { font: `600 12px ${fontFamily}`, fill: colours.ink },
          ),
        ),
      ],
      grid: cells.map((cell) => ({
        left: cell.left + INSET.left,
        top: cell.top + INSET.top,
        width: CELL.width - INSET.left - INSET.right,
        height: CELL.height - INSET.top - INSET.bottom,
      })),
      xAxis: cells.map((_, gridIndex) => ({
        gridIndex,
        type: "value",
        min: 0,
        max: 1,
        interval: 0.5,
        axisLine: { lineStyle: { color: colours.quiet } },
        axisTick: { show: false },
        splitLine: { show: false },
        axisLabel: { ...text, fontSize: 10, formatter: (value: number) => formatPercent(value) },
      })),
      yAxis: cells.map((_, gridIndex) => ({
        gridIndex,
        type: "value",
        min: 0,
        max: top,
        interval: top / 2,
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: colours.rule } },
        axisLabel: {
          ...text,
          fontSize: 10,
          formatter: (value: number) => formatPercent(value, top <= 0.05 ? 1 : 0),
        },
      })),
      series: ranked.flatMap((entry, index) => seriesOf(entry, index)),
    },
  };
}

/** The curve of one group, and its band if there is one. */
function seriesOf(
  { curve }: RankedCurve,
  index: number,
): readonly Readonly<Record<string, unknown>>[] {
  const inside = (loss: number): number => Math.max(0, loss);
  const place = { type: "line", xAxisIndex: index, yAxisIndex: index } as const;
  const low = ({ loss, interval }: SensitivityPoint): number => inside(interval?.[0] ?? loss);
  const high = ({ loss, interval }: SensitivityPoint): number => inside(interval?.[1] ?? loss);
  const hidden = { ...place, symbol: "none", stack: `band ${index}`, lineStyle: { opacity: 0 } };
  const band = curve.points.some(({ interval }) => interval)
    ? [
        { ...hidden, data: [[0, 0], ...curve.points.map((point) => [point.ratio, low(point)])] },
        {
          ...hidden,
          areaStyle: { color: colours.curve, opacity: 0.22 },
          data: [[0, 0], ...curve.points.map((point) => [point.ratio, high(point) - low(point)])],
        },
      ]
    : [];
  return [
    ...band,
    {
      ...place,
      symbol: "circle",
      symbolSize: 4,
      itemStyle: { color: colours.curve },
      lineStyle: { color: colours.curve, width: 1.8 },
      data: [[0, 0], ...curve.points.map(({ ratio, loss }) => [ratio, inside(loss)])],
    },
  ];
}
