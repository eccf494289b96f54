import { constantTensor, type Node, Tensor } from "@ocrslim/graph";
import type { RuntimeTensor } from "@ocrslim/runtime";
import { readBias, replaceConstant, writeBias } from "./layer-weights.ts";
import type { LinearLayer } from "./linear-layer.ts";
import type { ReconstructedLayer } from "./reconstructed-layer.ts";
import type { Rows } from "./rows.ts";

/** A change of a layer's outputs, channel by channel: y ← gain · y + shift. */
export interface ChannelFit {
  readonly report: ReconstructedLayer;
  /** Absent if nothing was changed. */
  readonly change?: { readonly gain: Float64Array; readonly shift: Float64Array };
}

/** Gains are kept between these. */
const LEAST_GAIN = 0.5;
const MOST_GAIN = 2;

/**
 * Fits a gain and a bias for each output channel, from the outputs with the old weights to the
 * targets, and multiplies them into weight and bias. The gain is pulled towards 1 by `damping`, more
 * so with few rows, and kept within 0.5 and 2.
 */
export function fitPerChannel(
  node: Node,
  layer: LinearLayer,
  pairs: readonly { readonly output: Rows; readonly target: Rows }[],
  damping: number,
): ChannelFit {
  const weight = node.inputs[1] && constantTensor(node.inputs[1]);
  const channels = pairs[0]?.output.width ?? 0;
  const old = readBias(node, channels);
  if (weight?.dtype !== "float32" || !old)
    return declined(layer, "its weight or bias is no float32 constant");
  const sums = pairs.reduce(addPair, createSums(channels));
  if (sums.count === 0) return declined(layer, "there are no rows");
  const gain = new Float64Array(channels);
  const shift = new Float64Array(channels);
  // A gain and a bias are two numbers; with few rows the gain is not trusted.
  const pullShare = Math.max(damping, 2 / sums.count);
  let before = 0;
  let after = 0;
  let variance = 0;
  for (let channel = 0; channel < channels; channel++) {
    const meanX = (sums.x[channel] as number) / sums.count;
    const meanY = (sums.y[channel] as number) / sums.count;
    const xx = Math.max((sums.xx[channel] as number) / sums.count - meanX ** 2, 0);
    const xy = (sums.xy[channel] as number) / sums.count - meanX * meanY;
    const yy = Math.max((sums.yy[channel] as number) / sums.count - meanY ** 2, 0);
    const pull = pullShare * xx + 1e-12;
    const scale = Math.min(Math.max((xy + pull) / (xx + pull), LEAST_GAIN), MOST_GAIN);
    gain[channel] = scale;
    shift[channel] = meanY - scale * meanX;
    variance += yy;
    before += xx + yy - 2 * xy + (meanX - meanY) ** 2;
    after += scale ** 2 * xx + yy - 2 * scale * xy;
  }
  if (![...gain, ...shift].every(Number.isFinite))
    return declined(layer, "its outputs or targets are not finite");
  const channelOf = channelIndex(node, weight.dims);
  const values = weight
    .float32Values()
    .map((value, index) => value * (gain[channelOf(index)] ?? 1));
  replaceConstant(node, 1, Tensor.float32(weight.dims, values), `${layer.key}_weight`);
  writeBias(
    node,
    old.map((value, channel) => value * (gain[channel] as number) + (shift[channel] as number)),
  );
  return {
    report: {
      layer: layer.key,
      method: "per-channel",
      errorBefore: variance > 0 ? Math.max(before, 0) / variance : 0,
      errorAfter: variance > 0 ? Math.max(after, 0) / variance : 0,
      rows: sums.count,
      damping: pullShare,
    },
    change: { gain, shift },
  };
}

/** Outputs [1, C, …] as they would be after a change. */
export function changeOutputs(
  output: RuntimeTensor,
  { gain, shift }: { readonly gain: Float64Array; readonly shift: Float64Array },
): RuntimeTensor {
  const from = output.data as Float32Array;
  const data = new Float32Array(from.length);
  const plane = from.length / gain.length;
  gain.forEach((scale, channel) => {
    const offset = shift[channel] as number;
    for (let index = channel * plane; index < (channel + 1) * plane; index++)
      data[index] = scale * (from[index] as number) + offset;
  });
  return { ...output, data };
}

const declined = (layer: LinearLayer, reason: string): ChannelFit => ({
  report: { layer: layer.key, method: "declined", reason },
});

/** Which output channel an element of a convolution's weight belongs to. */
function channelIndex(node: Node, dims: readonly number[]): (index: number) => number {
  const [first = 1, second = 1, ...kernel] = dims;
  const taps = kernel.reduce((product, dim) => product * dim, 1);
  if (node.opType !== "ConvTranspose") return (index) => Math.floor(index / (second * taps));
  // [in, out / group, …]: the inputs of a group give the outputs of that group.
  const inputs = first / node.int("group", 1);
  return (index) => {
    const input = Math.floor(index / (second * taps));
    return Math.floor(input / inputs) * second + (Math.floor(index / taps) % second);
  };
}

interface ChannelSums {
  count: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly xx: Float64Array;
  readonly xy: Float64Array;
  readonly yy: Float64Array;
}

function createSums(channels: number): ChannelSums {
  const make = (): Float64Array => new Float64Array(channels);
  return { count: 0, x: make(), y: make(), xx: make(), xy: make(), yy: make() };
}

function addPair(
  sums: ChannelSums,
  { output, target }: { readonly output: Rows; readonly target: Rows },
): ChannelSums {
  const { count } = output;
  for (let channel = 0; channel < output.width; channel++) {
    let [x, y, xx, xy, yy] = [0, 0, 0, 0, 0];
    for (let at = channel * count; at < (channel + 1) * count; at++) {
      const a = output.data[at] as number;
      const b = target.data[at] as number;
      x += a;
      y += b;
      xx += a * a;
      xy += a * b;
      yy += b * b;
    }
    sums.x[channel] = (sums.x[channel] as number) + x;
    sums.y[channel] = (sums.y[channel] as number) + y;
    sums.xx[channel] = (sums.xx[channel] as number) + xx;
    sums.xy[channel] = (sums.xy[channel] as number) + xy;
    sums.yy[channel] = (sums.yy[channel] as number) + yy;
  }
  sums.count += count;
  return sums;
}
