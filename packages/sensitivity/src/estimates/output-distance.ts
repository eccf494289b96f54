import type { Model } from "@ocrslim/graph";
import type { Feeds, Runtime } from "@ocrslim/runtime";
import type { ImageMetric, ImageOutputs } from "../ablation/image-metric.ts";
import { SensitivityError } from "../errors.ts";
import { computeDivergence, createReferenceMap, type MapDistance } from "./map-distance.ts";

/** Scores a pruned model's outputs image by image; hand it to `createAblation`. */
export interface OutputDistanceMetric extends ImageMetric<MapDistance> {
  readonly name: "output-distance";
  /** What the unpruned model's outputs say on one image beyond their mean, on average: nats, above 0. */
  readonly information: number;
  feeds(image: number): Feeds;
  /** @throws SensitivityError `invalid-metric` if an output is missing or holds no probabilities. */
  score(image: number, outputs: ImageOutputs): MapDistance;
}

/** Options of {@link outputDistanceMetric}. */
export interface OutputDistanceMetricOptions {
  /** One image each; a few crops with text are enough. */
  readonly feeds: readonly Feeds[];
  /** What the unpruned model gives for each of the feeds. */
  readonly references: readonly ImageOutputs[];
  /** Names of the outputs compared, maps of probabilities. Default: all of the references'. */
  readonly outputs?: readonly string[];
}

/**
 * A metric that needs no labels and no boxes: how much of what the unpruned model's probability maps
 * say is lost, 1 − Σ KL(p ‖ q) / Σ KL(p ‖ p̄), where p are the unpruned model's probabilities, q the
 * pruned one's, p̄ the mean of a map (the fraction of deviance explained: Cameron & Windmeijer 1997,
 * "An R-squared measure of goodness of fit for some common nonlinear regression models"). Its loss is
 * 0 for equal maps, 1 for maps that know no more than how much text there is, above 1 for misleading
 * ones. Every pixel counts, so that it wavers less from image to image than counts of boxes do: a few
 * small pages put cuts in about the order that hmean has on many, where hmean's loss is more than noise
 * (half a per cent or so). It is a distance: that some cuts raise hmean a little, it can not tell.
 * @throws SensitivityError `invalid-option` if there are no feeds, or not as many references;
 *   `invalid-metric` if outputs hold no probabilities, or are as good as constant on all images.
 * @category Analysis
 */
export function outputDistanceMetric(options: OutputDistanceMetricOptions): OutputDistanceMetric {
  const { feeds, references } = options;
  if (feeds.length === 0 || feeds.length !== references.length) {
    throw new SensitivityError(
      "invalid-option",
      `outputDistanceMetric: there are ${feeds.length} feeds and ${references.length} references; give at least one feed, and the unpruned model's outputs for each`,
    );
  }
  const names = options.outputs ?? Object.keys(references[0] ?? {});
  const prepared = references.map((outputs) =>
    names.map((name) => ({ name, map: createReferenceMap(mapOf(outputs, name)) })),
  );
  const informations = prepared.map((maps) =>
    maps.reduce((sum, { map }) => sum + map.information, 0),
  );
  const total = informations.reduce((sum, information) => sum + information, 0);
  if (!(total > 0)) {
    throw new SensitivityError(
      "invalid-metric",
      `outputDistanceMetric: the unpruned model's ${names.join(", ")} is constant on all ${feeds.length} images, so nothing can be lost; give images with text`,
    );
  }
  return {
    name: "output-distance",
    images: feeds.length,
    information: total / feeds.length,
    feeds(image) {
      const found = feeds[image];
      if (found) return found;
      throw new SensitivityError(
        "invalid-option",
        `outputDistanceMetric: there is no image ${image}; they are 0 to ${feeds.length - 1}`,
      );
    },
    score(image, outputs) {
      const maps = prepared[image] ?? [];
      const divergence = maps.reduce(
        (sum, { name, map }) => sum + computeDivergence(map, mapOf(outputs, name)),
        0,
      );
      return { divergence, information: informations[image] ?? 0 };
    },
    combine(scores) {
      let divergence = 0;
      let information = 0;
      for (const score of scores) {
        divergence += score.divergence;
        information += score.information;
      }
      // Images without text alone: what is lost is held against all images' information.
      if (information > 0) return 1 - divergence / information;
      return 1 - (divergence / total) * (feeds.length / Math.max(1, scores.length));
    },
  };
}

/** Options of {@link createOutputDistanceMetric}. */
export interface CreateOutputDistanceMetricOptions
  extends Pick<OutputDistanceMetricOptions, "feeds" | "outputs"> {
  readonly runtime: Runtime;
  readonly signal?: AbortSignal;
}

/**
 * Runs the unpruned model on each feed, and returns the {@link outputDistanceMetric} that compares
 * with what it gives.
 * @throws SensitivityError as {@link outputDistanceMetric} does.
 * @category Analysis
 * @example
 * ```ts
 * const metric = await createOutputDistanceMetric(model, { feeds, runtime });
 * const report = await analyzeSensitivity(model, {
 *   ...common, // groups, criterion, inputShapes
 *   metric: metric.name,
 *   measurer: (original) => createAblation(original, { ...common, metric }),
 * });
 * ```
 */
export async function createOutputDistanceMetric(
  model: Model,
  options: CreateOutputDistanceMetricOptions,
): Promise<OutputDistanceMetric> {
  const { feeds, runtime, signal, outputs } = options;
  const references: ImageOutputs[] = [];
  if (feeds.length > 0) {
    await using session = await runtime.load(model);
    for (const feed of feeds) {
      signal?.throwIfAborted();
      references.push(await session.run(feed, outputs));
    }
  }
  return outputDistanceMetric({ feeds, references, ...(outputs ? { outputs } : {}) });
}

function mapOf(outputs: ImageOutputs, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new SensitivityError(
    "invalid-metric",
    `outputDistanceMetric: output "${name}" ${data ? `is of type ${outputs[name]?.dtype}` : "is missing"}; name outputs that are float32 maps of probabilities`,
  );
}
