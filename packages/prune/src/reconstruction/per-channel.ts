import { constantTensor, type Node, Tensor } from "@ocrslim/graph";
import { replaceConstant } from "./layer-weights.ts";
import type { LinearLayer } from "./linear-layer.ts";
import type { ReconstructedLayer } from "./reconstructed-layer.ts";
import type { Rows } from "./sample-rows.ts";
import type { LinearFunction } from "./solve-layer.ts";

interface ChannelSums {
  count: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly xx: Float64Array;
  readonly xy: Float64Array;
  readonly yy: Float64Array;
}

/**
 * Fits a gain and a bias for each output channel of a grouped convolution, from its outputs with the
 * old weights to the targets, and multiplies them into weight and bias. The gain is pulled towards 1
 * by `damping`, and kept within 0.5 and 2.
 */
export function fitPerChannel(
  node: Node,
  layer: LinearLayer,
  old: LinearFunction,
  pairs: readonly { readonly output: Rows; readonly target: Rows }[],
  damping: number,
): ReconstructedLayer {
  const weightValue = node.inputs[1];
  const weight = weightValue && constantTensor(weightValue);
  if (!weight) return { layer: layer.key, method: "declined", reason: "its weight is computed" };
  const channels = weight.dims[0] ?? 0;
  const sums = sumChannels(channels, pairs);
  const gain = new Float64Array(channels);
  const bias = new Float32Array(channels);
  let before = 0;
  let after = 0;
  let variance = 0;
  for (let channel = 0; channel < channels; channel++) {
    const meanX = (sums.x[channel] as number) / sums.count;
    const meanY = (sums.y[channel] as number) / sums.count;
    const xx = (sums.xx[channel] as number) / sums.count - meanX ** 2;
    const xy = (sums.xy[channel] as number) / sums.count - meanX * meanY;
    const yy = Math.max((sums.yy[channel] as number) / sums.count - meanY ** 2, 0);
    const pull = damping * xx + 1e-12;
    const scale = Math.min(Math.max((xy + pull) / (xx + pull), 0.5), 2);
    gain[channel] = scale;
    bias[channel] = meanY + scale * ((old.bias[channel] ?? 0) - meanX);
    variance += yy;
    before += xx + yy - 2 * xy + (meanX - meanY) ** 2;
    after += scale ** 2 * xx + yy - 2 * scale * xy;
  }
  const perChannel = weight.size / channels;
  const values = weight
    .float32Values()
    .map((value, index) => value * (gain[Math.floor(index / perChannel)] as number));
  replaceConstant(node, 1, Tensor.float32(weight.dims, values), `${layer.key}_weight`);
  replaceConstant(node, 2, Tensor.float32([channels], bias), `${layer.key}_bias`);
  return {
    layer: layer.key,
    method: "per-channel",
    errorBefore: variance > 0 ? before / variance : 0,
    errorAfter: variance > 0 ? Math.max(after, 0) / variance : 0,
    rows: sums.count,
    damping,
  };
}

function sumChannels(
  channels: number,
  pairs: readonly { readonly output: Rows; readonly target: Rows }[],
): ChannelSums {
  const make = (): Float64Array => new Float64Array(channels);
  const sums: ChannelSums = { count: 0, x: make(), y: make(), xx: make(), xy: make(), yy: make() };
  const add = (to: Float64Array, channel: number, amount: number): void => {
    to[channel] = (to[channel] as number) + amount;
  };
  for (const { output, target } of pairs) {
    for (let row = 0; row < output.count; row++) {
      for (let channel = 0; channel < channels; channel++) {
        const x = output.data[row * channels + channel] as number;
        const y = target.data[row * channels + channel] as number;
        add(sums.x, channel, x);
        add(sums.y, channel, y);
        add(sums.xx, channel, x * x);
        add(sums.xy, channel, x * y);
        add(sums.yy, channel, y * y);
      }
    }
    sums.count += output.count;
  }
  return sums;
}
