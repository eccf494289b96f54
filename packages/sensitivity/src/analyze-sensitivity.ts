import {
  type ChannelGroup,
  type Criterion,
  cloneModel,
  createRandom,
  createRunContext,
  type Evaluate,
  type Evaluation,
  type Model,
  type PruningPlan,
  type RunContext,
  type RunOptions,
  type SkippedGroup,
} from "@ocrslim/graph";
import { messageOf, SensitivityError } from "./errors.ts";
import { hashModel } from "./hash-model.ts";
import { mixSeed } from "./mix-seed.ts";
import { listPoints, type PointSpec } from "./points.ts";
import { keptChannels, rankChannels } from "./rank-channels.ts";
import {
  findDifference,
  type LossReference,
  type ReportHead,
  type SensitivityReport,
} from "./report.ts";
import { addPoint, findPoint, knownEvaluation } from "./report-points.ts";
import { readSensitivitiesIfThere, writeSensitivities } from "./sensitivity-file.ts";

/** Returns a pruned model; may edit the one it gets, which is a copy. */
export type PruneModel = (model: Model, plan: PruningPlan) => Model | Promise<Model>;

/** Options of {@link analyzeSensitivity}. */
export interface SensitivityOptions extends RunOptions {
  readonly groups: readonly ChannelGroup[];
  /** Says which channels go first. */
  readonly criterion: Criterion;
  /** Measures the model and each pruned variant; higher = better. */
  readonly evaluate: Evaluate;
  /** Carries out a plan. */
  readonly prune: PruneModel;
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
   * Path of the sensitivity file: written anew after each point, and gone on from if it is there.
   * Default: none.
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
 * many channels are measured once.
 * @throws SensitivityError `contradiction` if the file is of another model, data or setting;
 * `invalid-metric` if an evaluation is no number, or the baseline is 0; `invalid-score`;
 * `point-failed` if pruning or evaluation throws (as its cause); `file-access`; `malformed-file`.
 */
export async function analyzeSensitivity(
  model: Model,
  options: SensitivityOptions,
): Promise<SensitivityReport> {
  const context = createRunContext(options);
  const { ratios, channelMultiple, relativeTo } = withDefaults(options);
  const points = options.points ?? listPoints(options.groups, ratios, channelMultiple);
  assertPoints(options.groups, points);
  const seed = Math.floor(context.random() * 2 ** 32);
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
  let report = await resumeOrBegin(model, head, options, context, seed);
  const done = (point: PointSpec): boolean => findPoint(report, point) !== undefined;
  const rankings = new Map<string, readonly number[]>();
  const task = "sensitivity";
  let count = points.filter(done).length;
  context.onProgress({ kind: "start", task, total: points.length, unit: "points" });
  for (const point of points) {
    context.signal?.throwIfAborted();
    if (done(point)) continue;
    const group = options.groups.find(({ id }) => id === point.group);
    if (!group) continue;
    const evaluation =
      knownEvaluation(report, point) ??
      (await measurePoint(model, group, point, options, context, seed, rankings));
    report = addPoint(report, options.groups, point, evaluation);
    if (options.file !== undefined) await writeSensitivities(options.file, report);
    context.onProgress({
      kind: "advance",
      task,
      done: ++count,
      total: points.length,
      unit: "points",
      detail: `${point.group} at ${point.ratio}`,
    });
  }
  context.onProgress({ kind: "end", task });
  return report;
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

async function resumeOrBegin(
  model: Model,
  head: ReportHead,
  options: SensitivityOptions,
  context: RunContext,
  seed: number,
): Promise<SensitivityReport> {
  const skipped = listSkipped(options.groups);
  const { file } = options;
  const found = file === undefined ? undefined : await readSensitivitiesIfThere(file);
  if (found) {
    const difference = findDifference(found, head) ?? findWidthDifference(found, options.groups);
    if (difference !== undefined) {
      throw new SensitivityError(
        "contradiction",
        `analyzeSensitivity: ${file} is of ${difference}; give another file, or remove this one`,
        file === undefined ? {} : { file },
      );
    }
    const { baseline, images, curves } = found;
    return { ...head, baseline, images, curves, skipped };
  }
  const { metric: baseline, images } = await evaluateModel(
    cloneModel(model),
    options.evaluate,
    { ...context, random: createRandom(mixSeed(seed, "baseline")) },
    "the unpruned model",
  );
  if (head.relativeTo === "baseline" && baseline === 0) {
    throw new SensitivityError(
      "invalid-metric",
      "analyzeSensitivity: the metric of the unpruned model is 0, so no loss can be relative to it; check the model and the data",
    );
  }
  const report: SensitivityReport = { ...head, baseline, images, curves: [], skipped };
  if (file !== undefined) await writeSensitivities(file, report);
  return report;
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

async function measurePoint(
  model: Model,
  group: ChannelGroup,
  point: PointSpec,
  options: SensitivityOptions,
  context: RunContext,
  seed: number,
  rankings: Map<string, readonly number[]>,
): Promise<Evaluation> {
  // Random numbers depend on the point alone, so that a sweep may stop, go on and be split.
  let ranking = rankings.get(group.id);
  if (!ranking) {
    ranking = rankChannels(
      model,
      group,
      options.criterion,
      createRandom(mixSeed(seed, `criterion ${group.id}`)),
    );
    rankings.set(group.id, ranking);
  }
  const plan: PruningPlan = {
    formatVersion: 1,
    inputShapes: options.inputShapes,
    groups: [{ id: group.id, width: group.width, keep: keptChannels(ranking, point.removed) }],
    skipped: [],
    provenance: { strategy: "sensitivity", ratio: point.ratio },
  };
  const random = createRandom(mixSeed(seed, `evaluate ${group.id} ${point.removed}`));
  try {
    const pruned = await options.prune(cloneModel(model), plan);
    const what = `group "${group.id}" at ratio ${point.ratio}`;
    return await evaluateModel(pruned, options.evaluate, { ...context, random }, what);
  } catch (cause) {
    if (context.signal?.aborted) throw context.signal.reason;
    if (cause instanceof SensitivityError) throw cause;
    throw new SensitivityError(
      "point-failed",
      `analyzeSensitivity: group "${group.id}" at ratio ${point.ratio} could not be measured: ${messageOf(cause)}`,
      { group: group.id, ratio: point.ratio, cause },
    );
  }
}

async function evaluateModel(
  model: Model,
  evaluate: Evaluate,
  context: RunContext,
  what: string,
): Promise<Evaluation> {
  const evaluation = await evaluate(model, context);
  // An evaluation that was cut short may come back with numbers all the same.
  context.signal?.throwIfAborted();
  if (Number.isFinite(evaluation.metric)) return evaluation;
  throw new SensitivityError(
    "invalid-metric",
    `analyzeSensitivity: the metric of ${what} is ${evaluation.metric}; an evaluator gives a finite number`,
  );
}
