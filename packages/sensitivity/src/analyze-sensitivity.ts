import {
  type ChannelGroup,
  type Criterion,
  createRunContext,
  type Evaluate,
  inferShapes,
  type Model,
  type RunContext,
  type RunOptions,
  type SkippedGroup,
} from "@ocrslim/graph";
import { measureByEvaluating } from "./ablation/measure-by-evaluating.ts";
import { createPruner, type PruneModel } from "./ablation/prune-group.ts";
import { runSweep } from "./ablation/run-sweep.ts";
import { SensitivityError } from "./errors.ts";
import { hashModel } from "./hash-model.ts";
import type { CreatePointMeasurer, PointMeasurer } from "./point-measurer.ts";
import { listPoints, type PointSpec } from "./points.ts";
import {
  findDifference,
  type LossReference,
  type ReportHead,
  type SensitivityReport,
} from "./report.ts";
import { appendSensitivities, readSensitivitiesIfThere } from "./sensitivity-file.ts";

export type { PruneModel } from "./ablation/prune-group.ts";

/** Options of {@link analyzeSensitivity}. */
export interface SensitivityOptions extends RunOptions {
  readonly groups: readonly ChannelGroup[];
  /** Says which channels go first. */
  readonly criterion: Criterion;
  /** Measures the model and each pruned variant; higher = better. This, or `measurer`. */
  readonly evaluate?: Evaluate;
  /** Carries out a plan for `evaluate`. Default: removes the channels from `groups`. */
  readonly prune?: PruneModel;
  /** Makes what measures points, such as `createAblation`'s; disposed of in the end. Or `evaluate`. */
  readonly measurer?: CreatePointMeasurer;
  /** Points that are measured at the same time, 1 or more. Default: 1. */
  readonly concurrency?: number;
  /**
   * Relative loss (0–1) that is acceptable. If given, only the points between which a group's losses
   * come to exceed it are looked for, by bisection, and the others of the list are left out of the
   * report: what is measured is acceptable up to some ratio and not from the next one on. Default:
   * none, all points are measured.
   */
  readonly maximumLoss?: number;
  /**
   * Whether a point that can not be measured ends the run. Otherwise it is listed in the report's
   * `failed`, and tried again by a later run. Default: false.
   */
  readonly stopAtFailure?: boolean;
  /** Input shapes at which the groups were found, by input name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Fractions (above 0, at most 1) of channels to remove. Default: 0.1, 0.2, …, 0.9. */
  readonly ratios?: readonly number[];
  /**
   * What to measure, such as one shard of the list. Default: `listPoints(groups, ratios,
   * channelMultiple)`; if given, `ratios` is not used.
   */
  readonly points?: readonly PointSpec[];
  /** Rounds kept widths to multiples of this, 1 or more. Default: 1. */
  readonly channelMultiple?: number;
  /** What losses are divided by. Default: `baseline`. */
  readonly relativeTo?: LossReference;
  /**
   * Path of the sensitivity file: each point is added to it at once, and it is gone on from if it is
   * there. Several processes may share one. Default: none.
   */
  readonly file?: string;
  /** Name of the metric, for the file. */
  readonly metric?: string;
  /** Name of the criterion, for the file. Default: the function's name, or `custom`. */
  readonly criterionName?: string;
  /** Identifies the images; going on with others is refused. Default: none. */
  readonly dataFingerprint?: string;
}

export const SENSITIVITY_DEFAULTS: Readonly<
  Required<Pick<SensitivityOptions, "ratios" | "channelMultiple" | "relativeTo">>
> = {
  ratios: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
  channelMultiple: 1,
  relativeTo: "baseline",
};

/**
 * Measures how much the metric falls when one group after the other is cut, at each ratio: the
 * channels of lowest score are really removed, and the pruned model is evaluated. The model is not
 * changed. Points that remove nothing are the baseline, and points of one group that remove equally
 * many channels are measured once. A point that can not be measured does not end the run.
 * @throws SensitivityError `contradiction` if the file is of another model, data or setting;
 * `invalid-metric` if the baseline is 0 or no number; `invalid-score`; `point-failed` with
 * `stopAtFailure` (its cause is what was thrown); `file-access`; `malformed-file`.
 */
export async function analyzeSensitivity(
  model: Model,
  options: SensitivityOptions,
): Promise<SensitivityReport> {
  const context = createRunContext(options);
  const { ratios, channelMultiple, relativeTo } = withDefaults(options);
  const points = options.points ?? listPoints(options.groups, ratios, channelMultiple);
  assertPoints(options.groups, points);
  assertOptions(options);
  const head: ReportHead = {
    formatVersion: 1,
    ...(options.metric === undefined ? {} : { metric: options.metric }),
    modelHash: await hashModel(model),
    criterion: options.criterionName ?? (options.criterion.name || "custom"),
    ...(options.dataFingerprint === undefined ? {} : { dataFingerprint: options.dataFingerprint }),
    inputShapes: options.inputShapes,
    relativeTo,
    channelMultiple,
  };
  const found = await readEarlier(head, options);
  const measurer = await createMeasurer(model, options, context);
  try {
    const start = found ?? (await begin(head, options, measurer, context));
    return await runSweep({ ...options, points, start, measurer, context });
  } finally {
    await measurer.dispose();
  }
}

