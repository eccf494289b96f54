import { createRandom, type Model, type RunOptions } from "@ocrslim/graph";
import { RuntimeError } from "./errors.ts";
import { type Feeds, randomFeeds } from "./feeds.ts";
import type { Runtime, Session } from "./types.ts";

/** Options of {@link measureLatency}. */
export interface LatencyOptions extends RunOptions {
  /**
   * Dims of the inputs, by input name; they are filled at random. Inputs of fixed shape may be left
   * out, and names that a model does not have are passed over.
   */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** What to run instead of random inputs; goes to every model. */
  readonly feeds?: Feeds;
  /** Timed runs of each model, 1 or more. Default: 30. */
  readonly runs?: number;
  /** Runs before that are not timed, 0 or more. Default: 5. */
  readonly warmup?: number;
  /** Seconds after which no further round starts; at least one is timed. Default: no limit. */
  readonly maxSeconds?: number;
  /** Threads within one operator. Default: the runtime's. */
  readonly threads?: number;
}

export const LATENCY_DEFAULTS: Readonly<Required<Pick<LatencyOptions, "runs" | "warmup">>> = {
  runs: 30,
  warmup: 5,
};

/** How long one model takes. */
export interface ModelLatency {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly meanMs: number;
  readonly minMs: number;
  /** Milliseconds of each timed run, in the order of the rounds. */
  readonly samples: readonly number[];
}

/** What {@link measureLatency} found. */
export interface LatencyReport {
  /** Threads within one operator; `undefined` if left to the runtime. */
  readonly threads: number | undefined;
  /** Dims of the first model's first input. */
  readonly inputShape: readonly number[];
  readonly models: readonly ModelLatency[];
  /** With two models: median over the rounds of second / first, so that a drifting machine cancels. */
  readonly ratio?: number;
}

/**
 * Times one model, or two in turns: A B, B A, A B, …, each round one run of both.
 * @throws RuntimeError `invalid-option` for a bad count or an unknown input shape; `load-failed`.
 */
export async function measureLatency(
  runtime: Runtime,
  models: readonly (Model | Uint8Array | string)[],
  options: LatencyOptions = {},
): Promise<LatencyReport> {
  const { runs, warmup } = { ...LATENCY_DEFAULTS, ...definedCounts(options) };
  if (models.length < 1 || models.length > 2) {
    throw new RuntimeError(
      "invalid-option",
      `measureLatency: got ${models.length} models; give one or two`,
    );
  }
  assertCount("runs", runs, 1);
  assertCount("warmup", warmup, 0);
  const threads = options.threads ?? runtime.threads;
  const sessions: Session[] = [];
  try {
    for (const model of models) {
      sessions.push(await runtime.load(model, threads === undefined ? {} : { threads }));
    }
    const entrants = sessions.map((session) => ({
      session,
      feeds: options.feeds ?? randomFeeds(session, options.inputShapes ?? {}, createRandom(0)),
      samples: [] as number[],
    }));
    const samples = await timeRounds(entrants, { ...options, runs, warmup });
    const [first, second] = samples;
    const firstInput = sessions[0]?.inputs[0]?.name ?? "";
    return {
      threads,
      inputShape: entrants[0]?.feeds[firstInput]?.dims ?? [],
      models: samples.map(summarize),
      ...(first && second ? { ratio: pairedRatio(first, second) } : {}),
    };
  } finally {
    for (const session of sessions) await session.dispose();
  }
}

interface Entrant {
  readonly session: Session;
  readonly feeds: Feeds;
  readonly samples: number[];
}

async function timeRounds(
  entrants: readonly Entrant[],
  options: LatencyOptions & { readonly runs: number; readonly warmup: number },
): Promise<readonly (readonly number[])[]> {
  const { runs, warmup, maxSeconds, signal, onProgress } = options;
  const task = "measure latency";
  for (let round = 0; round < warmup; round++) {
    for (const { session, feeds } of entrants) {
      signal?.throwIfAborted();
      await session.run(feeds);
    }
  }
  onProgress?.({ kind: "start", task, total: runs, unit: "rounds" });
  const start = performance.now();
  for (let round = 0; round < runs; round++) {
    if (round > 0 && maxSeconds !== undefined && performance.now() - start > maxSeconds * 1000) {
      break;
    }
    const order = round % 2 === 0 ? entrants : entrants.toReversed();
    for (const { session, feeds, samples } of order) {
      signal?.throwIfAborted();
      const before = performance.now();
      await session.run(feeds);
      samples.push(performance.now() - before);
    }
    onProgress?.({ kind: "advance", task, done: round + 1, total: runs, unit: "rounds" });
  }
  onProgress?.({ kind: "end", task });
  return entrants.map(({ samples }) => samples);
}

function summarize(samples: readonly number[]): ModelLatency {
  return {
    medianMs: quantile(samples, 0.5),
    p95Ms: quantile(samples, 0.95),
    meanMs: samples.reduce((sum, sample) => sum + sample, 0) / samples.length,
    minMs: Math.min(...samples),
    samples,
  };
}

function pairedRatio(first: readonly number[], second: readonly number[]): number {
  return quantile(
    first.map((sample, round) => (second[round] ?? Number.NaN) / sample),
    0.5,
  );
}

/** The q-quantile (0–1) with linear interpolation between the two nearest samples. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const low = Math.floor(position);
  const below = sorted[low] ?? Number.NaN;
  const above = sorted[low + 1] ?? below;
  return below + (above - below) * (position - low);
}

function definedCounts(options: LatencyOptions): Partial<typeof LATENCY_DEFAULTS> {
  return {
    ...(options.runs === undefined ? {} : { runs: options.runs }),
    ...(options.warmup === undefined ? {} : { warmup: options.warmup }),
  };
}

function assertCount(name: string, count: number, least: number): void {
  if (Number.isSafeInteger(count) && count >= least) return;
  throw new RuntimeError(
    "invalid-option",
    `measureLatency: ${name} is ${count}; give an integer of ${least} or more`,
  );
}
