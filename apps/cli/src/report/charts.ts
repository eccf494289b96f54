import type { LossCurve } from "@ocrslim/graph";
import { formatPercent } from "../output/numbers.ts";
import { escapeHtml } from "./html.ts";

/** Two decimals are finer than a pixel. */
function at(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** A tick at a round step that gives at most `count` of them up to `maximum`. */
export function roundStep(maximum: number, count: number): number {
  const rough = maximum / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * size >= rough) ?? 10;
  return step * size;
}

/** A small line chart of one group: loss over the ratio removed. */
export function curveChart(curve: LossCurve, maximumLoss: number, removed: number): string {
  const [width, height, left, bottom, top] = [168, 92, 4, 14, 6];
  const x = (ratio: number): number => left + ratio * (width - left - 4);
  const y = (loss: number): number =>
    top + (1 - Math.min(1, Math.max(0, loss / maximumLoss))) * (height - top - bottom);
  const points = [{ ratio: 0, loss: 0 }, ...curve.points];
  const path = points.map((point) => `${at(x(point.ratio))},${at(y(point.loss))}`).join(" ");
  const area = `${at(x(0))},${at(y(0))} ${path} ${at(x(points.at(-1)?.ratio ?? 0))},${at(y(0))}`;
  const dots = curve.points
    .map(
      (point) =>
        `<circle cx="${at(x(point.ratio))}" cy="${at(y(point.loss))}" r="2.2"><title>${formatPercent(point.ratio, 1)} removed: loss ${formatPercent(point.loss, 2)}</title></circle>`,
    )
    .join("");
  const cut =
    removed > 0
      ? `<line class="cut" x1="${at(x(removed))}" x2="${at(x(removed))}" y1="${top}" y2="${height - bottom}"><title>${formatPercent(removed)} removed by the plan</title></line>`
      : "";
  const label = escapeHtml(curve.group);
  return `<figure class="curve"><figcaption title="${label}"><span>${label}</span><b>${curve.width}</b></figcaption><svg viewBox="0 0 ${width} ${height}" font-size="9" role="img" aria-label="Loss of ${label}"><line class="axis" x1="${left}" x2="${width - 4}" y1="${height - bottom}" y2="${height - bottom}"/><polygon class="area" fill="#0b6e6e" fill-opacity="0.13" points="${area}"/><polyline class="line" fill="none" stroke="#0b6e6e" points="${path}"/>${cut}${dots}<text x="${left}" y="${height - 3}">0</text><text x="${width - 4}" y="${height - 3}" text-anchor="end">100 % removed</text></svg></figure>`;
}

/** One bar of {@link widthChart}. */
export interface WidthBar {
  readonly label: string;
  readonly width: number;
  readonly kept: number;
}

/** Horizontal bars: what stays of each group, what went. */
export function widthChart(bars: readonly WidthBar[]): string {
  const widest = Math.max(1, ...bars.map((bar) => bar.width));
  const rows = bars.map((bar) => {
    const kept = (bar.kept / widest) * 100;
    const gone = ((bar.width - bar.kept) / widest) * 100;
    const label = escapeHtml(bar.label);
    const numbers =
      bar.kept === bar.width ? `${bar.width}` : `${bar.width} → <strong>${bar.kept}</strong>`;
    return `<div class="bar"><span class="name" title="${label}">${label}</span><span class="track"><i class="kept" style="width:${at(kept)}%"></i><i class="gone" style="width:${at(gone)}%"></i></span><span class="value">${numbers}</span></div>`;
  });
  return `<div class="bars">${rows.join("")}</div>`;
}

/** One row of {@link stackChart}. */
export interface StackRow {
  readonly label: string;
  readonly parts: readonly { readonly name: string; readonly value: number }[];
}

const palette = 8;

