import type { Model, RunContext } from "@ocrslim/graph";
import type { MeasureChannelGradients, Runtime, RuntimeTensor } from "@ocrslim/runtime";
import { PruneError } from "../errors.ts";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { sumInputMoments } from "./input-moments.ts";
import { findLayerNode, readLayer } from "./layer-weights.ts";
import { invertSymmetric, meanDiagonal, withDiagonal } from "./linear-algebra.ts";
import type { LinearLayer } from "./linear-layer.ts";
import { covarianceOf } from "./moments.ts";
import {
  type PricedLayer,
  pricesFromGradients,
  pricesFromNoise,
  type TargetPrices,
} from "./price-layers.ts";
import { sampleImages } from "./sample-points.ts";

/** Options of {@link prepareLayers}; they are those of `analyzeReconstruction`. */
export interface PrepareLayersOptions extends RunContext {
  readonly feeds: readonly Feeds[];
  readonly runtime: Runtime;
  readonly channelGradients?: MeasureChannelGradients;
  readonly gradientImages: number;
  readonly gradientDraws: number;
  readonly positions: number;
  readonly textWeight: number;
  readonly damping: number;
  readonly importanceImages: number;
}

/** A layer with all that its groups need. */
export interface PreparedLayer {
  readonly features: number;
  readonly targets: number;
  /** (Cov(x, x) + δI)⁻¹. */
  readonly inverse: Float64Array;
  /** Weights, each target times the root of its price. */
  readonly weight: Float64Array;
}

/** Measures the layers' inputs and prices their outputs; a reason for those that can't be used. */
export async function prepareLayers(
  model: Model,
  layers: readonly LinearLayer[],
  rankOf: (layer: LinearLayer) => number,
  settings: PrepareLayersOptions,
): Promise<ReadonlyMap<string, PreparedLayer | string>> {
  const { feeds, channelGradients } = settings;
  const references: Readonly<Record<string, RuntimeTensor>>[] = [];
  const few = Math.min(settings.importanceImages, feeds.length);
  const points = await sampleImages(model, {
    ...settings,
    caller: "analyzeReconstruction",
    onOutputs(outputs, image) {
      if (!channelGradients && image < few) references.push(outputs);
    },
  });
  const described = layers.flatMap((layer) => {
    const node = findLayerNode(model, layer);
    const weights = node && readLayer(node, layer);
    if (!weights) return [];
    assertFiniteWeights("analyzeReconstruction", layer, weights.weight);
    const targets = weights.bias.length;
    return [{ layer, weights, targets, features: weights.weight.length / targets }];
  });
  const moments = await sumInputMoments(model, described, { ...settings, points });
  const measured = described.flatMap(({ layer, weights, features, targets }) => {
    const sums = moments.get(layer.key);
    if (!sums) return [];
    const covariance = covarianceOf(sums);
    const scale = meanDiagonal(covariance.xx, features);
    if (!(scale > 0)) return [];
    return [{ layer, weights, features, targets, covariance, scale, rank: rankOf(layer) }];
  });
  const prices = await priceLayers(model, measured, settings, references);
  const prepared = new Map<string, PreparedLayer | string>();
  for (const { layer, weights, features, targets, covariance, scale } of measured) {
    settings.signal?.throwIfAborted();
    const price = prices.get(layer.key);
    const damped = withDiagonal(covariance.xx, features, settings.damping * scale);
    const inverse = price && invertSymmetric(damped, features);
    if (!price) prepared.set(layer.key, `no gradient reaches its consumer "${layer.key}"`);
    else if (!inverse)
      prepared.set(layer.key, `the inputs of its consumer "${layer.key}" are linearly dependent`);
    else {
      const roots = price.map(Math.sqrt);
      const weight = weights.weight.map((value, index) => value * (roots[index % targets] ?? 0));
      prepared.set(layer.key, { features, targets, inverse, weight });
    }
  }
  return prepared;
}

async function priceLayers(
  model: Model,
  layers: readonly PricedLayer[],
  settings: PrepareLayersOptions,
  references: readonly Readonly<Record<string, RuntimeTensor>>[],
): Promise<ReadonlyMap<string, TargetPrices>> {
  const { feeds, channelGradients, gradientDraws, gradientImages } = settings;
  if (!channelGradients) {
    const few = feeds.slice(0, references.length);
    return await pricesFromNoise(model, layers, { ...settings, feeds: few, references });
  }
  return await pricesFromGradients(model, layers, {
    channelGradients,
    random: settings.random,
    onProgress: settings.onProgress,
    ...(settings.signal ? { signal: settings.signal } : {}),
    feeds: spread(feeds, gradientImages),
    draws: gradientDraws,
  });
}

/** Some of the items, evenly from all of them. */
function spread<T>(items: readonly T[], count: number): readonly T[] {
  const step = Math.max(items.length / count, 1);
  const length = Math.min(count, items.length);
  return Array.from({ length }, (_, index) => items[Math.floor(index * step)] as T);
}

export function assertFiniteWeights(
  caller: string,
  layer: LinearLayer,
  weight: Float64Array,
): void {
  const index = weight.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new PruneError(
    "invalid-option",
    `${caller}: the weight "${layer.weight}" of "${layer.key}" holds ${weight[index]}; repair the model`,
    { node: layer.key, value: layer.weight },
  );
}
