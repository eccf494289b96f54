import type { Model } from "@ocrslim/graph";
import {
  createDetector,
  decodeImage,
  type EvalReport,
  evaluateDetector,
  type ProbabilityMap,
  preprocess,
  type ResizeOptions,
  readDataset,
} from "@ocrslim/ocr-det";
import type { Feeds, Runtime, SessionOptions } from "@ocrslim/runtime";

/** PaddleOCR's resize for prediction: the long side at most 960 pixels. */
export const UP_TO_960: ResizeOptions = {
  kind: "limit-side",
  limitSideLength: 960,
  limitType: "max",
};

/** PaddleOCR's resize for measuring on photographs: the short side at least 736 pixels. */
export const AT_LEAST_736: ResizeOptions = {
  kind: "limit-side",
  limitSideLength: 736,
  limitType: "min",
};

/** Paths of the images of a data set. */
export async function listImages(source: string): Promise<readonly string[]> {
  return (await readDataset(source)).samples.map(({ imagePath }) => imagePath);
}

/** The probability map that a model gives for an image file, its long side at most 960 pixels. */
export async function computeMap(
  runtime: Runtime,
  model: Model | string,
  image: string,
  options: SessionOptions = {},
): Promise<ProbabilityMap> {
  await using session = await runtime.load(model, options);
  using detector = await createDetector({ session, resize: UP_TO_960 });
  return await detector.probabilityMap(image);
}

/** Largest absolute difference of two maps of equal size. */
export function largestDifference(a: ProbabilityMap, b: ProbabilityMap): number {
  if (a.data.length !== b.data.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  a.data.forEach((value, index) => {
    largest = Math.max(largest, Math.abs(value - (b.data[index] ?? Number.NaN)));
  });
  return largest;
}

/** Measures a model on a labelled set, post-processing at PaddleOCR's defaults. */
export async function evaluateOn(
  runtime: Runtime,
  model: Model | string,
  labels: string,
  resize: ResizeOptions = UP_TO_960,
): Promise<EvalReport> {
  await using session = await runtime.load(model);
  using detector = await createDetector({ session, resize });
  return await evaluateDetector(detector, await readDataset(labels));
}

/** Images as feeds of a model with one input, one at a time. */
export async function* readFeeds(
  model: Model,
  images: readonly string[],
  resize: ResizeOptions = UP_TO_960,
): AsyncGenerator<Feeds> {
  const name = model.graph.inputs.find((value) => !value.isInitializer)?.name ?? "";
  for (const image of images) yield { [name]: preprocess(await decodeImage(image), resize).input };
}
