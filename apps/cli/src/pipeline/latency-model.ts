import { type ChannelGroup, inferShapes, type Model, type RunOptions } from "@ocrslim/graph";
import { createLatencyModel, type LatencyModel } from "@ocrslim/prune";
import {
  layerTime,
  listTimedLayers,
  openLatencyTable,
  type Runtime,
  RuntimeError,
} from "@ocrslim/runtime";

/** Options of {@link openLatencyModel}. */
export interface OpenLatencyModelOptions {
  readonly runtime: Runtime;
  readonly groups: readonly ChannelGroup[];
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Measures again what was measured before. */
  readonly remeasure: boolean;
  readonly runOptions: RunOptions;
}

/**
 * Predicts a model's milliseconds by widths, from the table of this machine, which is measured if there
 * is none yet. `undefined`, with a warning, if the machine is too busy for that: plans can still be
 * made by MACs, and measured as a whole.
 */
export async function openLatencyModel(
  model: Model,
  { runtime, groups, inputShapes, remeasure, runOptions }: OpenLatencyModelOptions,
): Promise<LatencyModel | undefined> {
  const table = await openLatencyTable(model, {
    ...runOptions,
    runtime,
    groups,
    inputShapes,
    remeasure,
  }).catch((error: unknown) => {
    if (!(error instanceof RuntimeError && error.code === "noisy-machine")) throw error;
    runOptions.logger?.warn(`${error.message}. Plans are made by MACs instead of milliseconds`);
    return undefined;
  });
  if (!table) return undefined;
  const shapes = inferShapes(model, { inputShapes });
  return createLatencyModel(
    { layers: listTimedLayers(model, { shapes }), table, layerTime },
    groups,
  );
}
