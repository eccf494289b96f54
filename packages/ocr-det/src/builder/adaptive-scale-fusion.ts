import { constant, kaimingUniform } from "./initial-weights.ts";
import type { Feature, Layers } from "./layers.ts";

/**
 * The adaptive scale fusion of DBNet++ (arXiv:2202.10304): weighs each level of the pyramid, pixel
 * by pixel, with an attention map computed from all of them.
 */
export function adaptiveScaleFusion(
  layers: Layers,
  name: string,
  fused: Feature,
  levels: readonly Feature[],
): Feature {
  const weight = kaimingUniform;
  const spatial = `${name}.spatial_scale`;
  const out = fused.channels / 4;
  const x = layers.conv(`${name}.conv`, fused, { out, kernel: 3, bias: constant(0) });
  let map = layers.channelMean(`${name}.mean`, x);
  map = layers.conv(`${spatial}.0`, map, { out: 1, kernel: 3, weight });
  map = layers.unary(`${spatial}.1`, "Relu", map);
  map = layers.conv(`${spatial}.2`, map, { out: 1, kernel: 1, weight });
  map = layers.unary(`${spatial}.3`, "Sigmoid", map);
  let scores = layers.binary(`${name}.add`, "Add", x, map);
  const count = levels.length;
  scores = layers.conv(`${name}.channel_scale.0`, scores, { out: count, kernel: 1, weight });
  scores = layers.unary(`${name}.channel_scale.1`, "Sigmoid", scores);
  const parts = layers.split(`${name}.scores`, scores, count);
  const weighed = levels.map((level, index) => {
    const part = parts[index];
    return part ? layers.binary(`${name}.weighed.${index}`, "Mul", level, part) : level;
  });
  return layers.concat(`${name}.concat`, weighed);
}
