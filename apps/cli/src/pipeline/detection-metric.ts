import type { Model } from "@ocrslim/graph";
import {
  createPostprocessor,
  type Detection,
  decodeImage,
  type ImageMatch,
  matchDetections,
  type PreprocessedImage,
  preprocess,
  type Sample,
  summarizeMatches,
  type TextRegion,
} from "@ocrslim/ocr-det";
import type { Feeds, Runtime, RuntimeTensor } from "@ocrslim/runtime";
import type { ImageMetric } from "@ocrslim/sensitivity";
import { CliError } from "../cli-error.ts";
import type { DetectionSettings } from "../options/detection-options.ts";
import { imageInputOf } from "./detection.ts";

/** How a detector's outputs are measured; see {@link createDetectionMetric}. */
export type DetectionMetricKind = "hmean" | "agreement" | "map";

/** Options of {@link createDetectionMetric}. */
export interface DetectionMetricOptions {
  readonly kind: DetectionMetricKind;
  /** The unpruned model. */
  readonly model: Model;
  /** At least one; with labels for `hmean`. */
  readonly samples: readonly Sample[];
  readonly settings: DetectionSettings;
  /** Runs the unpruned model, which `agreement` and `map` compare with. */
  readonly runtime: Runtime;
  readonly signal?: AbortSignal | undefined;
}

/** A metric of text detectors. Dispose of it: post-processing holds memory outside JavaScript. */
export interface DetectionMetric extends ImageMetric<unknown>, Disposable {
  readonly name: DetectionMetricKind;
  dispose(): void;
}

type Outputs = Readonly<Record<string, RuntimeTensor>>;

/** Images as the model takes them; what leads back to the source is kept of each. */
interface Pictures {
  feeds(image: number): Promise<Feeds>;
  /** What a model found, in pixels of the source. */
  detect(image: number, outputs: Outputs): Promise<Detection[]>;
  dispose(): void;
}

/**
 * Returns a metric of detectors that is measured image by image, for `createAblation`: `hmean`, as
 * PaddleOCR evaluates it; `agreement`, the same with what the unpruned model finds as the truth; or
 * `map`, the overlap of the probability maps with the unpruned model's, Σ min / Σ max.
 * @throws CliError `unsuitable-data` if there are no samples, or one has no labels for `hmean`.
 */
export async function createDetectionMetric(
  options: DetectionMetricOptions,
): Promise<DetectionMetric> {
  const { kind, samples } = options;
  if (samples.length === 0) {
    throw new CliError("unsuitable-data", `--metric ${kind}: there are no images; give --data`);
  }
  const unlabelled = samples.find((sample) => sample.regions === undefined);
  if (kind === "hmean" && unlabelled) {
    throw new CliError(
      "unsuitable-data",
      `--metric hmean: ${unlabelled.imagePath} has no labels; give a label file, or take agreement`,
    );
  }
  const pictures = await createPictures(options);
  const common = {
    name: kind,
    images: samples.length,
    feeds: (image: number) => pictures.feeds(image),
    dispose: () => pictures.dispose(),
    [Symbol.dispose]: () => pictures.dispose(),
  };
  try {
    if (kind === "map") return { ...common, ...(await compareMaps(options, pictures)) };
    const truths =
      kind === "hmean"
        ? samples.map(({ regions = [] }) => regions)
        : await mapReference(options, pictures, async (image, outputs) =>
            toRegions(await pictures.detect(image, outputs)),
          );
    return { ...common, ...countMatches(truths, pictures) };
  } catch (error) {
    pictures.dispose();
    throw error;
  }
}

async function createPictures({
  model,
  samples,
  settings,
}: DetectionMetricOptions): Promise<Pictures> {
  const input = imageInputOf(model);
  const postprocessor = await createPostprocessor(settings.postprocess);
  const prepared = new Map<number, Omit<PreprocessedImage, "input">>();
  const load = async (image: number): Promise<PreprocessedImage> => {
    const source = await decodeImage(samples[image]?.imagePath ?? "");
    const found = preprocess(source, settings.resize, settings.normalize);
    const { input: _, ...sizes } = found;
    prepared.set(image, sizes);
    return found;
  };
  return {
    feeds: async (image) => ({ [input]: (await load(image)).input }),
    async detect(image, outputs) {
      const sizes = prepared.get(image) ?? (await load(image));
      const { data, height, width } = mapOf(outputs);
      const { extentHeight, extentWidth } = sizes;
      const found = postprocessor.run(data, height, width, extentHeight, extentWidth);
      return cropToSource(found, sizes);
    },
    dispose: () => postprocessor.dispose(),
  };
}

