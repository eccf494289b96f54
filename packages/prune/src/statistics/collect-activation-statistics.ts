import {
  type ChannelGroup,
  cloneModel,
  createRunContext,
  type GroupMember,
  type Model,
  type Node,
  type RunOptions,
  type Value,
} from "@ocrslim/graph";
import type { Runtime, RuntimeTensor } from "@ocrslim/runtime/core";
import { PruneError } from "../errors.ts";
import {
  type ActivationStatistics,
  type ConsumerReading,
  findDataMember,
} from "./activation-statistics.ts";
import { createStatisticsAccumulator, type StatisticsAccumulator } from "./merge-statistics.ts";
import { addReductionOutputs } from "./reduction-outputs.ts";

/** The inputs of one run, by name. */
export type Feeds = Readonly<Record<string, RuntimeTensor>>;

/** Options of {@link collectActivationStatistics}. */
export interface CollectActivationStatisticsOptions extends RunOptions {
  /** Groups whose consumers' inputs are watched; blocked ones are left out. */
  readonly groups: readonly ChannelGroup[];
  /** The calibration images, one run each; taken one by one, never all held. */
  readonly feeds: Iterable<Feeds> | AsyncIterable<Feeds>;
  readonly runtime: Runtime;
}

interface Probe {
  readonly value: string;
  readonly axis: number;
  readonly width: number;
  readonly moments: string;
  readonly size: string;
  readonly accumulator: StatisticsAccumulator;
}

/**
 * Returns statistics, per channel, of every value that a consumer of the groups reads. The model is
 * not changed: a copy computes the reductions itself, so that only vectors of channels come out of
 * the runtime. Means of one image are float32, images are merged in double precision.
 * @throws PruneError `invalid-option` if there are no feeds; `invalid-group` if the groups are of
 *   another model.
 * @category Analysis
 */
export async function collectActivationStatistics(
  model: Model,
  options: CollectActivationStatisticsOptions,
): Promise<ActivationStatistics> {
  const { logger, onProgress, signal } = createRunContext(options);
  const readings = listReadings(model, options.groups);
  const probed = cloneModel(model);
  const probes = addProbes(probed, readings, options.groups);
  const task = "collect-activation-statistics";
  let images = 0;
  if (probes.length > 0) {
    await using session = await options.runtime.load(probed);
    onProgress({ kind: "start", task, unit: "image" });
    for await (const feeds of options.feeds) {
      signal?.throwIfAborted();
      const outputs = await session.run(feeds);
      for (const probe of probes) addImage(probe, outputs);
      images++;
      onProgress({ kind: "advance", task, done: images, unit: "image" });
    }
    onProgress({ kind: "end", task });
    if (images === 0) {
      throw new PruneError(
        "invalid-option",
        "collectActivationStatistics: feeds holds no image; give at least one",
      );
    }
  }
  logger.debug(`${task}: ${probes.length} values, ${images} images`);
  const channels = probes.map(({ accumulator, value, axis }) => accumulator.finish(value, axis));
  return { formatVersion: 1, images, channels, readings };
}

/** Every consumer of the groups that are not blocked, with the value and axis that it reads. */
function listReadings(model: Model, groups: readonly ChannelGroup[]): readonly ConsumerReading[] {
  const nodes = new Map<string, Node>();
  for (const node of model.graph.nodes) nodes.set(node.key, node);
  const readings = new Map<string, ConsumerReading>();
  for (const group of groups) {
    if (group.blocked !== undefined) continue;
    for (const member of group.members) {
      if (member.role !== "consumer") continue;
      const { node, input } = member;
      const data = nodes.get(node ?? "")?.input(input ?? 0);
      const axis = data && findDataMember(group, data.name)?.axis;
      if (node === undefined || input === undefined || !data || axis === undefined) {
        throw invalidConsumer(group, member);
      }
      readings.set(`${input} ${node}`, { node, input, value: data.name, axis });
    }
  }
  return [...readings.values()];
}

function addProbes(
  model: Model,
  readings: readonly ConsumerReading[],
  groups: readonly ChannelGroup[],
): readonly Probe[] {
  const widths = new Map<string, number>();
  for (const group of groups) {
    for (const { value, axis, channelOf } of group.members) {
      widths.set(`${axis} ${value}`, channelOf.length);
    }
  }
  const probes = new Map<string, Probe>();
  const outputs: Value[] = [];
  for (const { value: name, axis } of readings) {
    const key = `${axis} ${name}`;
    if (probes.has(key)) continue;
    const value = model.graph.value(name);
    if (!value) continue;
    const width = widths.get(key) ?? 0;
    const { moments, size } = addReductionOutputs(model, value, axis, width);
    outputs.push(moments, size);
    probes.set(key, {
      value: name,
      axis,
      width,
      moments: moments.name,
      size: size.name,
      accumulator: createStatisticsAccumulator(width),
    });
  }
  model.graph.setOutputs(outputs);
  return [...probes.values()];
}

function addImage(probe: Probe, outputs: Readonly<Record<string, RuntimeTensor>>): void {
  const { width } = probe;
  const moments = outputs[probe.moments]?.data;
  const size = Number(outputs[probe.size]?.data[0] ?? 0);
  if (!(moments instanceof Float32Array) || moments.length !== 6 * width || size === 0) {
    throw new PruneError(
      "invalid-group",
      `collectActivationStatistics: "${probe.value}" has no ${width} channels along axis ${probe.axis} in this run; find the groups of this model again`,
      { value: probe.value },
    );
  }
  const part = (index: number): Float32Array =>
    moments.subarray(index * width, (index + 1) * width);
  probe.accumulator.add({
    count: size / width,
    mean: part(0),
    variance: part(1),
    meanAbsolute: part(2),
    nonzeroFraction: part(3),
    minimum: part(4),
    maximum: part(5),
  });
}

function invalidConsumer(group: ChannelGroup, member: GroupMember): PruneError {
  return new PruneError(
    "invalid-group",
    `collectActivationStatistics: group "${group.id}" names input ${member.input} of node "${member.node}", which the model does not have; find the groups of this model again`,
    { group: group.id, ...(member.node ? { node: member.node } : {}) },
  );
}
