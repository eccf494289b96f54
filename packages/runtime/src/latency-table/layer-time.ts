import type { LatencyTable, LayerTime, LayerTimes } from "./latency-table.ts";

/** Part of a layer's smallest measured time that it keeps however narrow it gets. */
const LEAST_SHARE = 0.5;

const indices = new WeakMap<LatencyTable, ReadonlyMap<string, LayerTimes>>();

function timesOf(table: LatencyTable, signature: string): LayerTimes | undefined {
  let index = indices.get(table);
  if (!index) {
    index = new Map(table.layers.map((layer) => [layer.signature, layer]));
    indices.set(table, index);
  }
  return index.get(signature);
}

/**
 * Milliseconds of a layer at other widths: bilinear between the measured ones, whole blocks of
 * `channelMultiple` channels at a time, so that 33 channels cost as much as 40 where a block has 8.
 * Beyond the measured widths the nearest two lead on, downwards to no less than half of the smallest
 * time. `undefined` if the table has no such signature.
 */
export const layerTime: LayerTime = (table, layer, inputChannels, outputChannels) => {
  const entry = timesOf(table, layer.signature);
  if (!entry) return undefined;
  const { inputs, outputs, times } = entry;
  const along = position(inputs, inputChannels, table.channelMultiple);
  const across =
    outputs.length > 0 ? position(outputs, outputChannels, table.channelMultiple) : ONLY;
  const at = (row: number, column: number): number => times[row]?.[column] ?? 0;
  const inRow = (row: number): number =>
    mix(at(row, across.low), at(row, across.high), across.weight);
  const ms = mix(inRow(along.low), inRow(along.high), along.weight) * along.factor * across.factor;
  const least = Math.min(...times.map((row) => Math.min(...row)));
  return Math.max(ms, least * LEAST_SHARE);
};

interface Position {
  readonly low: number;
  readonly high: number;
  /** Of `high`; below 0 and above 1 outside of the grid. */
  readonly weight: number;
  /** Where there is but one width: how many times it the width asked for is. */
  readonly factor: number;
}

const ONLY: Position = { low: 0, high: 0, weight: 0, factor: 1 };

function position(grid: readonly number[], channels: number, multiple: number): Position {
  const exact = grid.indexOf(channels);
  if (exact >= 0) return { ...ONLY, low: exact, high: exact };
  const width = wholeBlocks(grid, channels, multiple);
  const only = grid[0] ?? width;
  if (grid.length < 2) return { ...ONLY, factor: width / only };
  const above = grid.findIndex((size) => size >= width);
  const high = above < 0 ? grid.length - 1 : Math.max(1, above);
  const from = grid[high - 1] ?? 0;
  const to = grid[high] ?? 1;
  return { low: high - 1, high, weight: (width - from) / (to - from), factor: 1 };
}

/** The next multiple; but not beyond the full width, whose last block need not be whole. */
function wholeBlocks(grid: readonly number[], channels: number, multiple: number): number {
  const width = Math.ceil(channels / multiple) * multiple;
  const full = grid.at(-1) ?? width;
  return channels <= full ? Math.min(width, full) : width;
}

const mix = (a: number, b: number, weight: number): number => a + (b - a) * weight;
