import { createRunContext, type RunOptions } from "@ocrslim/graph";
import type { Dataset, Sample } from "../data/region.ts";
import { OcrDetError } from "../errors.ts";
import {
  type DetectionMetrics,
  type ImageMatch,
  matchDetections,
  summarizeMatches,
} from "../metric/match-detections.ts";
import type { Detection } from "../postprocess/postprocessor.ts";
import type { Detector, StageMilliseconds } from "./detector.ts";

/** What a detector found in one sample. */
export interface SampleDetections {
  readonly id: string;
  readonly detections: readonly Detection[];
  readonly millisecondsPerImage: StageMilliseconds;
}

/** How a detector did on one sample. */
export interface SampleEvaluation
  extends SampleDetections,
    Pick<ImageMatch, "matched" | "truthCare" | "predictedCare"> {}

/** How a detector did on a labelled set; times are means over its images. */
export interface EvalReport extends DetectionMetrics {
  readonly millisecondsPerImage: StageMilliseconds;
  readonly perImage: readonly SampleEvaluation[];
}

/** A data set, or its samples alone. */
type Samples = Pick<Dataset, "samples"> | readonly Sample[];

/** Runs a detector over samples, labelled or not, in order. Reports progress as `detect`. */
export async function detectSamples(
  detector: Detector,
  samples: Samples,
  options: RunOptions = {},
): Promise<SampleDetections[]> {
  const { onProgress, signal } = createRunContext(options);
  const list = listSamples(samples);
  const results: SampleDetections[] = [];
  onProgress({ kind: "start", task: "detect", total: list.length, unit: "image" });
  for (const { id, imagePath } of list) {
    signal?.throwIfAborted();
    const { detections, millisecondsPerImage } = await detector.detect(imagePath);
    results.push({ id, detections, millisecondsPerImage });
    onProgress({
      kind: "advance",
      task: "detect",
      done: results.length,
      total: list.length,
      unit: "image",
    });
  }
  onProgress({ kind: "end", task: "detect" });
  return results;
}

/**
 * Measures a detector on labelled samples by the ICDAR 2015 protocol.
 *
 * @throws OcrDetError `unlabelled` if a sample has no labels or there is none; what
 * {@link Detector.detect} throws.
 */
export async function evaluateDetector(
  detector: Detector,
  samples: Samples,
  options: RunOptions = {},
): Promise<EvalReport> {
  const list = listSamples(samples);
  const unlabelled = list.find(({ regions }) => regions === undefined);
  if (unlabelled || list.length === 0) {
    throw new OcrDetError(
      "unlabelled",
      unlabelled
        ? `evaluateDetector: ${unlabelled.imagePath} has no labels; give a label file, or measure agreement`
        : "evaluateDetector: there are no samples; give some",
      unlabelled ? { file: unlabelled.imagePath } : {},
    );
  }
  const found = await detectSamples(detector, list, options);
  const perImage = found.map((result, index): SampleEvaluation => {
    const { matched, truthCare, predictedCare } = matchDetections(
      list[index]?.regions ?? [],
      result.detections,
    );
    return { ...result, matched, truthCare, predictedCare };
  });
  return {
    ...summarizeMatches(perImage),
    millisecondsPerImage: computeMeans(found),
    perImage,
  };
}

function computeMeans(results: readonly SampleDetections[]): StageMilliseconds {
  const mean = (stage: keyof StageMilliseconds): number =>
    results.reduce((sum, result) => sum + result.millisecondsPerImage[stage], 0) / results.length;
  return {
    preprocess: mean("preprocess"),
    forward: mean("forward"),
    postprocess: mean("postprocess"),
  };
}

const listSamples = (set: Samples): readonly Sample[] => ("samples" in set ? set.samples : set);
