import {
  type ChannelGroup,
  cloneModel,
  createRunContext,
  findChannelGroups,
  inferShapes,
  type Logger,
  type Model,
  type RunOptions,
  removeChannels,
} from "@ocrslim/graph";
import { RuntimeError } from "../errors.ts";
import { describeMachine } from "../node.ts";
import type { Runtime } from "../types.ts";
import { designVariants } from "./design-variants.ts";
import { findChannelMultiple } from "./find-channel-multiple.ts";
import { fitLayerTimes, type LayerSample } from "./fit-layer-times.ts";
import type { LatencyTable, LayerTimes, TableMachine } from "./latency-table.ts";
import { listTimedLayers } from "./list-timed-layers.ts";
import { sumLayerTimes } from "./predict-latency.ts";
import { timeVariants, type Variant, type VariantTimes } from "./time-variants.ts";
import type { TimedLayer } from "./timed-layer.ts";

/** Options of {@link buildLatencyTable}. */
export interface BuildLatencyTableOptions extends RunOptions {
  /** Must write profiles, as onnxruntime-node does. */
  readonly runtime: Runtime;
  /** Shapes of the inputs whose declared dims are not all numbers. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Groups whose widths may change. Default: all that `findChannelGroups` finds. */
  readonly groups?: readonly ChannelGroup[];
  /** Threads within one operator. Default: the runtime's. */
  readonly threads?: number;
  /** Timed runs of each variant, 4 or more. Default: 16. */
  readonly rounds?: number;
  /** Runs of each variant before that, 0 or more. Default: 2. */
  readonly warmup?: number;
  /** Seconds that measuring may take; rounds are left out if it would take longer. Default: 60. */
  readonly maxSeconds?: number;
  /** Narrowest width to measure, as a part of a group's full width, above 0, up to 1. Default: 0.25. */
  readonly leastWidth?: number;
  /** Channels to a block. Default: measured. */
  readonly channelMultiple?: number;
  /**
   * Largest median difference between two measurements of the same layer, 0–1, with which the table
   * is still of use. Default: 0.25.
   */
  readonly maxDifference?: number;
  /** Milliseconds from any origin. Default: `performance.now`. */
  readonly now?: () => number;
}

export const BUILD_LATENCY_TABLE_DEFAULTS: Readonly<
  Required<
    Pick<
      BuildLatencyTableOptions,
      "rounds" | "warmup" | "maxSeconds" | "leastWidth" | "maxDifference"
    >
  >
> = { rounds: 16, warmup: 2, maxSeconds: 60, leastWidth: 0.25, maxDifference: 0.25 };

/** Part that a whole run may take over its layers at their best before a warning. */
const BUSY = 0.25;

/** Layers below this share of the time say nothing about how well it repeats. */
const NOTABLE_SHARE = 0.01;

/**
 * Measures how long each layer of a model takes at which widths, on this machine.
 *
 * Layers are timed in place: 15 variants of the model, whose groups stand at four widths each so that
 * every pair of widths of neighbouring groups occurs (an orthogonal array), are run in turns with the
 * model itself, and ONNX Runtime's profile says what each kernel took. So memory layouts, the changes
 * between them and what lies in the caches are those of a real pruned model, which a micro-model of
 * one layer does not have. The fastest tenth of each layer's times counts, and the model itself,
 * run in each round, cancels out a drifting machine. Sums of layers are brought to the ratios of whole
 * runs, which also hold what the executor needs whatever the widths.
 *
 * PP-OCRv4 det at 640×640: 30 to 60 s on 2 cores.
 *
 * @throws RuntimeError `invalid-option`; `unsupported` if the runtime writes no profile;
 *   `noisy-machine` if two measurements of the same layers differ by more than `maxDifference`
 *   (median over the layers that matter); GraphError as `inferShapes` does. A busy machine is warned
 *   of through `logger`.
 * @category Analysis
 * @example
 * ```ts
 * const table = await buildLatencyTable(model, { runtime, inputShapes: { x: [1, 3, 640, 640] } });
 * table.channelMultiple; // → 8
 * ```
 */
