import { cloneModel, type Model } from "@ocrslim/graph";
import type { Runtime, RuntimeTensor } from "@ocrslim/runtime";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { findLayerNode, readLayer, writeLayer } from "./layer-weights.ts";
import type { LinearLayer } from "./linear-layer.ts";
import type { Covariance } from "./moments.ts";

/** Relative size of the noise: standard deviation of its effect over that of the layer's output. */
const NOISE = 0.1;

/**
 * How much an error of a layer's output matters in the end: the distance of the model's outputs to
 * the unperturbed ones per unit of its squared error, found by adding noise to the layer's weights and running the model. Forward passes only, one model per layer.
 *
 * The distance is the mean Kullback–Leibler divergence for outputs between 0 and 1 (probability
 * maps), else the mean squared difference over the variance.
 */
export async function measureLayerImportance(
  model: Model,
  layer: LinearLayer,
  covariance: Covariance,
  options: {
    readonly runtime: Runtime;
    readonly feeds: readonly Feeds[];
    readonly references: readonly Readonly<Record<string, RuntimeTensor>>[];
    readonly random: () => number;
  },
): Promise<number> {
  const copy = cloneModel(model);
  const node = findLayerNode(copy, layer);
  const old = node && readLayer(node, layer);
  if (!node || !old) return 0;
  const targets = old.bias.length;
  const features = old.weight.length / targets;
  const noise = old.weight.map(() => gaussian(options.random));
  const power = outputVariance(covariance.xx, noise, features, targets);
  const variance = outputVariance(covariance.xx, old.weight, features, targets);
  if (!(power > 0) || !(variance > 0)) return 0;
  const scale = NOISE * Math.sqrt(variance / power);
  // Noise changes the mean as well; a refit never does, so the bias takes that back.
  const taps = layer.kind === "transposed" ? layer.kernel[0] * layer.kernel[1] : 1;
  const channels = targets / taps;
  const bias = new Float64Array(channels);
  for (let target = 0; target < targets; target++) {
    let shift = 0;
    for (let row = 0; row < features; row++) {
      shift +=
        scale * (noise[row * targets + target] as number) * (covariance.meanX[row] as number);
    }
    const channel = target % channels;
    bias[channel] = (bias[channel] as number) + ((old.bias[target] as number) - shift) / taps;
  }
  writeLayer(node, layer, {
    weight: old.weight.map((value, index) => value + scale * (noise[index] as number)),
    bias,
  });
  await using session = await options.runtime.load(copy);
  let distance = 0;
  for (let index = 0; index < options.feeds.length; index++) {
    const outputs = await session.run(options.feeds[index] ?? {});
    distance += outputDistance(outputs, options.references[index] ?? {});
  }
  return distance / options.feeds.length / NOISE ** 2 / variance;
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** tr(W' Cov(x, x) W): the variance of what weights W compute. */
function outputVariance(
  covariance: Float64Array,
  weight: Float64Array,
  features: number,
  targets: number,
): number {
  let sum = 0;
  const product = new Float64Array(targets);
  for (let row = 0; row < features; row++) {
    product.fill(0);
    for (let k = 0; k < features; k++) {
      const scale = covariance[row * features + k] as number;
      for (let target = 0; target < targets; target++)
        product[target] =
          (product[target] as number) + scale * (weight[k * targets + target] as number);
    }
    for (let target = 0; target < targets; target++)
      sum += (weight[row * targets + target] as number) * (product[target] as number);
  }
  return sum;
}

/** Distance of outputs to reference outputs, averaged over all elements. */
export function outputDistance(
  outputs: Readonly<Record<string, RuntimeTensor>>,
  references: Readonly<Record<string, RuntimeTensor>>,
): number {
  let sum = 0;
  let count = 0;
  for (const [name, reference] of Object.entries(references)) {
    const wanted = reference.data as Float32Array;
    const actual = outputs[name]?.data as Float32Array | undefined;
    if (!actual) continue;
    const isProbability = wanted.every((value) => value >= 0 && value <= 1);
    const variance = isProbability ? 1 : varianceOf(wanted);
    for (let index = 0; index < wanted.length; index++) {
      const p = wanted[index] as number;
      const q = actual[index] as number;
      sum += isProbability ? bernoulliDivergence(p, q) : (p - q) ** 2 / variance;
    }
    count += wanted.length;
  }
  return count === 0 ? 0 : sum / count;
}

function varianceOf(values: Float32Array): number {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  return Math.max(squares / values.length - (sum / values.length) ** 2, 1e-12);
}

/** KL(Bernoulli(p) ‖ Bernoulli(q)), with probabilities kept 1e-6 away from 0 and 1. */
function bernoulliDivergence(p: number, q: number): number {
  if (p === q) return 0;
  const a = Math.min(Math.max(p, 1e-6), 1 - 1e-6);
  const b = Math.min(Math.max(q, 1e-6), 1 - 1e-6);
  return a * Math.log(a / b) + (1 - a) * Math.log((1 - a) / (1 - b));
}
