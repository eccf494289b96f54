import type { ChannelGroup, Model } from "@ocrslim/graph";
import { SensitivityError } from "../errors.ts";
import type { SensitivityReport } from "../report.ts";
import { addByChannel, buildEstimate, type EstimateOptions } from "./estimate.ts";

/**
 * What values held, channel by channel: the part of the `ActivationStatistics` of `@ocrslim/prune`
 * that an estimate needs.
 */
export interface ActivationEnergies {
  /** Number of images behind them. */
  readonly images: number;
  readonly channels: readonly {
    readonly value: string;
    /** Axis of `value` that the arrays run along. */
    readonly axis: number;
    /** Elements behind each entry. */
    readonly count: number;
    /** Σx². */
    readonly sumOfSquares: readonly number[];
    /** Population variance. */
    readonly variance: readonly number[];
  }[];
  /** Which value enters which input of which consumer. */
  readonly readings: readonly {
    readonly node: string;
    readonly input: number;
    readonly value: string;
    readonly axis: number;
  }[];
}

/** Options of {@link estimateEnergy}. */
export interface EstimateEnergyOptions extends EstimateOptions {
  /** What `collectActivationStatistics` found for these groups. */
  readonly statistics: ActivationEnergies;
  /**
   * Whether pruning makes up for the means of removed channels, so that only their variance is lost.
   * Default: false, Σx² is lost.
   */
  readonly compensatesMeans?: boolean;
}

/**
 * Estimates all points of all groups from statistics of activations alone: the share of the energy
 * Σx² of what the group's consumers read that goes with the removed channels, summed over the values
 * read. It knows nothing of what comes after: by far the roughest of the estimates, and one that costs
 * nothing where the statistics are there for a criterion. The report says `energy-estimate` for its
 * metric, which is 1 − loss; losses reach the number of values read, above 1.
 * @throws SensitivityError `invalid-option` if the statistics lack a consumer or are of other groups;
 *   `invalid-score`; `invalid-metric` if a statistic is not finite.
 * @category Analysis
 */
export async function estimateEnergy(
  model: Model,
  options: EstimateEnergyOptions,
): Promise<SensitivityReport> {
  const { statistics, compensatesMeans = false } = options;
  return await buildEstimate(model, options, {
    metric: "energy-estimate",
    images: statistics.images,
    measure: () => (group) => sumShares(group, statistics, compensatesMeans),
  });
}

function sumShares(
  group: ChannelGroup,
  statistics: ActivationEnergies,
  compensatesMeans: boolean,
): Float64Array | string {
  const losses = new Float64Array(group.width);
  const values = listReadValues(group, statistics);
  for (const { value, axis } of values) {
    const entry = statistics.channels.find(
      (candidate) => candidate.value === value && candidate.axis === axis,
    );
    const fits = (member: ChannelGroup["members"][number]): boolean =>
      member.value === value && member.axis === axis;
    const member =
      group.members.find((candidate) => candidate.role === "activation" && fits(candidate)) ??
      group.members.find(fits);
    if (!entry || member?.channelOf.length !== entry.sumOfSquares.length) {
      throw unsuitable(
        group,
        `say nothing about the ${member?.channelOf.length ?? 0} channels of "${value}"`,
      );
    }
    const energies = compensatesMeans
      ? entry.variance.map((variance) => variance * entry.count)
      : entry.sumOfSquares;
    const total = entry.sumOfSquares.reduce((sum, energy) => sum + energy, 0);
    if (total === 0) continue;
    addByChannel(
      losses,
      member.channelOf,
      energies.map((energy) => energy / total),
    );
  }
  return values.length > 0 ? losses : "nothing reads its channels";
}

/** Values that the group's consumers read, each once. */
function listReadValues(
  group: ChannelGroup,
  { readings }: ActivationEnergies,
): readonly { readonly value: string; readonly axis: number }[] {
  const found = new Map<string, { readonly value: string; readonly axis: number }>();
  for (const { role, node, input } of group.members) {
    if (role !== "consumer") continue;
    const reading = readings.find((entry) => entry.node === node && entry.input === input);
    if (!reading) throw unsuitable(group, `lack input ${input} of node "${node}"`);
    found.set(`${reading.axis} ${reading.value}`, reading);
  }
  return [...found.values()];
}

function unsuitable(group: ChannelGroup, problem: string): SensitivityError {
  return new SensitivityError(
    "invalid-option",
    `estimateEnergy: the statistics ${problem}, which group "${group.id}" has; collect them on this model with these groups`,
    { group: group.id },
  );
}
