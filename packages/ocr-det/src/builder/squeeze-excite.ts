import { constant } from "./initial-weights.ts";
import type { Feature, Layers } from "./layers.ts";

/** PaddleOCR's `SEModule`: each channel times a gate computed from the means of all (reduction 4). */
export function squeezeExcite(layers: Layers, name: string, x: Feature): Feature {
  const bias = constant(0);
  const means = layers.unary(`${name}.avg_pool`, "GlobalAveragePool", x);
  const out = Math.floor(x.channels / 4);
  const squeezed = layers.conv(`${name}.conv1`, means, { out, kernel: 1, bias });
  const active = layers.unary(`${name}.relu`, "Relu", squeezed);
  const excited = layers.conv(`${name}.conv2`, active, { out: x.channels, kernel: 1, bias });
  return layers.binary(`${name}.mul`, "Mul", x, layers.gate(`${name}.gate`, excited));
}
