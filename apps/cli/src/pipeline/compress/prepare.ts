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
import type { Sample, SampleDetections } from "@ocrslim/ocr-det";
import type { Feeds } from "@ocrslim/runtime";
import { CliError } from "../../cli-error.ts";
import { largestDifference, runAll } from "../compare-maps.ts";
import { detectAll, loadFeeds } from "../detection.ts";
import { listWorthwhileGroups } from "../worthwhile-groups.ts";
import type { CompressSettings } from "./settings.ts";

/** Outputs may differ by this much after the lossless transforms: float rounding. */
export const losslessTolerance = 1e-3;

/** The simplified model and what the analysis needs to know of it. */
export interface Prepared {
  readonly simplified: Model;
  readonly groups: readonly ChannelGroup[];
  /** Those that are analysed. */
  readonly worthwhile: readonly ChannelGroup[];
  readonly skipped: readonly SkippedGroup[];
  /** Which calibration images plans are tried on. */
  readonly tried: readonly number[];
  /** What the original finds in them. */
  readonly reference: readonly SampleDetections[];
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
  if (difference <= losslessTolerance) {
    log.note(`${before} → ${after} nodes, largest difference ${difference.toExponential(1)}`);
    return { model, notes: [] };
  }
  const note = `Simplifying changed the outputs by ${difference.toExponential(1)}; the original graph was pruned instead.`;
  log.note(note);
  return { model: cloneModel(original), notes: [note] };
}

/** Most calibration images that every plan is tried on. */
const triedImages = 8;

/** A third of the calibration images, at least one. */
function listTried(count: number): number[] {
  const tried = Math.min(triedImages, Math.max(1, Math.floor(count / 3)));
  return Array.from({ length: tried }, (_, index) => index);
}

/** Detections to compare plans with; without any, nothing could be compared. */
async function detectReference(
  settings: CompressSettings,
  samples: readonly Sample[],
): Promise<SampleDetections[]> {
  const { context, runtime, original, detection } = settings;
  const quiet = context.signal ? { signal: context.signal } : {};
  const found = await detectAll(runtime, original.model, detection, samples, quiet);
  if (found.some((image) => image.detections.length > 0)) return found;
  throw new CliError(
    "unsuitable-data",
    `${original.name} finds no text in ${samples.length} calibration images, such as ${samples[0]?.imagePath}; check the pictures, the resize and --thresh`,
  );
}

/** Simplifies, and finds the groups. */
export async function prepare(settings: CompressSettings): Promise<Prepared> {
  const { context, log, inputShapes, calibration, detection } = settings;
  const { signal } = context;
  const tried = listTried(calibration.length);
  const reference = await detectReference(settings, pick(calibration, tried));
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

  log.step("find channel groups");
  const groups = findChannelGroups(model, { inputShapes });
  const { groups: worthwhile, skipped } = listWorthwhileGroups(
    model,
    groups,
    inputShapes,
    settings.channelMultiple,
  );
  log.note(`${groups.length} groups, ${worthwhile.length} of them worth an analysis`);
  return {
    simplified: model,
    groups,
    worthwhile,
    skipped,
    tried,
    reference,
    sensitivityFeeds,
    notes,
  };
}

/** The items at the indices. */
export function pick<T>(items: readonly T[], indices: readonly number[]): T[] {
  return indices.flatMap((index) => items.slice(index, index + 1));
}
