import { join } from "node:path";
import {
  assertValidModel,
  type ChannelGroup,
  cloneModel,
  findChannelGroups,
  type Model,
  type SkippedGroup,
  simplify,
  transform,
  writeModel,
} from "@ocrslim/graph";
import { type ActivationStatistics, collectActivationStatistics } from "@ocrslim/prune";
import type { Feeds } from "@ocrslim/runtime";
import { largestDifference, runAll } from "../compare-maps.ts";
import { loadFeeds } from "../detection.ts";
import { listWorthwhileGroups } from "../worthwhile-groups.ts";
import type { CompressSettings } from "./settings.ts";

/** Outputs may differ by this much after the lossless transforms: float rounding. */
const tolerance = 1e-3;

/** The simplified model and what the analysis needs to know of it. */
export interface Prepared {
  readonly simplified: Model;
  readonly groups: readonly ChannelGroup[];
  /** Those that are analysed. */
  readonly worthwhile: readonly ChannelGroup[];
  readonly skipped: readonly SkippedGroup[];
  readonly statistics: ActivationStatistics;
  /** Small calibration pictures for the sensitivity analysis. */
  readonly sensitivityFeeds: readonly Feeds[];
  readonly notes: readonly string[];
}

/** Simplifies a copy, and takes the original if the outputs are not the same. */
async function simplifySafely(
  settings: CompressSettings,
  feeds: readonly Feeds[],
): Promise<{ model: Model; notes: string[] }> {
  const { context, runtime, log } = settings;
  const original = settings.original.model;
  const model = cloneModel(original);
  await transform(model, simplify(), { ...context.runOptions(), logger: log.logger });
  assertValidModel(model);
  const checked = feeds.slice(0, 2);
  const difference = largestDifference(
    await runAll(runtime, original, checked, context.signal),
    await runAll(runtime, model, checked, context.signal),
  );
  const [before, after] = [original, model].map((side) => [...side.graph.nodes].length);
  if (difference <= tolerance) {
    log.note(`${before} → ${after} nodes, largest difference ${difference.toExponential(1)}`);
    return { model, notes: [] };
  }
  const note = `Simplifying changed the outputs by ${difference.toExponential(1)}; the original graph was pruned instead.`;
  log.note(note);
  return { model: cloneModel(original), notes: [note] };
}

/** Simplifies, finds the groups, and collects activations of the calibration images. */
export async function prepare(settings: CompressSettings): Promise<Prepared> {
  const { context, runtime, log, inputShapes, calibration, detection } = settings;
  const { signal } = context;
  log.step("simplify");
  const small = {
    kind: "limit-side",
    limitType: "max",
    limitSideLength: settings.sensitivitySize,
  } as const;
  const sensitivityFeeds = await loadFeeds(
    settings.original.model,
    calibration.slice(0, settings.sensitivityImages),
    {
      resize: detection.resize.kind === "image-shape" ? detection.resize : small,
      normalize: detection.normalize,
    },
    signal,
  );
  const { model, notes } = await simplifySafely(settings, sensitivityFeeds);
  await writeModel(model, join(settings.folder, "simplified.onnx"));

  log.step("find channel groups and collect activations");
  const groups = findChannelGroups(model, { inputShapes });
  const { groups: worthwhile, skipped } = listWorthwhileGroups(
    model,
    groups,
    inputShapes,
    settings.channelMultiple,
  );
  log.note(`${groups.length} groups, ${worthwhile.length} of them worth an analysis`);
  async function* stream(): AsyncGenerator<Feeds> {
    for (const sample of calibration) yield* await loadFeeds(model, [sample], detection, signal);
  }
  const statistics = await collectActivationStatistics(model, {
    ...context.runOptions(),
    logger: log.logger,
    groups,
    feeds: stream(),
    runtime,
  });
  return { simplified: model, groups, worthwhile, skipped, statistics, sensitivityFeeds, notes };
}