async function createMeasurer(
  model: Model,
  options: SensitivityOptions,
  context: RunContext,
): Promise<PointMeasurer> {
  const { evaluate, measurer, groups, inputShapes, criterion } = options;
  if (measurer) return measurer(model, context);
  if (!evaluate) throw new SensitivityError("invalid-option", "analyzeSensitivity: no evaluator");
  const prune = options.prune ?? createPruner(model, groups, inferShapes(model, { inputShapes }));
  const seed = Math.floor(context.random() * 2 ** 32);
  return measureByEvaluating(model, { evaluate, prune, groups, inputShapes, criterion, seed });
}

function withDefaults(options: SensitivityOptions): typeof SENSITIVITY_DEFAULTS {
  return {
    ratios: options.ratios ?? SENSITIVITY_DEFAULTS.ratios,
    channelMultiple: options.channelMultiple ?? SENSITIVITY_DEFAULTS.channelMultiple,
    relativeTo: options.relativeTo ?? SENSITIVITY_DEFAULTS.relativeTo,
  };
}

function assertPoints(groups: readonly ChannelGroup[], points: readonly PointSpec[]): void {
  for (const { group: id, width, ratio, removed } of points) {
    const group = groups.find((candidate) => candidate.id === id);
    const isValid =
      group?.width === width && group.blocked === undefined && removed >= 0 && removed < width;
    if (isValid) continue;
    throw new SensitivityError(
      "invalid-option",
      `analyzeSensitivity: the point that removes ${removed} of ${width} channels of group "${id}" does not fit the groups given; list points with listPoints`,
      { group: id, ratio },
    );
  }
}

function assertOptions({
  evaluate,
  measurer,
  concurrency = 1,
  maximumLoss = 0,
}: SensitivityOptions): void {
  const refuse = (what: string): never => {
    throw new SensitivityError("invalid-option", `analyzeSensitivity: ${what}`);
  };
  if ((evaluate === undefined) === (measurer === undefined)) {
    refuse(
      `there is ${evaluate ? "an evaluator and a measurer" : "neither an evaluator nor a measurer"}; give one of them`,
    );
  }
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    refuse(`concurrency is ${concurrency}; give a positive integer`);
  }
  if (!(maximumLoss >= 0 && maximumLoss <= 1)) {
    refuse(`maximumLoss is ${maximumLoss}; give a number of 0 to 1`);
  }
}

/** What the file holds, if it is there and of the same question. */
async function readEarlier(
  head: ReportHead,
  { file, groups }: SensitivityOptions,
): Promise<SensitivityReport | undefined> {
  const found = file === undefined ? undefined : await readSensitivitiesIfThere(file);
  if (!found) return undefined;
  const difference = findDifference(found, head) ?? findWidthDifference(found, groups);
  if (difference === undefined) return found;
  throw new SensitivityError(
    "contradiction",
    `analyzeSensitivity: ${file} is of ${difference}; give another file, or remove this one`,
    file === undefined ? {} : { file },
  );
}

/** Measures the baseline, and begins a report and its file. */
async function begin(
  head: ReportHead,
  { file, groups }: SensitivityOptions,
  measurer: PointMeasurer,
  { logger, signal }: RunContext,
): Promise<SensitivityReport> {
  const { metric: baseline, images } = await measurer.baseline({
    logger,
    ...(signal ? { signal } : {}),
  });
  signal?.throwIfAborted();
  if (!Number.isFinite(baseline) || (head.relativeTo === "baseline" && baseline === 0)) {
    throw new SensitivityError(
      "invalid-metric",
      `analyzeSensitivity: the metric of the unpruned model is ${baseline}, so no loss can be relative to it; check the model and the data`,
    );
  }
  const report = { ...head, baseline, images, curves: [], skipped: listSkipped(groups) };
  return file === undefined ? report : await appendSensitivities(file, report);
}

function listSkipped(groups: readonly ChannelGroup[]): readonly SkippedGroup[] {
  return groups.flatMap(({ id, width, blocked }) => {
    if (blocked !== undefined) return [{ group: id, reason: blocked }];
    return width < 2 ? [{ group: id, reason: "it has a single channel" }] : [];
  });
}

function findWidthDifference(
  report: SensitivityReport,
  groups: readonly ChannelGroup[],
): string | undefined {
  for (const { id, width } of groups) {
    const curve = report.curves.find(({ group }) => group === id);
    if (curve && curve.width !== width) {
      return `other groups: "${id}" is ${curve.width} channels wide, not ${width}`;
    }
  }
  return undefined;
}
