import { int, ints } from "@ocrslim/graph";
import type { ResNetVdConfig } from "./config.ts";
import type { ConvInit, Feature, Layers } from "./layers.ts";

const DEPTHS: Readonly<Record<ResNetVdConfig["layers"], readonly number[]>> = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 6, 3],
};
const WIDTHS = [64, 128, 256, 512];

/** Adds the backbone; returns its features at 1/4, 1/8, 1/16 and 1/32 of the input's size. */
export function resNetVd(
  layers: Layers,
  image: Feature,
  config: ResNetVdConfig,
): readonly Feature[] {
  const unit = (name: string, input: Feature, init: ConvInit, relu = true): Feature =>
    convBn(layers, `backbone.${name}`, input, init, relu);
  let x = unit("conv1_1", image, { out: 32, kernel: 3, stride: 2 });
  x = unit("conv1_2", x, { out: 32, kernel: 3 });
  x = unit("conv1_3", x, { out: 64, kernel: 3 });
  x = layers.unary("backbone.pool2d_max", "MaxPool", x, {
    kernel_shape: ints([3, 3]),
    strides: ints([2, 2]),
    pads: ints([1, 1, 1, 1]),
  });
  const branch = config.layers >= 50 ? bottleneck : basic;
  return DEPTHS[config.layers].map((depth, stage) => {
    for (let index = 0; index < depth; index++) {
      const stride = index === 0 && stage > 0 ? 2 : 1;
      const name = `backbone.bb_${stage}_${index}`;
      const input = x;
      const sum = branch(layers, name, input, WIDTHS[stage] ?? 512, stride);
      const short = index === 0 ? projection(layers, name, input, sum.channels, stage > 0) : input;
      const added = layers.binary(`${name}.add`, "Add", short, sum);
      x = layers.unary(`${name}.relu`, "Relu", added);
    }
    return x;
  });
}

function basic(layers: Layers, name: string, input: Feature, out: number, stride: number): Feature {
  const x = convBn(layers, `${name}.conv0`, input, { out, kernel: 3, stride }, true);
  return convBn(layers, `${name}.conv1`, x, { out, kernel: 3 }, false);
}

function bottleneck(
  layers: Layers,
  name: string,
  input: Feature,
  out: number,
  stride: number,
): Feature {
  let x = convBn(layers, `${name}.conv0`, input, { out, kernel: 1 }, true);
  x = convBn(layers, `${name}.conv1`, x, { out, kernel: 3, stride }, true);
  return convBn(layers, `${name}.conv2`, x, { out: out * 4, kernel: 1 }, false);
}

/** The "vd" shortcut: it averages before it projects, where a plain one skips three of four. */
function projection(
  layers: Layers,
  block: string,
  input: Feature,
  out: number,
  halves: boolean,
): Feature {
  const name = `${block}.short`;
  const pooled = halves
    ? layers.unary(`${name}._pool2d_avg`, "AveragePool", input, {
        kernel_shape: ints([2, 2]),
        strides: ints([2, 2]),
        ceil_mode: int(1),
      })
    : input;
  return convBn(layers, name, pooled, { out, kernel: 1 }, false);
}

function convBn(
  layers: Layers,
  name: string,
  input: Feature,
  init: ConvInit,
  relu: boolean,
): Feature {
  const x = layers.batchNorm(`${name}._batch_norm`, layers.conv(`${name}._conv`, input, init));
  return relu ? layers.unary(`${name}.relu`, "Relu", x) : x;
}
