import type { Model, RunOptions } from "@ocrslim/graph";
import {
  createDetector,
  type DetectionMetrics,
  type Detector,
  decodeImage,
  detectSamples,
  matchDetections,
  preprocess,
  type Sample,
  type SampleDetections,
  summarizeMatches,
} from "@ocrslim/ocr-det";
import type { Feeds, Runtime } from "@ocrslim/runtime";
import { CliError } from "../cli-error.ts";
import type { DetectionSettings } from "../options/detection-options.ts";

/** Loads a model, calls `use` with a detector around it, and frees both. */
export async function withDetector<T>(
  runtime: Runtime,
  model: Model,
  settings: DetectionSettings,
  use: (detector: Detector) => Promise<T>,
): Promise<T> {
  await using session = await runtime.load(model);
  using detector = await createDetector({ session, ...settings });
  return await use(detector);
}

/** What a model finds in each image. */
export function detectAll(
  runtime: Runtime,
  model: Model,
  settings: DetectionSettings,
  samples: readonly Sample[],
  options: RunOptions,
): Promise<SampleDetections[]> {
  return withDetector(runtime, model, settings, (detector) =>
    detectSamples(detector, samples, options),
  );
}

/** Compares detections with labels; `undefined` unless every sample has some. */
export function compareWithLabels(
  samples: readonly Sample[],
  found: readonly SampleDetections[],
): DetectionMetrics | undefined {
  const matches = samples.flatMap((sample, index) =>
    sample.regions === undefined
      ? []
      : [matchDetections(sample.regions, found[index]?.detections ?? [])],
  );
  return matches.length === samples.length && matches.length > 0
    ? summarizeMatches(matches)
    : undefined;
}

/** Name of the one image input of a detector. */
export function imageInputOf(model: Model): string {
  const inputs = model.graph.inputs.filter((input) => !input.isInitializer);
  const [input] = inputs;
  if (!input || inputs.length !== 1) {
    const names = inputs.map((value) => value.name).join(", ") || "none";
    throw new CliError(
      "unsuitable-model",
      `the model's inputs are ${names}; a detector has exactly one, float32 [1, 3, H, W]`,
    );
  }
  return input.name;
}

/** Decodes, resizes and normalizes images into what the model takes. */
export async function loadFeeds(
  model: Model,
  samples: readonly Sample[],
  settings: Pick<DetectionSettings, "resize" | "normalize">,
  signal: AbortSignal | undefined,
): Promise<Feeds[]> {
  const input = imageInputOf(model);
  const feeds: Feeds[] = [];
  for (const sample of samples) {
    signal?.throwIfAborted();
    const image = await decodeImage(sample.imagePath);
    feeds.push({ [input]: preprocess(image, settings.resize, settings.normalize).input });
  }
  return feeds;
}