export async function buildLatencyTable(
  model: Model,
  options: BuildLatencyTableOptions,
): Promise<LatencyTable> {
  const settings = { ...BUILD_LATENCY_TABLE_DEFAULTS, ...definedOnly(options) };
  assertSettings(settings);
  const { runtime, rounds, warmup, maxSeconds, leastWidth } = settings;
  const context = createRunContext(options);
  const now = options.now ?? (() => performance.now());
  const start = now();
  const threads = options.threads ?? runtime.threads;
  const channelMultiple =
    options.channelMultiple ?? (await findChannelMultiple(runtime, { threads, context }));
  context.logger.debug(`buildLatencyTable: blocks of ${channelMultiple} channels`);
  const shapes = inferShapes(
    model,
    options.inputShapes ? { inputShapes: options.inputShapes } : {},
  );
  const { inputShapes } = shapes;
  const reference: Variant = { model, layers: listTimedLayers(model, { shapes }) };
  const groups = (options.groups ?? findChannelGroups(model, { shapes })).filter(
    ({ blocked }) => blocked === undefined,
  );
  const designs = designVariants(reference.layers, groups, { channelMultiple, leastWidth });
  const variants = designs.map((widths) => makeVariant(model, groups, widths, inputShapes));
  const times = await timeVariants(runtime, reference, variants, {
    inputShapes,
    rounds,
    warmup,
    maxSeconds: maxSeconds - (now() - start) / 1000,
    threads,
    now,
    context,
  });
  const repeats = compareHalves(times);
  if (repeats.median > settings.maxDifference) throw tooNoisy(repeats.median, settings);
  warnIfBusy(times, context.logger);
  const table: LatencyTable = {
    formatVersion: 1,
    machine: describeTableMachine(runtime, threads),
    inputShapes,
    channelMultiple,
    layers: collectLayers([reference, ...variants], [times.reference, ...times.variants], {
      channelMultiple,
    }),
    reference: { medianMs: times.referenceMs, layersMs: 0 },
    repeatability: repeats.largest,
  };
  const layersMs = sumLayerTimes(table, reference.layers);
  return { ...table, reference: { medianMs: times.referenceMs, layersMs } };
}

/** @internal What a table measured now would state of the machine. */
export function describeTableMachine(runtime: Runtime, threads?: number): TableMachine {
  const { cpu, runtime: name, version } = describeMachine(runtime);
  return {
    cpu,
    runtime: name,
    version,
    executionProviders: runtime.executionProviders,
    threads: threads ?? runtime.threads ?? null,
  };
}

function makeVariant(
  model: Model,
  groups: readonly ChannelGroup[],
  widths: ReadonlyMap<string, number>,
  inputShapes: Readonly<Record<string, readonly number[]>>,
): Variant {
  const pruned = cloneModel(model);
  const keep = new Map(
    [...widths].map(([id, width]) => [id, Array.from({ length: width }, (_, channel) => channel)]),
  );
  removeChannels(pruned, { groups, keep, shapes: inferShapes(pruned, { inputShapes }) });
  return { model: pruned, layers: listTimedLayers(pruned, { inputShapes }) };
}

/** Gathers the samples of each signature over all variants. */
function collectLayers(
  variants: readonly Variant[],
  times: readonly (readonly number[])[],
  { channelMultiple }: { readonly channelMultiple: number },
): readonly LayerTimes[] {
  const samples = new Map<string, LayerSample[]>();
  variants.forEach(({ layers }, variant) => {
    layers.forEach((layer, index) => {
      const own = samples.get(layer.signature) ?? [];
      samples.set(layer.signature, own);
      own.push({
        inputs: layer.input.reduce((sum, { size }) => sum + size, 0),
        outputs: layer.output.size,
        ms: times[variant]?.[index] ?? 0,
      });
    });
  });
  const isMixing = mixingSignatures(variants[0]?.layers ?? []);
  return [...samples].map(([signature, own]) =>
    fitLayerTimes(signature, own, channelMultiple, !isMixing.has(signature)),
  );
}

