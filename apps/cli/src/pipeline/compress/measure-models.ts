import { computeCost, createRandom, type Model } from "@ocrslim/graph";
import { computeAgreement, type Sample, type SampleDetections } from "@ocrslim/ocr-det";
import { measureLatency, profileModel, randomFeeds } from "@ocrslim/runtime";
import type { AlsoMeasured, CostMeasures, Measures, OpTypeShare } from "../../report/types.ts";
import { compareWithLabels, detectAll } from "../detection.ts";
import type { CompressSettings } from "./settings.ts";

/** The three models that are compared. */
export interface Models<T = Model> {
  readonly original: T;
  readonly simplified: T;
  readonly slim: T;
}

const sides = ["original", "simplified", "slim"] as const;

async function forEachSide<T>(measure: (side: keyof Models) => Promise<T>): Promise<Models<T>> {
  const [original, simplified, slim] = sides;
  return {
    original: await measure(original),
    simplified: await measure(simplified),
    slim: await measure(slim),
  };
}

/** What the original and the slim model find. */
export interface Found {
  readonly original: readonly SampleDetections[];
  readonly slim: readonly SampleDetections[];
}

/** What both models find on the evaluation images. */
export async function detectOnEvaluation(
  settings: CompressSettings,
  models: Models,
): Promise<Found> {
  const { runtime, detection, evaluation, context, log } = settings;
  log.step(`evaluate on ${evaluation.length} held-out images`);
  const detect = (model: Model): Promise<SampleDetections[]> =>
    detectAll(runtime, model, detection, evaluation, context.runOptions());
  return { original: await detect(models.original), slim: await detect(models.slim) };
}

/** hmean where there are labels, and agreement with the original. */
function compare(
  samples: readonly Sample[],
  reference: readonly SampleDetections[],
  found: readonly SampleDetections[],
): Pick<Measures, "hmean" | "precision" | "recall" | "agreement"> {
  const labels = compareWithLabels(samples, found);
  return {
    ...(labels ? { hmean: labels.hmean, precision: labels.precision, recall: labels.recall } : {}),
    // A page without any detection on either side is in full agreement.
    agreement: reference === found ? 1 : agreementOf(reference, found),
  };
}

function agreementOf(
  reference: readonly SampleDetections[],
  found: readonly SampleDetections[],
): number {
  const metrics = computeAgreement(reference, found);
  return metrics.truthCare === 0 && metrics.predictedCare === 0 ? 1 : metrics.hmean;
}

/** Latency of the three models over the original's. */
export interface LatencyComparison {
  readonly medianMs: Models<number>;
  readonly ratio: { readonly simplified: number; readonly slim: number };
  readonly inputShape: readonly number[];
  readonly threads: number | undefined;
  /** Rounds that were timed with the slim model: fewer than wanted on a slow machine. */
  readonly rounds: number;
}

/** Times the original in turns with the simplified and with the slim model. */
export async function compareLatency(
  settings: CompressSettings,
  models: Models,
): Promise<LatencyComparison> {
  const { runtime, inputShapes, rounds, context, log } = settings;
  log.step(`measure latency, ${rounds} rounds`);
  const options = { ...context.runOptions(), inputShapes, runs: rounds, maxSeconds: 20 };
  const simplified = await measureLatency(runtime, [models.original, models.simplified], options);
  const slim = await measureLatency(runtime, [models.original, models.slim], options);
  const original = slim.models[0]?.medianMs ?? Number.NaN;
  const ratio = { simplified: simplified.ratio ?? 1, slim: slim.ratio ?? 1 };
  return {
    medianMs: {
      original,
      // From its own run the machine may have been faster or slower: the paired ratio counts.
      simplified: original * ratio.simplified,
      slim: slim.models[1]?.medianMs ?? Number.NaN,
    },
    ratio,
    inputShape: slim.inputShape,
    threads: slim.threads,
    rounds: slim.models[0]?.samples.length ?? 0,
  };
}

/** Time by operator of each model. */
export async function profileModels(
  settings: CompressSettings,
  models: Models,
): Promise<Models<readonly OpTypeShare[]>> {
  const { runtime, inputShapes, context } = settings;
  return forEachSide(async (side) => {
    const profile = await profileModel(runtime, models[side], {
      ...(context.signal ? { signal: context.signal } : {}),
      feeds: randomFeeds(models[side], inputShapes, createRandom(context.seed)),
      runs: 5,
    });
    return profile.opTypes.map(({ opType, count, meanMs }) => ({ opType, count, meanMs }));
  });
}

/** Puts together what each model measures. */
export function collectMeasures(
  settings: CompressSettings,
  models: Models,
  found: Found,
  latency: LatencyComparison,
  bytes: Models<number>,
): { readonly original: Measures; readonly simplified: CostMeasures; readonly slim: Measures } {
  const costsOf = (side: keyof Models): CostMeasures => {
    const cost = computeCost(models[side], { inputShapes: settings.inputShapes });
    return {
      nodes: [...models[side].graph.nodes].length,
      macs: cost.macs,
      parameters: cost.parameters,
      bytes: bytes[side],
      medianMs: latency.medianMs[side],
    };
  };
  const of = (side: keyof Found): Measures => ({
    ...compare(settings.evaluation, found.original, found[side]),
    ...costsOf(side),
  });
  return { original: of("original"), simplified: costsOf("simplified"), slim: of("slim") };
}

/** Measures the original and the slim model on the sets of `--also-measure`. */
export async function measureOthers(
  settings: CompressSettings,
  models: Models,
): Promise<AlsoMeasured[]> {
  const { runtime, detection, context } = settings;
  const results: AlsoMeasured[] = [];
  for (const { sources, samples } of settings.alsoMeasure) {
    const detect = (model: Model): Promise<SampleDetections[]> =>
      detectAll(runtime, model, detection, samples, context.runOptions());
    const reference = await detect(models.original);
    const found = await detect(models.slim);
    results.push({
      source: sources.join(", "),
      images: samples.length,
      before: compare(samples, reference, reference),
      after: compare(samples, reference, found),
    });
  }
  return results;
}
