import type { Model, RunOptions } from "@ocrslim/graph";
import type {
  ChannelGradients,
  MeasureChannelGradients,
  Runtime,
  RuntimeTensor,
} from "@ocrslim/runtime";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { measureLayerImportance } from "./layer-importance.ts";
import type { LinearLayer } from "./linear-layer.ts";
import type { Covariance } from "./moments.ts";

/** What a layer's squared error costs, by target; `undefined` if nothing is known about it. */
export type TargetPrices = Float64Array | undefined;

/** A layer whose outputs are priced. */
export interface PricedLayer {
  readonly layer: LinearLayer;
  readonly targets: number;
  /** Rank of the layer's output. */
  readonly rank: number;
  readonly covariance: Covariance;
}

/**
 * Prices from gradients: ½ E[Σ_positions g²] for each output channel, the diagonal of the
 * Gauss–Newton matrix, so that price × mean squared error is the expected rise of the model's negative
 * log-likelihood on one image, in nats, whatever the layer.
 */
export async function pricesFromGradients(
  model: Model,
  layers: readonly PricedLayer[],
  options: RunOptions & {
    readonly channelGradients: MeasureChannelGradients;
    readonly feeds: readonly Feeds[];
    readonly draws: number;
  },
): Promise<ReadonlyMap<string, TargetPrices>> {
  const { channelGradients, ...request } = options;
  const gradients = await channelGradients(model, {
    ...request,
    values: layers.map(({ layer }) => layer.output),
  });
  return new Map(
    layers.map((priced) => [
      priced.layer.key,
      pricesOf(priced, gradients.get(priced.layer.output)?.squares),
    ]),
  );
}

function pricesOf(
  { layer, targets, rank }: PricedLayer,
  squares: ChannelGradients["squares"] | undefined,
): TargetPrices {
  if (!squares) return undefined;
  const sum = squares.reduce((total, square) => total + square, 0);
  // Channels of a matrix layer lie on the last axis, gradients are summed on axis 1.
  if (layer.kind === "matrix" && rank !== 2)
    return new Float64Array(targets).fill(sum / 2 / targets);
  const channels = squares.length;
  const taps = targets / channels;
  return Float64Array.from(
    { length: targets },
    (_, target) => (squares[target % channels] as number) / 2 / taps,
  );
}

/** Prices without gradients: what noise on a layer does to the outputs, the same for all its targets. */
export async function pricesFromNoise(
  model: Model,
  layers: readonly PricedLayer[],
  options: RunOptions & {
    readonly runtime: Runtime;
    readonly feeds: readonly Feeds[];
    readonly references: readonly Readonly<Record<string, RuntimeTensor>>[];
    readonly random: () => number;
  },
): Promise<ReadonlyMap<string, TargetPrices>> {
  const { onProgress, signal } = options;
  const prices = new Map<string, TargetPrices>();
  const task = "measure layers";
  const total = layers.length;
  onProgress?.({ kind: "start", task, total, unit: "layers" });
  for (const { layer, targets, covariance } of layers) {
    signal?.throwIfAborted();
    const importance = await measureLayerImportance(model, layer, covariance, options);
    prices.set(layer.key, new Float64Array(targets).fill(importance));
    onProgress?.({ kind: "advance", task, done: prices.size, total, unit: "layers" });
  }
  onProgress?.({ kind: "end", task });
  return prices;
}
