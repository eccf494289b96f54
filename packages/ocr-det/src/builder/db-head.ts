import { kaimingUniform, uniform } from "./initial-weights.ts";
import type { Feature, Layers } from "./layers.ts";

/** What the biases of the head's batch normalisations start from. */
const SHIFT = 1e-4;

/**
 * Adds one branch of the head; returns its map, `[N, 1, H, W]`, at the input's size. `output` names
 * the map.
 */
export function mapBranch(
  layers: Layers,
  name: string,
  input: Feature,
  { output, firstKernel }: { readonly output: string; readonly firstKernel: number },
): Feature {
  const out = Math.floor(input.channels / 4);
  const bias = uniform(1 / Math.sqrt(out));
  const weight = kaimingUniform;
  let x = layers.conv(`${name}.conv1`, input, { out, kernel: firstKernel });
  x = layers.batchNorm(`${name}.conv_bn1`, x, SHIFT);
  x = layers.unary(`${name}.relu1`, "Relu", x);
  x = layers.doubling(`${name}.conv2`, x, { out, weight, bias });
  x = layers.batchNorm(`${name}.conv_bn2`, x, SHIFT);
  x = layers.unary(`${name}.relu2`, "Relu", x);
  x = layers.doubling(`${name}.conv3`, x, { out: 1, weight, bias });
  return layers.unary(output, "Sigmoid", x);
}

/** The approximate binary map, 1 / (1 + exp(−k (P − T))): equation 2 of arXiv:1911.08947. */
export function binaryMap(
  layers: Layers,
  output: string,
  shrink: Feature,
  threshold: Feature,
  k: number,
): Feature {
  const above = layers.binary("head.step.sub", "Sub", shrink, threshold);
  return layers.unary(output, "Sigmoid", layers.scale("head.step.scale", above, k));
}