function countMatches(
  truths: readonly (readonly TextRegion[])[],
  pictures: Pictures,
): Pick<DetectionMetric, "score" | "combine"> {
  return {
    async score(image: number, outputs: Outputs): Promise<ImageMatch> {
      return matchDetections(truths[image] ?? [], await pictures.detect(image, outputs));
    },
    combine: (scores: readonly unknown[]) =>
      summarizeMatches(scores as readonly ImageMatch[]).hmean,
  };
}

/** Sums over the pixels of one map, or of several. */
interface Overlap {
  readonly intersection: number;
  readonly union: number;
}

async function compareMaps(
  options: DetectionMetricOptions,
  pictures: Pictures,
): Promise<Pick<DetectionMetric, "score" | "combine">> {
  const references = await mapReference(options, pictures, (_, outputs) => mapOf(outputs).data);
  return {
    score(image: number, outputs: Outputs): Overlap {
      const reference = references[image] ?? new Float32Array();
      const { data } = mapOf(outputs);
      let intersection = 0;
      let union = 0;
      for (let at = 0; at < reference.length; at++) {
        const p = reference[at] ?? 0;
        const q = data[at] ?? 0;
        intersection += Math.min(p, q);
        union += Math.max(p, q);
      }
      return { intersection, union };
    },
    combine(scores: readonly unknown[]) {
      const all = scores as readonly Overlap[];
      const sum = (part: keyof Overlap): number =>
        all.reduce((total, score) => total + score[part], 0);
      return sum("union") > 0 ? sum("intersection") / sum("union") : 1;
    },
  };
}

/** Runs the unpruned model on every image. */
async function mapReference<T>(
  { model, runtime, samples, signal }: DetectionMetricOptions,
  pictures: Pictures,
  use: (image: number, outputs: Outputs) => T | Promise<T>,
): Promise<T[]> {
  await using session = await runtime.load(model);
  const results: T[] = [];
  for (const image of samples.keys()) {
    signal?.throwIfAborted();
    results.push(await use(image, await session.run(await pictures.feeds(image))));
  }
  return results;
}

const toRegions = (found: readonly Detection[]): readonly TextRegion[] =>
  found.map(({ points }) => ({ points, text: "", ignored: false }));

/** The probability map among a detector's outputs: the only one, or the first of one channel. */
function mapOf(outputs: Outputs): {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
} {
  const tensors = Object.values(outputs);
  const map =
    tensors.length === 1
      ? tensors[0]
      : tensors.find(({ dims }) => dims.length === 4 && dims[1] === 1);
  const [images, , height = 0, width = 0] = map?.dims ?? [];
  if (!(map?.data instanceof Float32Array) || images !== 1 || height < 1 || width < 1) {
    const names = Object.keys(outputs).join(", ") || "none";
    throw new CliError(
      "unsuitable-model",
      `the model's outputs are ${names}; a detector gives a probability map, float32 [1, 1, H, W]`,
    );
  }
  return { data: map.data.subarray(0, height * width), height, width };
}

/** Takes what lies in the padding of a tiny image away. */
function cropToSource(
  found: readonly Detection[],
  sizes: Omit<PreprocessedImage, "input">,
): Detection[] {
  const { sourceHeight, sourceWidth, extentHeight, extentWidth } = sizes;
  if (sourceHeight === extentHeight && sourceWidth === extentWidth) return [...found];
  return found
    .filter(({ points }) => points.some(([x, y]) => x < sourceWidth && y < sourceHeight))
    .map(({ points, score }) => ({
      points: points.map(([x, y]) => [Math.min(x, sourceWidth), Math.min(y, sourceHeight)]),
      score,
    }));
}
