import type { Tensor } from "@ocrslim/graph";
import { axisLayout, weightValues } from "./weight-members.ts";

/** One row of weights for each channel, row-major. */
export interface Rows {
  readonly count: number;
  readonly length: number;
  readonly data: Float32Array | Float64Array;
}

/** The slices of each channel one after another; channels with fewer of them are filled with 0. */
export function gatherRows(
  tensor: Tensor,
  axis: number,
  channelOf: Int32Array,
  width: number,
): Rows {
  const values = weightValues(tensor);
  const { outer, length, inner } = axisLayout(tensor.dims, axis);
  const slots = new Int32Array(length);
  const owned = new Int32Array(width);
  let most = 0;
  channelOf.forEach((channel, index) => {
    if (channel < 0) return;
    slots[index] = owned[channel] ?? 0;
    owned[channel] = (owned[channel] ?? 0) + 1;
    most = Math.max(most, owned[channel] ?? 0);
  });
  const block = outer * inner;
  const rowLength = most * block;
  const data = new Float64Array(width * rowLength);
  for (let index = 0; index < length; index++) {
    const channel = channelOf[index] ?? -1;
    if (channel < 0) continue;
    let to = channel * rowLength + (slots[index] ?? 0) * block;
    for (let before = 0; before < outer; before++) {
      const from = (before * length + index) * inner;
      for (let offset = 0; offset < inner; offset++) data[to++] = values[from + offset] as number;
    }
  }
  return { count: width, length: rowLength, data };
}

/** For each row, the sum of its Euclidean distances to all rows. */
export function distanceSums({ count, length, data }: Rows): Float64Array {
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const first = i * length;
    for (let j = i + 1; j < count; j++) {
      const second = j * length;
      let square = 0;
      for (let at = 0; at < length; at++) {
        const difference = (data[first + at] as number) - (data[second + at] as number);
        square += difference * difference;
      }
      const distance = Math.sqrt(square);
      out[i] = (out[i] as number) + distance;
      out[j] = (out[j] as number) + distance;
    }
  }
  return out;
}
