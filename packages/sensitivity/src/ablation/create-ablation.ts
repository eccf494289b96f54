import {
  type ChannelGroup,
  type Criterion,
  cloneModel,
  createRandom,
  createRunContext,
  inferShapes,
  type Model,
  type RunOptions,
} from "@ocrslim/graph";
import type { Runtime } from "@ocrslim/runtime";
import { messageOf, SensitivityError } from "../errors.ts";
import { mixSeed } from "../mix-seed.ts";
import type { PointMeasurer, PointResult } from "../point-measurer.ts";
import type { PointSpec } from "../points.ts";
import { decideLoss, listLooks } from "../racing/decide-loss.ts";
import { comparePaired, lossInterval } from "../racing/paired-loss.ts";
import type { LossReference } from "../report.ts";
import { isCuttable } from "./find-cut.ts";
import { createFrontierCache } from "./frontier-cache.ts";
import { createFrontierPool } from "./frontier-pool.ts";
import type { ImageMetric } from "./image-metric.ts";
import { createValueMatcher } from "./match-values.ts";
import { openVariant, openWhole, type Variant, type VariantContext } from "./open-variant.ts";
import { createParallelRuntime } from "./parallel-runtime.ts";
import { createPlanner } from "./plan-point.ts";
import { createPruner, type PruneModel } from "./prune-group.ts";
import { runAhead } from "./run-ahead.ts";
import { declareTypes } from "./suffix-model.ts";

/** Options of {@link createAblation}. */
export interface AblationOptions<Score> extends RunOptions {
  readonly groups: readonly ChannelGroup[];
  /** Says which channels go first. */
  readonly criterion: Criterion;
  /** Input shapes at which the groups were found, by input name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly metric: ImageMetric<Score>;
  /** Carries out a plan. Default: removes the channels from `groups`, faster than a general one. */
  readonly prune?: PruneModel;
  /**
   * Default: a {@link createParallelRuntime} of `concurrency` threads, which ends with the measurer. One
   * that is given stays the caller's.
   */
  readonly runtime?: Runtime;
  /**
   * Images that are run beside each other, 1 or more. Default: as many as the runtime runs at the same
   * time; all cores without one.
   */
  readonly concurrency?: number;
  /** Bytes of inner values that are kept. Default: 1 GiB. What does not fit is computed again. */
  readonly memoryLimit?: number;
  /** Seed (32 bits) of the criterion and of the order of images. Default: drawn from `random`. */
  readonly seed?: number;
  /**
   * Relative loss (0–1) that is still acceptable. A point ends as soon as it is known on which side it
   * lies. Default: none, every image is measured.
   */
  readonly maximumLoss?: number;
  /** Probability (0–1) that an early end is right, and of intervals. Default: 0.95. */
  readonly confidence?: number;
  /** What losses are divided by. Default: `baseline`. */
  readonly relativeTo?: LossReference;
}

export const ABLATION_DEFAULTS: Readonly<{
  memoryLimit: number;
  confidence: number;
  relativeTo: LossReference;
}> = { memoryLimit: 2 ** 30, confidence: 0.95, relativeTo: "baseline" };

/**
 * Returns what measures points by really removing channels, without running again what they leave
 * alone: a variant is the baseline up to the first node that the cut changes, so that the values it
 * starts from are computed once per image and kept, and only the rest of the model is run. Images run
 * beside each other on the cores, and are scored meanwhile.
 *
 * A metric is a function of model, point and images alone: it does not depend on the order of points,
 * on concurrency, on what fits into memory, or on a run having been resumed. It is that of the plain
 * way (load the pruned model, run each image, score it) up to the rounding of float32 sums, which a
 * fusion across the cut makes differ.
 *
 * With `maximumLoss`, images are taken in an order drawn by the seed, and a point stops once its side
 * is known at the confidence given (see `decideLoss`); its metric is what all images would give at the
 * loss that was found on those measured.
 * @throws SensitivityError `invalid-option`; `invalid-score` or `invalid-metric` from what it returns
 *   if the criterion or the metric are not numbers; `point-failed` if an image can not be measured.
 * @category Analysis
 */
