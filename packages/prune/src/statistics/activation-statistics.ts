import type { ChannelGroup, GroupMember } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";

/** What a value held, for each index along one axis, over all images and other positions. */
export interface ChannelStatistics {
  /** Name of the value. */
  readonly value: string;
  /** Axis of `value` that the arrays run along. */
  readonly axis: number;
  /** Elements behind each entry. */
  readonly count: number;
  readonly mean: readonly number[];
  /** Population variance, 0 or more. */
  readonly variance: readonly number[];
  /** Mean of |x|. */
  readonly meanAbsolute: readonly number[];
  /** Σx². */
  readonly sumOfSquares: readonly number[];
  /** Fraction (0–1) of elements that are exactly 0. */
  readonly zeroFraction: readonly number[];
  readonly minimum: readonly number[];
  readonly maximum: readonly number[];
}

/** Which value enters which input of which consumer. */
export interface ConsumerReading {
  /** First output name of the consuming node. */
  readonly node: string;
  readonly input: number;
  readonly value: string;
  readonly axis: number;
}

/** Statistics of all values that the consumers of channel groups read. Plain JSON. */
export interface ActivationStatistics {
  readonly formatVersion: 1;
  /** Number of feeds behind the statistics. */
  readonly images: number;
  readonly channels: readonly ChannelStatistics[];
  readonly readings: readonly ConsumerReading[];
}

/** What one consumer of a group reads. */
export interface ConsumerView {
  readonly consumer: GroupMember;
  readonly statistics: ChannelStatistics;
  /** For each index of the statistics, the channel of the group, or -1. */
  readonly channelOf: Int32Array;
}

/**
 * Returns what each consumer of a group reads.
 * @throws PruneError `missing-statistics` if the statistics lack a consumer, `invalid-group` if they
 *   are of another model.
 */
export function createConsumerLookup(
  statistics: ActivationStatistics,
): (group: ChannelGroup) => readonly ConsumerView[] {
  const channels = new Map(
    statistics.channels.map((entry) => [`${entry.axis} ${entry.value}`, entry]),
  );
  const readings = new Map(
    statistics.readings.map((entry) => [`${entry.input} ${entry.node}`, entry]),
  );
  return (group) => {
    const views: ConsumerView[] = [];
    for (const consumer of group.members) {
      if (consumer.role !== "consumer") continue;
      const reading = readings.get(`${consumer.input} ${consumer.node}`);
      const entry = reading && channels.get(`${reading.axis} ${reading.value}`);
      if (!reading || !entry) {
        throw new PruneError(
          "missing-statistics",
          `activation statistics: nothing about input ${consumer.input} of ${consumer.opType} "${consumer.node}"; collect them on this model with these groups`,
          { group: group.id, ...(consumer.node ? { node: consumer.node } : {}) },
        );
      }
      const channelOf = findDataMember(group, reading.value, reading.axis)?.channelOf;
      if (!channelOf || channelOf.length !== entry.mean.length) {
        throw new PruneError(
          "invalid-group",
          `activation statistics: "${reading.value}" has ${entry.mean.length} channels, group "${group.id}" maps ${channelOf?.length ?? 0}; collect them on this model with these groups`,
          { group: group.id, value: reading.value },
        );
      }
      views.push({ consumer, statistics: entry, channelOf });
    }
    return views;
  };
}

/** The member that says how the channels lie in a computed value. */
export function findDataMember(
  group: ChannelGroup,
  value: string,
  axis?: number,
): GroupMember | undefined {
  const fits = (member: GroupMember): boolean =>
    member.value === value && (axis === undefined || member.axis === axis);
  return (
    group.members.find((member) => member.role === "activation" && fits(member)) ??
    group.members.find(fits)
  );
}
