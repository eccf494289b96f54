import { createRandom, type Model, type RunContext } from "@ocrslim/graph";
import { randomFeeds } from "../feeds.ts";
import { quantile } from "../latency.ts";
import type { Runtime, Session, SessionOptions } from "../types.ts";
import { attributeKernels, listRunTimes, markLayers } from "./attribute-kernels.ts";
import { openProfiledSession, type ProfiledSession } from "./profiled-session.ts";
import type { TimedLayer } from "./timed-layer.ts";

/** @internal A model to be timed layer by layer. */
export interface Variant {
  readonly model: Model;
  readonly layers: readonly TimedLayer[];
}

/** @internal How {@link timeVariants} measures. */
export interface TimeVariantsOptions {
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Timed rounds of each batch. */
  readonly rounds: number;
  readonly warmup: number;
  /** Seconds for all together; rounds are left out if it would take longer. */
  readonly maxSeconds: number;
  readonly threads: number | undefined;
  readonly now: () => number;
  readonly context: RunContext;
}

/** @internal What {@link timeVariants} found. */
export interface VariantTimes {
  /** Milliseconds of each layer of each variant. */
  readonly variants: readonly (readonly number[])[];
  /** The same of the reference. */
  readonly reference: readonly number[];
  /** Measured twice: from the runs of even and of odd rounds. */
  readonly halves: readonly [readonly number[], readonly number[]];
  /** Milliseconds of a whole run of the reference, unprofiled: median. */
  readonly referenceMs: number;
}

/** Variants that are loaded at the same time. */
const BATCH = 5;

/**
 * Which quantile of a layer's times counts. Other work on the machine only ever adds to a time, and
 * adds to the longer ones in nearly every run: the median of a short layer would be free of it, that
 * of a long one would not, and pruned models would seem faster than they are.
 */
const QUANTILE = 0.1;

const FEWEST_ROUNDS = 4;

/**
 * @internal Times all layers of variants of a model in place, from the runtime's profile. The
 * reference is run in each round of each batch, so that a machine that drifts between batches cancels
 * out.
 */
export async function timeVariants(
  runtime: Runtime,
  reference: Variant,
  variants: readonly Variant[],
  options: TimeVariantsOptions,
): Promise<VariantTimes> {
  const batches: (readonly Variant[])[] = [];
  for (let at = 0; at < Math.max(1, variants.length); at += BATCH) {
    batches.push(variants.slice(at, at + BATCH));
  }
  const { context, now } = options;
  const task = "measure layers";
  const total = batches.length;
  context.onProgress({ kind: "start", task, total, unit: "batches" });
  const end = now() + options.maxSeconds * 1000;
  const results: BatchTimes[] = [];
  for (const [index, batch] of batches.entries()) {
    const allowedMs = Math.max(0, end - now()) / (total - index);
    results.push(await timeBatch(runtime, reference, batch, allowedMs, options));
    context.onProgress({ kind: "advance", task, done: index + 1, total, unit: "batches" });
  }
  context.onProgress({ kind: "end", task });
  return normalize(results);
}

interface BatchTimes {
  /** `[entrant][run][layer]`; the reference comes first. */
  readonly runs: readonly (readonly Float64Array[])[];
  /** Milliseconds of the runs as a whole, `[entrant][run]`. */
  readonly runMs: readonly (readonly number[])[];
  /** Of the reference, without a profile. */
  readonly wholeMs: readonly number[];
}

