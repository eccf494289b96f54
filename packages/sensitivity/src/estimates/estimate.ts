import {
  type ChannelGroup,
  type Criterion,
  createRandom,
  createRunContext,
  type Model,
  type RunOptions,
  type SkippedGroup,
} from "@ocrslim/graph";
import { SENSITIVITY_DEFAULTS } from "../analyze-sensitivity.ts";
import { SensitivityError } from "../errors.ts";
import { hashModel } from "../hash-model.ts";
import { mixSeed } from "../mix-seed.ts";
import { listPoints, type PointSpec } from "../points.ts";
import { rankChannels } from "../rank-channels.ts";
import type { SensitivityCurve, SensitivityPoint, SensitivityReport } from "../report.ts";

/** What an estimate of all points needs, however it estimates. */
export interface EstimateOptions extends RunOptions {
  readonly groups: readonly ChannelGroup[];
  /** Says which channels go first, as for `analyzeSensitivity`. */
  readonly criterion: Criterion;
  /** Input shapes at which the groups were found, by input name. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** Fractions (above 0, at most 1) of channels to remove. Default: 0.1, 0.2, …, 0.9. */
  readonly ratios?: readonly number[];
  /** What to estimate. Default: `listPoints(groups, ratios, channelMultiple)`. */
  readonly points?: readonly PointSpec[];
  /** Rounds kept widths to multiples of this, 1 or more. Default: 1. */
  readonly channelMultiple?: number;
  /** Name of the criterion, for the report. Default: the function's name, or `custom`. */
  readonly criterionName?: string;
  /** Identifies the images, for the report. Default: none. */
  readonly dataFingerprint?: string;
}

/** Loss that the removal of each channel of a group adds; or in words why there is no estimate. */
export type LossesOf = (group: ChannelGroup) => Float64Array | string;

/** One kind of estimate. */
export interface Estimator {
  /** Name of the metric that reports carry; says that it is an estimate. */
  readonly metric: string;
  readonly images: number;
  /** Does all the work, once. */
  measure(random: () => number): LossesOf | Promise<LossesOf>;
}

/**
 * @internal The report of an estimate whose losses add up channel by channel. Channels go in the
 * same order as in `analyzeSensitivity` with the same options and seed.
 */
export async function buildEstimate(
  model: Model,
  options: EstimateOptions,
  estimator: Estimator,
): Promise<SensitivityReport> {
  const { groups, criterion, inputShapes, dataFingerprint } = options;
  const { ratios = SENSITIVITY_DEFAULTS.ratios, channelMultiple = 1 } = options;
  const points = options.points ?? listPoints(groups, ratios, channelMultiple);
  const seed = Math.floor(createRunContext(options).random() * 2 ** 32);
  const lossesOf = await estimator.measure(createRandom(mixSeed(seed, "estimate")));
  const curves: SensitivityCurve[] = [];
  const skipped: SkippedGroup[] = [];
  for (const group of groups) {
    const { id, width } = group;
    const own = points.filter((point) => point.group === id);
    const reason = reasonToSkip(group);
    if (reason !== undefined) skipped.push({ group: id, reason });
    if (reason !== undefined || own.length === 0) continue;
    const losses = lossesOf(group);
    if (typeof losses === "string") {
      skipped.push({ group: id, reason: losses });
      continue;
    }
    const random = createRandom(mixSeed(seed, `criterion ${id}`));
    const cumulated = cumulate(group, losses, rankChannels(model, group, criterion, random));
    curves.push({ group: id, width, points: own.map((point) => toPoint(point, cumulated)) });
  }
  return {
    formatVersion: 1,
    metric: estimator.metric,
    baseline: 1,
    images: estimator.images,
    modelHash: await hashModel(model),
    criterion: options.criterionName ?? (criterion.name || "custom"),
    ...(dataFingerprint === undefined ? {} : { dataFingerprint }),
    inputShapes,
    relativeTo: "baseline",
    channelMultiple,
    curves,
    skipped,
  };

  function toPoint({ ratio, removed }: PointSpec, cumulated: Float64Array): SensitivityPoint {
    const loss = cumulated[removed] ?? 0;
    return { ratio, loss, metric: 1 - loss, images: estimator.images, removed };
  }
}

function reasonToSkip({ blocked, width }: ChannelGroup): string | undefined {
  if (blocked !== undefined) return blocked;
  return width < 2 ? "it has a single channel" : undefined;
}

/** What the first k channels of a ranking lose together, for k from 0. */
function cumulate(
  group: ChannelGroup,
  losses: Float64Array,
  ranking: readonly number[],
): Float64Array {
  const sums = new Float64Array(group.width + 1);
  ranking.forEach((channel, index) => {
    const loss = losses[channel] ?? Number.NaN;
    if (!Number.isFinite(loss)) {
      throw new SensitivityError(
        "invalid-metric",
        `estimate: channel ${channel} of group "${group.id}" has the loss ${loss}; look for NaN or infinite weights and inputs`,
        { group: group.id },
      );
    }
    sums[index + 1] = (sums[index] ?? 0) + loss;
  });
  return sums;
}

/** @internal Sums numbers per index by the channel of the group that each index belongs to. */
export function addByChannel(
  totals: Float64Array,
  channelOf: Int32Array,
  numbers: ArrayLike<number>,
): void {
  channelOf.forEach((channel, index) => {
    if (channel >= 0) totals[channel] = (totals[channel] ?? 0) + (numbers[index] ?? 0);
  });
}
