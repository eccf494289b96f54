import type { Model } from "@ocrslim/graph";
import type { LatencyTable } from "./latency-table.ts";
import { layerTime } from "./layer-time.ts";
import { listTimedLayers, type TimedLayerOptions } from "./list-timed-layers.ts";
import type { TimedLayer } from "./timed-layer.ts";

/** Time of one piece of a model. */
export interface PredictedLayer {
  /** {@link TimedLayer.id}. */
  readonly id: string;
  readonly ms: number;
  /** Part of the whole model's time, 0–1. */
  readonly share: number;
}

/** What {@link predictLatency} gives. */
export interface LatencyPrediction {
  /** Milliseconds of the whole model, on the machine of the table. */
  readonly medianMs: number;
  /** In the order of {@link listTimedLayers}, without the missing ones. */
  readonly layers: readonly PredictedLayer[];
  /** Ids of layers that the table has no times of; they count for nothing. */
  readonly missing: readonly string[];
}

/** @internal Sum of layers' times in a table, unscaled. */
export function sumLayerTimes(table: LatencyTable, layers: readonly TimedLayer[]): number {
  return layers.reduce((sum, layer) => sum + (ownTime(table, layer) ?? 0), 0);
}

function ownTime(table: LatencyTable, layer: TimedLayer): number | undefined {
  const inputs = layer.input.reduce((sum, { size }) => sum + size, 0);
  return layerTime(table, layer, inputs, layer.output.size);
}

/**
 * Predicts a model's latency from a table: the sum over its layers, scaled so that the model that
 * the table was built for comes out as it was measured. Nothing is run.
 * @throws GraphError as `inferShapes` does.
 * @example
 * ```ts
 * predictLatency(pruned, table, { inputShapes: { x: [1, 3, 640, 640] } }).medianMs; // → 31.4
 * ```
 */
export function predictLatency(
  model: Model,
  table: LatencyTable,
  options: TimedLayerOptions = {},
): LatencyPrediction {
  const { medianMs, layersMs } = table.reference;
  const scale = layersMs > 0 ? medianMs / layersMs : 1;
  const found: { id: string; ms: number }[] = [];
  const missing: string[] = [];
  let total = 0;
  for (const layer of listTimedLayers(model, options)) {
    const time = ownTime(table, layer);
    if (time === undefined) missing.push(layer.id);
    else {
      const ms = time * scale;
      total += ms;
      found.push({ id: layer.id, ms });
    }
  }
  return {
    medianMs: total,
    layers: found.map(({ id, ms }) => ({ id, ms, share: total > 0 ? ms / total : 0 })),
    missing,
  };
}
