import { cloneModel, type Model, type RunOptions } from "@ocrslim/graph";
import type { Runtime } from "@ocrslim/runtime";
import { PruneError } from "../errors.ts";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { gridOf, inferImageDims } from "./image-geometry.ts";
import type { LinearLayer } from "./linear-layer.ts";
import { createMomentSummer, createMoments, type Moments } from "./moments.ts";
import { addInputSampler, windowIndices } from "./row-sampler.ts";
import { rowsOf } from "./rows.ts";
import { positionsAt, type SamplePoints } from "./sample-points.ts";

/** Options of {@link sumInputMoments}. */
export interface InputMomentsOptions extends RunOptions {
  readonly feeds: readonly Feeds[];
  /** Points of each image. */
  readonly points: readonly SamplePoints[];
  readonly runtime: Runtime;
}

/**
 * Sums the windows that layers read at sampled points of all images: one run of the model an image,
 * out of which only these windows come. Layers whose shapes are not known are left out.
 * @throws PruneError `invalid-option` if a window holds numbers that are not finite.
 */
export async function sumInputMoments(
  model: Model,
  layers: readonly { readonly layer: LinearLayer; readonly features: number }[],
  options: InputMomentsOptions,
): Promise<ReadonlyMap<string, Moments>> {
  const { feeds, points, runtime, onProgress } = options;
  const dims = inferImageDims(model, feeds);
  const known = layers.filter(({ layer }) => dims.every((dimsOf) => gridOf(layer, dimsOf)));
  const sampled = cloneModel(model);
  sampled.graph.setOutputs([]);
  const samplers = known.map(({ layer, features }) => ({
    layer,
    sampler: addInputSampler(sampled, layer, features),
    moments: createMoments(features, 0),
  }));
  if (samplers.length === 0) return new Map();
  await using session = await runtime.load(sampled);
  const summer = await createMomentSummer(runtime);
  const task = "measure inputs";
  onProgress?.({ kind: "start", task, total: feeds.length, unit: "images" });
  try {
    for (const [image, feed] of feeds.entries()) {
      options.signal?.throwIfAborted();
      const dimsOf = dims[image];
      const imagePoints = points[image];
      if (!dimsOf || !imagePoints) continue;
      const indices = samplers.flatMap(({ layer, sampler }) => {
        const grid = gridOf(layer, dimsOf);
        if (!grid) return [];
        const at = positionsAt(imagePoints, grid.height, grid.width);
        return [[sampler.indices, windowIndices(layer, grid, at)] as const];
      });
      const rows = await session.run({ ...feed, ...Object.fromEntries(indices) });
      for (const { layer, sampler, moments } of samplers) {
        const x = rows[sampler.rows];
        if (x) await summer.add(moments, rowsOf(x));
        assertFiniteMoments("analyzeReconstruction", layer, moments, image);
      }
      onProgress?.({ kind: "advance", task, done: image + 1, total: feeds.length, unit: "images" });
    }
  } finally {
    await summer.dispose();
    onProgress?.({ kind: "end", task });
  }
  return new Map(samplers.map(({ layer, moments }) => [layer.key, moments]));
}

/** @throws PruneError `invalid-option` naming the layer and the image after which sums were not finite. */
export function assertFiniteMoments(
  caller: string,
  layer: LinearLayer,
  moments: Moments,
  image: number,
): void {
  const areFinite = (sums: Float64Array): boolean => sums.every(Number.isFinite);
  // A number that is not finite in any row reaches the sums of its feature or target.
  if (areFinite(moments.sumX) && areFinite(moments.sumY) && areFinite(moments.sumYY)) return;
  throw new PruneError(
    "invalid-option",
    `${caller}: the inputs or targets of "${layer.key}" are not finite for feeds[${image}]; look for NaN or infinite weights and inputs`,
    { node: layer.key },
  );
}
