import type { MobileNetV3Config } from "./config.ts";
import type { ConvInit, Feature, Layers } from "./layers.ts";
import { squeezeExcite } from "./squeeze-excite.ts";

type Activation = "Relu" | "HardSwish";

/** One inverted residual block, at scale 1. */
interface Block {
  readonly kernel: number;
  readonly expanded: number;
  readonly out: number;
  readonly se: boolean;
  readonly activation: Activation;
  readonly stride: number;
}

const block = (
  kernel: number,
  expanded: number,
  out: number,
  se: boolean,
  activation: Activation,
  stride: number,
): Block => ({ kernel, expanded, out, se, activation, stride });

/** Tables 1 and 2 of arXiv:1905.02244. */
const BLOCKS: Readonly<Record<MobileNetV3Config["modelName"], readonly Block[]>> = {
  large: [
    block(3, 16, 16, false, "Relu", 1),
    block(3, 64, 24, false, "Relu", 2),
    block(3, 72, 24, false, "Relu", 1),
    block(5, 72, 40, true, "Relu", 2),
    block(5, 120, 40, true, "Relu", 1),
    block(5, 120, 40, true, "Relu", 1),
    block(3, 240, 80, false, "HardSwish", 2),
    block(3, 200, 80, false, "HardSwish", 1),
    block(3, 184, 80, false, "HardSwish", 1),
    block(3, 184, 80, false, "HardSwish", 1),
    block(3, 480, 112, true, "HardSwish", 1),
    block(3, 672, 112, true, "HardSwish", 1),
    block(5, 672, 160, true, "HardSwish", 2),
    block(5, 960, 160, true, "HardSwish", 1),
    block(5, 960, 160, true, "HardSwish", 1),
  ],
  small: [
    block(3, 16, 16, true, "Relu", 2),
    block(3, 72, 24, false, "Relu", 2),
    block(3, 88, 24, false, "Relu", 1),
    block(5, 96, 40, true, "HardSwish", 2),
    block(5, 240, 40, true, "HardSwish", 1),
    block(5, 240, 40, true, "HardSwish", 1),
    block(5, 120, 48, true, "HardSwish", 1),
    block(5, 144, 48, true, "HardSwish", 1),
    block(5, 288, 96, true, "HardSwish", 2),
    block(5, 576, 96, true, "HardSwish", 1),
    block(5, 576, 96, true, "HardSwish", 1),
  ],
};
const LAST_WIDTH = { large: 960, small: 576 };

/** Adds the backbone; returns its features at 1/4, 1/8, 1/16 and 1/32 of the input's size. */
export function mobileNetV3(
  layers: Layers,
  image: Feature,
  { modelName, scale, disableSe = false }: MobileNetV3Config,
): readonly Feature[] {
  const width = (channels: number): number => makeDivisible(channels * scale);
  const stages: Feature[] = [];
  let x = convBn(
    layers,
    "backbone.conv",
    image,
    { out: width(16), kernel: 3, stride: 2 },
    "HardSwish",
  );
  let position = 0;
  // A stage ends before a block that halves the size; the first such blocks belong to stage 0.
  const firstCut = modelName === "large" ? 2 : 0;
  BLOCKS[modelName].forEach((settings, index) => {
    if (settings.stride === 2 && index > firstCut) {
      stages.push(x);
      position = 0;
    }
    const name = `backbone.stage${stages.length}.${position++}`;
    const { kernel, stride, activation } = settings;
    x = invertedResidual(layers, name, x, {
      kernel,
      stride,
      activation,
      expanded: width(settings.expanded),
      out: width(settings.out),
      se: settings.se && !disableSe,
    });
  });
  const last = { out: width(LAST_WIDTH[modelName]), kernel: 1 };
  return [
    ...stages,
    convBn(layers, `backbone.stage${stages.length}.${position}`, x, last, "HardSwish"),
  ];
}

function invertedResidual(
  layers: Layers,
  name: string,
  input: Feature,
  { kernel, stride, activation, expanded, out, se }: Block,
): Feature {
  const wide = { out: expanded, kernel: 1 };
  const depthwise = { out: expanded, kernel, stride, convGroups: expanded };
  let x = convBn(layers, `${name}.expand_conv`, input, wide, activation);
  x = convBn(layers, `${name}.bottleneck_conv`, x, depthwise, activation);
  if (se) x = squeezeExcite(layers, `${name}.mid_se`, x);
  x = convBn(layers, `${name}.linear_conv`, x, { out, kernel: 1 });
  const hasShortcut = stride === 1 && input.channels === out;
  return hasShortcut ? layers.binary(`${name}.add`, "Add", input, x) : x;
}

function convBn(
  layers: Layers,
  name: string,
  input: Feature,
  init: ConvInit,
  activation?: Activation,
): Feature {
  const x = layers.batchNorm(`${name}.bn`, layers.conv(`${name}.conv`, input, init));
  return activation ? layers.unary(`${name}.act`, activation, x) : x;
}

/** Rounds to a multiple of 8, at least 8, and not below 90 % of the width asked for. */
function makeDivisible(channels: number): number {
  const rounded = Math.max(8, Math.floor(Math.floor(channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}