/** Horizontal stacked bars with one legend; parts of the same name have the same colour. */
export function stackChart(rows: readonly StackRow[], unit: string): string {
  const names = [...new Set(rows.flatMap((row) => row.parts.map((part) => part.name)))];
  const total = (row: StackRow): number => row.parts.reduce((sum, part) => sum + part.value, 0);
  const longest = Math.max(1e-9, ...rows.map(total));
  const colour = (name: string): string => `c${names.indexOf(name) % palette}`;
  const bars = rows.map((row) => {
    const parts = row.parts
      .map((part) => {
        const share = at((part.value / longest) * 100);
        const title = `${escapeHtml(part.name)}: ${part.value.toFixed(2)} ${unit}`;
        return `<i class="${colour(part.name)}" style="width:${share}%" title="${title}"></i>`;
      })
      .join("");
    return `<div class="bar tall"><span class="name">${escapeHtml(row.label)}</span><span class="track">${parts}</span><span class="value">${total(row).toFixed(1)} ${unit}</span></div>`;
  });
  const legend = names
    .map((name) => `<span><i class="${colour(name)}"></i>${escapeHtml(name)}</span>`)
    .join("");
  return `<div class="bars stack">${bars.join("")}</div><div class="legend">${legend}</div>`;
}

/** One point of {@link tradeChart}. */
export interface TradePoint {
  readonly x: number;
  readonly y: number;
  readonly title: string;
  readonly chosen: boolean;
}

/** Accuracy over cost: one dot for each plan that was tried. */
export function tradeChart(points: readonly TradePoint[], xLabel: string, yLabel: string): string {
  const [width, height, left, right, top, bottom] = [640, 266, 52, 28, 20, 40];
  const lowX = Math.max(0, Math.min(...points.map((point) => point.x)) - 0.05);
  const highX = Math.max(1, ...points.map((point) => point.x));
  const lowest = Math.min(...points.map((point) => point.y));
  const step = roundStep(Math.max(0.01, 1 - lowest), 4);
  const lowY = Math.max(0, Math.floor(lowest / step + 1e-9) * step);
  const x = (value: number): number =>
    left + ((value - lowX) / (highX - lowX || 1)) * (width - left - right);
  const y = (value: number): number =>
    top + (1 - (value - lowY) / (1 - lowY || 1)) * (height - top - bottom);
  const grid: string[] = [];
  for (let value = lowY; value <= 1 + 1e-9; value += step) {
    grid.push(
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(y(value))}" y2="${at(y(value))}"/><text x="${left - 8}" y="${at(y(value) + 4)}" text-anchor="end">${formatPercent(value, step < 0.01 ? 1 : 0)}</text>`,
    );
  }
  const stepX = roundStep(highX - lowX, 6);
  for (let value = Math.ceil(lowX / stepX) * stepX; value <= highX + 1e-9; value += stepX) {
    grid.push(
      `<text x="${at(x(value))}" y="${height - bottom + 18}" text-anchor="middle">${formatPercent(value)}</text>`,
    );
  }
  const sorted = points.toSorted((a, b) => a.x - b.x);
  const path = sorted.map((point) => `${at(x(point.x))},${at(y(point.y))}`).join(" ");
  const dots = sorted
    .map(
      (point) =>
        `<circle class="${point.chosen ? "chosen" : "tried"}" cx="${at(x(point.x))}" cy="${at(y(point.y))}" r="${point.chosen ? 7 : 4.5}"><title>${escapeHtml(point.title)}</title></circle>`,
    )
    .join("");
  return `<svg class="trade" viewBox="0 0 ${width} ${height}" font-size="12" role="img" aria-label="${escapeHtml(yLabel)} over ${escapeHtml(xLabel)}">${grid.join("")}<polyline class="line" fill="none" stroke="#0b6e6e" points="${path}"/>${dots}<text class="label" x="${width - right}" y="${height - 4}" text-anchor="end">${escapeHtml(xLabel)}</text><text class="label" x="${left}" y="${top - 7}">${escapeHtml(yLabel)}</text></svg>`;
}
