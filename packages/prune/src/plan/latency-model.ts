import type { ChannelGroup, PruningPlan } from "@ocrslim/graph";
import type { LatencyTable, TimedLayer } from "@ocrslim/runtime/core";
import { PruneError } from "../errors.ts";
import {
  type AxisLookup,
  createAxisLookup,
  type PrunableAxis,
  sizeAtWidths,
  sizeByPlan,
} from "./axis-lookup.ts";
import type { CostFunction } from "./cost-function.ts";

/** What a latency model is made from. */
export interface LatencySource {
  /** The layers of the model that is to be pruned. */
  readonly layers: readonly TimedLayer[];
  /** Measured times of these layers. */
  readonly table: LatencyTable;
  /** Reads the table: milliseconds of a layer at other widths, `undefined` if it has none. */
  readonly layerTime: (
    table: LatencyTable,
    layer: TimedLayer,
    inputChannels: number,
    outputChannels: number,
  ) => number | undefined;
}

/** Predicted milliseconds of a model as a function of the widths of its groups. */
export interface LatencyModel extends CostFunction {
  /** Milliseconds with nothing removed. */
  readonly original: number;
  /** Channels to a step of the stairs; widths that are no multiple of it are never worth having. */
  readonly channelMultiple: number;
  /** Ids of layers that the table has no times of; they count for nothing. */
  readonly missing: readonly string[];
  /** Milliseconds with exactly these channels kept. */
  costOfPlan(plan: Pick<PruningPlan, "groups">): number;
}

/** A time of a plan, measured or predicted. */
export interface PlanLatency {
  /** Milliseconds of one run. */
  readonly medianMs: number;
  /** Over the original's, measured or predicted in the same way; below 1 is faster. */
  readonly ratio: number;
}

/**
 * Returns the predicted time of a model at any widths, without pruning it: the sum of its layers'
 * times by their numbers of channels, scaled to the measured time of the model that the table was
 * built for. Blocked groups stay whole.
 * @throws PruneError `invalid-option` if the table knows no layer that a group may shrink, holds what
 * is no time, or the groups were found in another model.
 * @category Analysis
 */
export function createLatencyModel(
  { layers, table, layerTime }: LatencySource,
  groups: readonly ChannelGroup[],
): LatencyModel {
  const axisOf = createAxisLookup(groups);
  const { medianMs, layersMs } = table.reference;
  const scale = layersMs > 0 && medianMs > 0 ? medianMs / layersMs : 1;
  const isKnown = (layer: TimedLayer): boolean =>
    layerTime(table, layer, countChannels(layer), layer.output.size) !== undefined;
  const timed = layers
    .filter(isKnown)
    .map((layer) => scaledLayer(layer, axisOf, { table, layerTime }, scale));
  if (!timed.some((layer) => layer.groups.size > 0)) {
    throw new PruneError(
      "invalid-option",
      `createLatencyModel: of ${layers.length} layers, the latency table has no times of any that the groups could shrink; build the table for this model`,
    );
  }
  const layersOf = new Map<string, ScaledLayer[]>();
  for (const layer of timed) {
    for (const group of layer.groups) {
      const list = layersOf.get(group) ?? [];
      layersOf.set(group, list);
      list.push(layer);
    }
  }
  const sum = (list: readonly ScaledLayer[], sizeOf: AxisSize): number =>
    list.reduce((total, layer) => total + layer.timeAt(sizeOf), 0);
  const sizesAt =
    (widths: ReadonlyMap<string, number>): AxisSize =>
    (axis) =>
      sizeAtWidths(axis, (group) => widths.get(group));
  return {
    original: sum(timed, ({ size }) => size),
    channelMultiple: table.channelMultiple,
    missing: layers.filter((layer) => !isKnown(layer)).map(({ id }) => id),
    costAt: (widths) => sum(timed, sizesAt(widths)),
    costOfPlan: (plan) => sum(timed, sizeByPlan(plan)),
    saving(widths, group, width) {
      const list = layersOf.get(group) ?? [];
      const changed: AxisSize = (axis) =>
        sizeAtWidths(axis, (id) => (id === group ? width : widths.get(id)));
      return sum(list, sizesAt(widths)) - sum(list, changed);
    },
    coupledTo(group) {
      const coupled = new Set((layersOf.get(group) ?? []).flatMap((layer) => [...layer.groups]));
      coupled.delete(group);
      return coupled;
    },
  };
}

/** Milliseconds as a plan states them. */
export function asPlanLatency({ original }: LatencyModel, medianMs: number): PlanLatency {
  return { medianMs, ratio: original === 0 ? 1 : medianMs / original };
}

const countChannels = ({ input }: TimedLayer): number =>
  input.reduce((sum, { size }) => sum + size, 0);

type AxisSize = (axis: PrunableAxis) => number;

/** A layer whose time follows the widths of some groups. */
interface ScaledLayer {
  readonly groups: ReadonlySet<string>;
  timeAt(sizeOf: AxisSize): number;
}

function scaledLayer(
  layer: TimedLayer,
  axisOf: AxisLookup,
  { table, layerTime }: Omit<LatencySource, "layers">,
  scale: number,
): ScaledLayer {
  const lookUp = ({ value, axis, size }: TimedLayer["output"]): PrunableAxis => {
    const found = axisOf(value, axis);
    if (!found) return { size, width: new Map(), parts: [] };
    if (found.size === size) return found;
    throw new PruneError(
      "invalid-option",
      `createLatencyModel: axis ${axis} of "${value}" is ${size} long in the layers and ${found.size} in the groups; list both from the same model`,
      { value },
    );
  };
  const inputs = layer.input.map(lookUp);
  const output = lookUp(layer.output);
  const parts = [...inputs, output].flatMap((axis) => axis.parts);
  // Searches ask for the same few pairs of widths again and again.
  const known = new Map<string, number>();
  const timeOf = (read: number, given: number): number => {
    const key = `${read} ${given}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const time = layerTime(table, layer, read, given);
    if (time === undefined || !Number.isFinite(time) || time < 0) {
      throw new PruneError(
        "invalid-option",
        `createLatencyModel: the latency table has the time ${time} for layer "${layer.id}" (${layer.signature}) at ${read} → ${given} channels; build the table again`,
        { node: layer.id },
      );
    }
    known.set(key, time * scale);
    return time * scale;
  };
  return {
    groups: new Set(parts.map(({ group }) => group)),
    timeAt: (sizeOf) =>
      timeOf(
        Math.round(inputs.reduce((total, axis) => total + sizeOf(axis), 0)),
        Math.round(sizeOf(output)),
      ),
  };
}
