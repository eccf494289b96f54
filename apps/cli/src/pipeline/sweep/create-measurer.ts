import type { Evaluate, RunOptions } from "@ocrslim/graph";
import { computeAgreement, evaluateDetector } from "@ocrslim/ocr-det";
import { type ActivationStatistics, collectActivationStatistics } from "@ocrslim/prune";
import type { Runtime } from "@ocrslim/runtime";
import {
  type AblationOptions,
  createAblation,
  createOutputDistanceMetric,
  type ImageMetric,
  type PointMeasurer,
  type PruneModel,
  type SensitivityOptions,
} from "@ocrslim/sensitivity";
import { createMapEvaluator } from "../compare-maps.ts";
import { createCriterion, needsStatistics } from "../criteria.ts";
import { detectAll, loadFeeds, withDetector } from "../detection.ts";
import { createDetectionMetric } from "../detection-metric.ts";
import { pruneModel } from "../prune-model.ts";
import type { SweepInputs } from "./sweep-inputs.ts";

/** How much of the machine an ablation takes. */
export type AblationLimits = Pick<AblationOptions<unknown>, "concurrency" | "memoryLimit">;

/** What activations are, if the criterion or the compensation looks at them. */
export async function collectFor(
  { model, samples, settings, groups }: SweepInputs,
  runtime: Runtime,
  options: RunOptions,
): Promise<ActivationStatistics | undefined> {
  if (!settings.compensate && !needsStatistics(settings.criterion)) return undefined;
  const feeds = await loadFeeds(model, samples, settings.detection, options.signal);
  return await collectActivationStatistics(model, { ...options, groups, feeds, runtime });
}

/** Measures the points of a sweep; alone, in a shard or in a worker, it finds the same numbers. */
export async function createMeasurer(
  inputs: SweepInputs,
  runtime: Runtime,
  limits: AblationLimits,
  options: RunOptions,
): Promise<PointMeasurer> {
  const { model, settings, groups, inputShapes } = inputs;
  const statistics = await collectFor(inputs, runtime, options);
  const metric = await createMetric(inputs, runtime, options);
  const free = (): void => {
    if ("dispose" in metric) metric.dispose();
  };
  try {
    const { seed, maximumLoss } = settings;
    const prune = createCompensation(inputs, statistics, options);
    const measurer = await createAblation<unknown>(model, {
      ...options,
      ...limits,
      ...(maximumLoss === undefined ? {} : { maximumLoss }),
      ...(prune ? { prune } : {}),
      ...{ groups, inputShapes, metric, seed },
      criterion: createCriterion(settings.criterion, model, statistics),
    });
    return {
      ...measurer,
      dispose: async () => {
        await measurer.dispose();
        free();
      },
    };
  } catch (error) {
    free();
    throw error;
  }
}

/** An image metric, which may have to be freed. */
type SweepMetric = ImageMetric<unknown> | (ImageMetric<unknown> & { dispose(): void });

async function createMetric(
  { model, samples, settings }: SweepInputs,
  runtime: Runtime,
  { signal }: RunOptions,
): Promise<SweepMetric> {
  if (settings.method === "output-distance") {
    const feeds = await loadFeeds(model, samples, settings.detection, signal);
    const metric = await createOutputDistanceMetric(model, {
      ...{ feeds, runtime },
      ...(signal ? { signal } : {}),
    });
    return metric as ImageMetric<unknown>;
  }
  const { metric: kind, detection } = settings;
  return await createDetectionMetric({
    kind,
    model,
    samples,
    settings: detection,
    runtime,
    signal,
  });
}

/** Pruning that makes up for the means of what is removed; `undefined` without it. */
function createCompensation(
  { settings, groups }: SweepInputs,
  statistics: ActivationStatistics | undefined,
  { signal }: RunOptions,
): PruneModel | undefined {
  if (!settings.compensate || !statistics) return undefined;
  return (variant, plan) => pruneModel(variant, { plan, groups, statistics, signal });
}

/** The plain way: every variant is loaded and run as a whole. */
export async function createPlainFunctions(
  inputs: SweepInputs,
  runtime: Runtime,
  options: RunOptions,
): Promise<Pick<SensitivityOptions, "criterion" | "evaluate" | "prune">> {
  const { model, settings, groups } = inputs;
  const { signal } = options;
  const statistics = await collectFor(inputs, runtime, options);
  return {
    criterion: createCriterion(settings.criterion, model, statistics),
    evaluate: await createEvaluator(inputs, runtime, options),
    prune:
      createCompensation(inputs, statistics, options) ??
      ((variant, plan) => pruneModel(variant, { plan, groups, signal })),
  };
}

async function createEvaluator(
  { model, samples, settings }: SweepInputs,
  runtime: Runtime,
  { signal }: RunOptions,
): Promise<Evaluate> {
  const { metric, detection } = settings;
  const quiet = signal ? { signal } : {};
  if (metric === "map") {
    const feeds = await loadFeeds(model, samples, detection, signal);
    return createMapEvaluator(runtime, model, feeds, signal);
  }
  if (metric === "hmean") {
    return async (variant) => {
      const report = await withDetector(runtime, variant, detection, (detector) =>
        evaluateDetector(detector, samples, quiet),
      );
      return { metric: report.hmean, images: samples.length };
    };
  }
  const reference = await detectAll(runtime, model, detection, samples, quiet);
  return async (variant) => {
    const found = await detectAll(runtime, variant, detection, samples, quiet);
    return { metric: computeAgreement(reference, found).hmean, images: samples.length };
  };
}
