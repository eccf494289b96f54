import type { RuntimeTensor } from "@ocrslim/runtime";
import type { LinearLayer } from "./linear-layer.ts";
import { outputTapsOf } from "./row-sampler.ts";

/** Rows of a regression, one column each: [width, count]. */
export interface Rows {
  readonly width: number;
  readonly count: number;
  readonly data: Float32Array;
}

/** What a sampler gave. */
export function rowsOf(tensor: RuntimeTensor): Rows {
  const [width = 0, count = 0] = tensor.dims;
  return { width, count, data: tensor.data as Float32Array };
}

/** A range of the features or targets; no copy. */
export function sliceRows(rows: Rows, start: number, end: number): Rows {
  const { count } = rows;
  return { width: end - start, count, data: rows.data.subarray(start * count, end * count) };
}

/**
 * Targets in the order of a layer's weight, tap by tap and channels within, from outputs that lie
 * channel by channel; only of the channels that stay.
 */
export function targetRows(layer: LinearLayer, outputs: Rows, kept: Int32Array | undefined): Rows {
  const taps = outputTapsOf(layer);
  if (taps === 1 && !kept) return outputs;
  const channels = kept ?? Int32Array.from({ length: outputs.width / taps }, (_, index) => index);
  const { count } = outputs;
  const data = new Float32Array(channels.length * taps * count);
  let to = 0;
  for (let tap = 0; tap < taps; tap++) {
    for (const channel of channels) {
      const from = (channel * taps + tap) * count;
      data.set(outputs.data.subarray(from, from + count), to);
      to += count;
    }
  }
  return { width: channels.length * taps, count, data };
}

/** The rows of a whole value [1, channels, …] at positions of its planes. */
export function gatherRows(tensor: RuntimeTensor, positions: Int32Array): Rows {
  const values = tensor.data as Float32Array;
  const width = tensor.dims[1] ?? 1;
  const plane = values.length / width;
  const count = positions.length;
  const data = new Float32Array(width * count);
  for (let channel = 0; channel < width; channel++) {
    const from = channel * plane;
    const to = channel * count;
    for (let row = 0; row < count; row++)
      data[to + row] = values[from + (positions[row] as number)] as number;
  }
  return { width, count, data };
}
