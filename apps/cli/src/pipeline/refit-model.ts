import {
  type ChannelGroup,
  cloneModel,
  type Model,
  type PruningPlan,
  type RunOptions,
  transform,
} from "@ocrslim/graph";
import { calibrationCrops, type Sample } from "@ocrslim/ocr-det";
import { pruneChannels, reconstructLayers } from "@ocrslim/prune";
import type { Feeds, Runtime } from "@ocrslim/runtime";
import type { DetectionSettings } from "../options/detection-options.ts";
import { imageInputOf } from "./detection.ts";

/** So many crops of images, evenly from all of them, as the model takes them. */
export async function loadCrops(
  model: Model,
  samples: readonly Sample[],
  settings: Pick<DetectionSettings, "resize" | "normalize">,
  count: number,
  { random, signal }: RunOptions,
): Promise<Feeds[]> {
  const input = imageInputOf(model);
  const crops = calibrationCrops(spread(samples, count), {
    resize: settings.resize,
    normalize: settings.normalize,
    perImage: Math.ceil(count / samples.length),
    random: random ?? (() => 0.5),
    ...(signal ? { signal } : {}),
  });
  const feeds: Feeds[] = [];
  for await (const crop of crops) feeds.push({ [input]: crop });
  return spread(feeds, count);
}

/** Some of the items, evenly from all of them. */
export function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  const step = items.length / count;
  return Array.from({ length: count }, (_, index) => items[Math.floor(index * step)] as T);
}

/** Options of {@link refitModel}. */
export interface RefitModelOptions {
  readonly plan: PruningPlan;
  /** Groups of the unpruned model, if they are at hand. */
  readonly groups?: readonly ChannelGroup[];
  readonly feeds: readonly Feeds[];
  readonly runtime: Runtime;
  readonly runOptions: RunOptions;
}

/** Returns a pruned copy of a model with every layer refitted to the unpruned one's outputs. */
export async function refitModel(
  model: Model,
  { plan, groups, feeds, runtime, runOptions }: RefitModelOptions,
): Promise<Model> {
  const copy = cloneModel(model);
  await transform(copy, pruneChannels({ plan }), runOptions);
  const layers = await reconstructLayers(copy, {
    ...runOptions,
    teacher: model,
    plan,
    ...(groups ? { groups } : {}),
    feeds,
    runtime,
  });
  for (const { layer, reason } of layers) {
    if (reason) runOptions.logger?.info(`not refitted: ${layer}: ${reason}`);
  }
  return copy;
}