async function timeBatch(
  runtime: Runtime,
  reference: Variant,
  batch: readonly Variant[],
  allowedMs: number,
  options: TimeVariantsOptions,
): Promise<BatchTimes> {
  const { inputShapes, rounds, warmup, threads, now, context } = options;
  const sessionOptions: SessionOptions = threads === undefined ? {} : { threads };
  const feeds = randomFeeds(reference.model, inputShapes, createRandom(0));
  const entrants = [reference, ...batch];
  const sessions: ProfiledSession[] = [];
  let whole: Session | undefined;
  try {
    whole = await runtime.load(reference.model, sessionOptions);
    for (const { model, layers } of entrants) {
      const marked = markLayers(model, layers);
      sessions.push(await openProfiledSession(runtime, marked, feeds, sessionOptions));
    }
    const wholeMs: number[] = [];
    const start = now();
    for (let round = -warmup; round < rounds; round++) {
      const elapsed = now() - start;
      const each = elapsed / Math.max(1, round + warmup);
      if (round >= FEWEST_ROUNDS && elapsed + each > allowedMs) break;
      context.signal?.throwIfAborted();
      const before = now();
      await whole.run(feeds);
      if (round >= 0) wholeMs.push(now() - before);
      for (const session of round % 2 === 0 ? sessions : sessions.toReversed()) {
        await session.run();
      }
    }
    const runs: (readonly Float64Array[])[] = [];
    const runMs: (readonly number[])[] = [];
    for (const [index, session] of sessions.entries()) {
      const layerCount = entrants[index]?.layers.length ?? 0;
      const events = await session.finish();
      runs.push(attributeKernels(events, layerCount).slice(warmup));
      runMs.push(listRunTimes(events).slice(warmup));
    }
    return { runs, runMs, wholeMs };
  } finally {
    await whole?.dispose();
    for (const session of sessions) await session.dispose();
  }
}

function summarize(runs: readonly Float64Array[]): readonly number[] {
  const layerCount = runs[0]?.length ?? 0;
  return Array.from({ length: layerCount }, (_, layer) =>
    quantile(
      runs.map((times) => times[layer] ?? 0),
      QUANTILE,
    ),
  );
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, number) => total + number, 0);

/** Scales each batch so that the reference takes the same time in all of them. */
function normalize(batches: readonly BatchTimes[]): VariantTimes {
  const references = batches.map(({ runs }) => summarize(runs[0] ?? []));
  const level = quantile(references.map(sum), 0.5);
  const scales = references.map((times) => (sum(times) > 0 ? level / sum(times) : 1));
  const scaled = (times: readonly number[], batch: number): readonly number[] =>
    times.map((time) => time * (scales[batch] ?? 1));
  const mean = (lists: readonly (readonly number[])[]): readonly number[] =>
    (lists[0] ?? []).map((_, layer) => sum(lists.map((list) => list[layer] ?? 0)) / lists.length);
  const half = (parity: number): readonly number[] =>
    mean(
      batches.map(({ runs }, batch) =>
        scaled(summarize((runs[0] ?? []).filter((_, run) => run % 2 === parity)), batch),
      ),
    );
  const variants = batches.flatMap(({ runs }, batch) =>
    runs.slice(1).map((entrant) => scaled(summarize(entrant), batch)),
  );
  const ratios = batches.flatMap(({ runMs: [first = [], ...others] }) =>
    others.map((ms) => pairedRatio(ms, first)),
  );
  const reference = mean(references.map(scaled));
  return {
    variants: alignSums(variants, ratios, reference),
    reference,
    halves: [half(0), half(1)],
    referenceMs: quantile(
      batches.flatMap(({ wholeMs }) => wholeMs),
      0.5,
    ),
  };
}

const pairedRatio = (numerators: readonly number[], denominators: readonly number[]): number =>
  quantile(
    numerators.map((ms, run) => ms / (denominators[run] ?? Number.NaN)),
    0.5,
  );

/** Most of the time that can be taken for independent of the widths. */
const MOST_FIXED = 0.5;

/**
 * Brings the sums of layers to the ratios of whole runs, which were measured side by side: what the
 * executor needs whatever the widths, and what other work does to long kernels alone, makes narrow
 * variants seem too fast. Takes a part γ of each layer's time in the reference for independent of the
 * widths, so that a variant of x times the reference's sum has x + γ (1 − x) times its time; γ by
 * least squares over all variants, so that the noise of single ratios does not get in.
 */
function alignSums(
  variants: readonly (readonly number[])[],
  ratios: readonly number[],
  reference: readonly number[],
): readonly (readonly number[])[] {
  const whole = sum(reference);
  let above = 0;
  let below = 0;
  variants.forEach((times, variant) => {
    const share = sum(times) / whole;
    const excess = (ratios[variant] ?? Number.NaN) - share;
    if (!Number.isFinite(excess)) return;
    above += excess * (1 - share);
    below += (1 - share) ** 2;
  });
  const fixed = below > 0 ? Math.min(MOST_FIXED, Math.max(0, above / below)) : 0;
  return variants.map((times) =>
    times.map((time, layer) => time + fixed * ((reference[layer] ?? time) - time)),
  );
}