export async function createAblation<Score>(
  model: Model,
  options: AblationOptions<Score>,
): Promise<PointMeasurer> {
  assertOptions(options);
  const { groups, inputShapes, metric, maximumLoss } = options;
  const { memoryLimit, confidence, relativeTo } = { ...ABLATION_DEFAULTS, ...defined(options) };
  const seed = options.seed ?? Math.floor(createRunContext(options).random() * 2 ** 32);
  const baseline = cloneModel(model);
  const shapes = inferShapes(baseline, { inputShapes });
  declareTypes(baseline, shapes);
  const own = options.runtime
    ? undefined
    : await createParallelRuntime(defined({ concurrency: options.concurrency }));
  const runtime = options.runtime ?? own;
  if (!runtime) throw new SensitivityError("invalid-option", "createAblation: there is no runtime");
  const concurrency = options.concurrency ?? concurrencyOf(runtime);
  const cache = createFrontierCache({
    baseline,
    runtime,
    feeds: (image) => metric.feeds(image),
    memoryLimit,
  });
  const frontiers = createFrontierPool(cache);
  const context: VariantContext = {
    baseline,
    shapes,
    matcher: isCuttable(model) ? createValueMatcher(baseline) : undefined,
    runtime,
    frontiers,
  };
  const planPoint = createPlanner(model, {
    groups,
    inputShapes,
    seed,
    criterion: options.criterion,
  });
  const prune = options.prune ?? createPruner(baseline, groups, shapes);
  const order = imageOrder(metric.images, maximumLoss === undefined ? undefined : seed);

  /** Scores images, in turn; several go on at the same time, and some more wait for a core. */
  const scoreImages = (
    variant: Variant,
    images: readonly number[],
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<Score[]> =>
    runAhead(images, concurrency > 1 ? 2 * concurrency : 1, async (image) => {
      signal?.throwIfAborted();
      try {
        return await metric.score(image, await variant.run(image));
      } catch (cause) {
        throw new SensitivityError(
          "point-failed",
          `createAblation: ${what}: image ${image}: ${messageOf(cause)}`,
          { cause },
        );
      }
    });
  const combine = (scores: readonly Score[], what: string): number => {
    const value = metric.combine(scores);
    if (Number.isFinite(value)) return value;
    throw new SensitivityError(
      "invalid-metric",
      `createAblation: the metric of ${what} is ${value}; a metric is a finite number`,
    );
  };

  let scored: Promise<readonly Score[]> | undefined;
  const scoreBaseline = (signal: AbortSignal | undefined): Promise<readonly Score[]> => {
    const start = async (): Promise<readonly Score[]> => {
      const variant = await openWhole(model, context);
      try {
        return await scoreImages(variant, order, "the unpruned model", signal);
      } finally {
        await variant.dispose();
      }
    };
    // One that failed or was aborted is tried again.
    scored ??= start().catch((error: unknown) => {
      scored = undefined;
      throw error;
    });
    return scored;
  };

  const measureVariant = async (
    variant: Variant,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<PointResult> => {
    const expected = await scoreBaseline(signal);
    const all = combine(expected, "the unpruned model");
    const looks = maximumLoss === undefined ? [order.length] : listLooks(order.length);
    const scores: Score[] = [];
    for (const look of looks) {
      scores.push(...(await scoreImages(variant, order.slice(scores.length, look), what, signal)));
      const paired = comparePaired(
        expected.slice(0, look),
        scores,
        (some) => metric.combine(some),
        relativeTo,
      );
      const images = scores.length;
      const isLast = images === order.length;
      const race = { images: order.length, maximumLoss: maximumLoss ?? 0, confidence };
      if (!isLast && decideLoss(paired, race) === undefined) continue;
      const interval = lossInterval(paired, confidence);
      return {
        metric: isLast ? combine(scores, what) : metricAt(paired.loss, all, relativeTo),
        images,
        ...(interval ? { interval } : {}),
        ...(isLast ? {} : { isDecidedEarly: true }),
      };
    }
    throw new SensitivityError("invalid-option", "createAblation: there are no images");
  };

  return {
    async baseline(run = {}) {
      const value = combine(await scoreBaseline(run.signal), "the unpruned model");
      return { metric: value, images: metric.images };
    },
    async measure(point: PointSpec, run = {}) {
      const what = `group "${point.group}" at ratio ${point.ratio}`;
      const pruned = await prune(cloneModel(model), planPoint(point));
      const variant = await openVariant(pruned, context);
      try {
        return await measureVariant(variant, what, run.signal);
      } finally {
        await variant.dispose();
      }
    },
    async dispose() {
      await frontiers.dispose();
      await own?.dispose();
    },
  };
}

/** The metric at which a loss is `loss`. */
function metricAt(loss: number, baseline: number, relativeTo: LossReference): number {
  return baseline - loss * (relativeTo === "baseline" ? baseline : baseline + 1e-3);
}

/** The images in the order in which they are measured: shuffled if there is a seed. */
function imageOrder(count: number, seed: number | undefined): readonly number[] {
  const order = Array.from({ length: count }, (_, image) => image);
  if (seed === undefined) return order;
  const random = createRandom(mixSeed(seed, "images"));
  for (let index = order.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    const held = order[index] ?? 0;
    order[index] = order[other] ?? 0;
    order[other] = held;
  }
  return order;
}

function concurrencyOf(runtime: Runtime): number {
  const { concurrency } = runtime as Runtime & { readonly concurrency?: unknown };
  return typeof concurrency === "number" ? concurrency : 1;
}

/** The options that are given. */
function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function assertOptions<Score>(options: AblationOptions<Score>): void {
  const refuse = (what: string, value: unknown, remedy: string): never => {
    throw new SensitivityError(
      "invalid-option",
      `createAblation: ${what} is ${value}; give ${remedy}`,
    );
  };
  const { metric, concurrency = 1, memoryLimit = 0, maximumLoss = 0, confidence = 0.5 } = options;
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;
  if (!isCount(metric.images)) refuse("metric.images", metric.images, "at least one image");
  if (!isCount(concurrency)) refuse("concurrency", concurrency, "a positive integer");
  if (!(memoryLimit >= 0)) refuse("memoryLimit", memoryLimit, "bytes, 0 or more");
  if (!(maximumLoss >= 0 && maximumLoss <= 1))
    refuse("maximumLoss", maximumLoss, "a number of 0 to 1");
  if (!(confidence > 0 && confidence < 1)) {
    refuse("confidence", confidence, "a probability above 0 and below 1");
  }
}
