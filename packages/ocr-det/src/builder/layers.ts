import {
  type AttributeContent,
  float,
  type Graph,
  int,
  ints,
  string,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { constant, convDefault, type InitialWeights } from "./initial-weights.ts";

/** A value `[N, channels, H, W]` on its way through the network. */
export interface Feature {
  readonly value: Value;
  readonly channels: number;
}

/** Options of {@link Layers.conv}. */
export interface ConvInit {
  /** Output channels. */
  readonly out: number;
  /** Side of the square kernel, odd; the padding keeps the size. */
  readonly kernel: number;
  /** Default: 1. */
  readonly stride?: number;
  /** Default: 1. */
  readonly convGroups?: number;
  /** Default: Paddle's. */
  readonly weight?: InitialWeights;
  /** Default: no bias. */
  readonly bias?: InitialWeights;
}

/**
 * Adds layers with PaddleOCR's parameter names to a graph: a layer called `neck.in2_conv` reads
 * `neck.in2_conv.weight`. Nodes and their outputs are called like their layer.
 */
export interface Layers {
  conv(name: string, x: Feature, init: ConvInit): Feature;
  /** A transposed convolution, 2×2 with stride 2, which doubles the size. */
  doubling(
    name: string,
    x: Feature,
    init: { readonly out: number; readonly weight: InitialWeights; readonly bias: InitialWeights },
  ): Feature;
  /** `shift` is what the bias starts from; default 0. */
  batchNorm(name: string, x: Feature, shift?: number): Feature;
  /** Any operator that keeps the channels. */
  unary(
    name: string,
    opType: string,
    x: Feature,
    attributes?: Readonly<Record<string, AttributeContent>>,
  ): Feature;
  /** The hard sigmoid of a squeeze-and-excitation block, `gateSlope` · x + 0.5 from 0 to 1. */
  gate(name: string, x: Feature): Feature;
  /** An elementwise operator; the result has the first one's channels. */
  binary(name: string, opType: string, a: Feature, b: Feature): Feature;
  /** Repeats each row and column `factor` times. */
  upsample(name: string, x: Feature, factor: number): Feature;
  concat(name: string, parts: readonly Feature[]): Feature;
  /** Cuts the channels into `count` equal parts. */
  split(name: string, x: Feature, count: number): readonly Feature[];
  /** The mean over the channels, `[N, 1, H, W]`. */
  channelMean(name: string, x: Feature): Feature;
  scale(name: string, x: Feature, factor: number): Feature;
}

/** Paddle's defaults for batch normalisation. */
const BATCH_NORM = { epsilon: float(1e-5), momentum: float(0.9) };

/** What {@link createLayers} needs. */
export interface LayersInit {
  readonly graph: Graph;
  /** Uniform in [0, 1); parameters are drawn in the order of the calls. */
  readonly random: () => number;
  readonly gateSlope: number;
}

/** Creates the layers of one graph. */
export function createLayers({ graph, random, gateSlope }: LayersInit): Layers {
  const shared = new Map<string, Value>();

  const parameter = (name: string, dims: readonly number[], fill: InitialWeights): Value =>
    graph.addInitializer(name, Tensor.float32(dims, fill(dims, random)));

  /** A constant that is not a parameter, made once. */
  const sharedConstant = (name: string, make: () => Tensor): Value => {
    const value = shared.get(name) ?? graph.addInitializer(name, make());
    shared.set(name, value);
    return value;
  };

  const add = (
    name: string,
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeContent>> = {},
    outputs: readonly string[] = [name],
  ): readonly Value[] =>
    graph
      .createNode({ name, opType, inputs, attributes, outputs })
      .outputs.flatMap((value) => (value ? [value] : []));

  const one = (channels: number, [value]: readonly Value[]): Feature => {
    if (!value) throw new TypeError("createLayers: a node without an output");
    return { value, channels };
  };

  return {
    conv: (name, x, { out, kernel, stride = 1, convGroups = 1, weight, bias }) => {
      const pad = (kernel - 1) / 2;
      const dims = [out, x.channels / convGroups, kernel, kernel];
      const inputs = [
        x.value,
        parameter(`${name}.weight`, dims, weight ?? convDefault(x.channels)),
        ...(bias ? [parameter(`${name}.bias`, [out], bias)] : []),
      ];
      return one(
        out,
        add(name, "Conv", inputs, {
          kernel_shape: ints([kernel, kernel]),
          pads: ints([pad, pad, pad, pad]),
          strides: ints([stride, stride]),
          group: int(convGroups),
        }),
      );
    },
    doubling: (name, x, { out, weight, bias }) =>
      one(
        out,
        add(
          name,
          "ConvTranspose",
          [
            x.value,
            parameter(`${name}.weight`, [x.channels, out, 2, 2], weight),
            parameter(`${name}.bias`, [out], bias),
          ],
          { kernel_shape: ints([2, 2]), strides: ints([2, 2]) },
        ),
      ),
    batchNorm: (name, x, shift = 0) => {
      const vector = (part: string, start: number): Value =>
        parameter(`${name}.${part}`, [x.channels], constant(start));
      const inputs = [
        x.value,
        vector("weight", 1),
        vector("bias", shift),
        vector("_mean", 0),
        vector("_variance", 1),
      ];
      return one(x.channels, add(name, "BatchNormalization", inputs, BATCH_NORM));
    },
    unary: (name, opType, x, attributes) =>
      one(x.channels, add(name, opType, [x.value], attributes)),
    gate: (name, x) => {
      const attributes = { alpha: float(gateSlope), beta: float(0.5) };
      return one(x.channels, add(name, "HardSigmoid", [x.value], attributes));
    },
    binary: (name, opType, a, b) => one(a.channels, add(name, opType, [a.value, b.value])),
    upsample: (name, x, factor) => {
      const scales = sharedConstant(`upsample_scales_${factor}`, () =>
        Tensor.float32([4], [1, 1, factor, factor]),
      );
      return one(
        x.channels,
        add(name, "Resize", [x.value, undefined, scales], {
          mode: string("nearest"),
          coordinate_transformation_mode: string("asymmetric"),
          nearest_mode: string("floor"),
        }),
      );
    },
    concat: (name, parts) =>
      one(
        parts.reduce((sum, part) => sum + part.channels, 0),
        add(
          name,
          "Concat",
          parts.map(({ value }) => value),
          { axis: int(1) },
        ),
      ),
    split: (name, x, count) => {
      const names = Array.from({ length: count }, (_, index) => `${name}.${index}`);
      const attributes = { axis: int(1), num_outputs: int(count) };
      return add(name, "Split", [x.value], attributes, names).map((value) => ({
        value,
        channels: x.channels / count,
      }));
    },
    channelMean: (name, x) => {
      const axes = sharedConstant("channel_axis", () => Tensor.int64([1]));
      return one(1, add(name, "ReduceMean", [x.value, axes], { keepdims: int(1) }));
    },
    scale: (name, x, factor) => {
      const value = sharedConstant(`factor_${factor}`, () => Tensor.float32([], [factor]));
      return one(x.channels, add(name, "Mul", [x.value, value]));
    },
  };
}