/** Signatures whose outputs do not follow from the inputs. */
function mixingSignatures(layers: readonly TimedLayer[]): ReadonlySet<string> {
  return new Set(
    layers
      .filter(({ signature }) => isMixingSignature(signature))
      .map(({ signature }) => signature),
  );
}

const isMixingSignature = (signature: string): boolean =>
  /^(Conv|ConvTranspose|Gemm|MatMul) /.test(signature) && !signature.includes(" depthwise ");

function compareHalves({ halves, reference }: VariantTimes): {
  readonly median: number;
  readonly largest: number;
} {
  const total = reference.reduce((sum, time) => sum + time, 0);
  const differences = reference.flatMap((time, layer) => {
    const [first, second] = halves.map((half) => half[layer] ?? 0);
    if (first === undefined || second === undefined || time < NOTABLE_SHARE * total) return [];
    return [Math.abs(first - second) / Math.max(Number.EPSILON, (first + second) / 2)];
  });
  const sorted = differences.toSorted((a, b) => a - b);
  return {
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    largest: sorted.at(-1) ?? 0,
  };
}

/** A whole run takes a few percent longer than its layers at their best, if nothing else runs. */
function warnIfBusy({ referenceMs, reference }: VariantTimes, logger: Logger): void {
  const layersMs = reference.reduce((sum, time) => sum + time, 0);
  const over = referenceMs / layersMs - 1;
  if (!(over > BUSY)) return;
  logger.warn(
    `buildLatencyTable: the machine is busy: the model takes ${Math.round(100 * over)} % longer than its layers do undisturbed, and predictions may be off; measure again when it is quiet`,
  );
}

function tooNoisy(
  difference: number,
  { maxDifference }: { readonly maxDifference: number },
): Error {
  const percent = (part: number): string => `${Math.round(100 * part)} %`;
  return new RuntimeError(
    "noisy-machine",
    `buildLatencyTable: two measurements of the same layers differ by ${percent(difference)} (median), more than ${percent(maxDifference)}; end other work on this machine and measure again, with more rounds if need be`,
  );
}

function assertSettings(settings: {
  readonly rounds: number;
  readonly warmup: number;
  readonly maxSeconds: number;
  readonly leastWidth: number;
  readonly maxDifference: number;
  readonly channelMultiple?: number;
}): void {
  const { rounds, warmup, maxSeconds, leastWidth, maxDifference, channelMultiple = 1 } = settings;
  const whole = (value: number, least: number): boolean =>
    Number.isSafeInteger(value) && value >= least;
  const checks: readonly [boolean, string, number, string][] = [
    [whole(rounds, 4), "rounds", rounds, "an integer of 4 or more"],
    [whole(warmup, 0), "warmup", warmup, "an integer of 0 or more"],
    [maxSeconds > 0, "maxSeconds", maxSeconds, "a number above 0"],
    [leastWidth > 0 && leastWidth <= 1, "leastWidth", leastWidth, "a number above 0, up to 1"],
    [maxDifference >= 0, "maxDifference", maxDifference, "a number of 0 or more"],
    [whole(channelMultiple, 1), "channelMultiple", channelMultiple, "an integer of 1 or more"],
  ];
  for (const [good, name, value, wanted] of checks) {
    if (good) continue;
    throw new RuntimeError(
      "invalid-option",
      `buildLatencyTable: ${name} is ${value}; give ${wanted}`,
    );
  }
}

/** Options that are `undefined` give way to the defaults. */
function definedOnly(options: BuildLatencyTableOptions): BuildLatencyTableOptions {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as unknown as BuildLatencyTableOptions;
}
