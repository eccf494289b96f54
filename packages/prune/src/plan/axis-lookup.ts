import type { ChannelGroup, PruningPlan } from "@ocrslim/graph";

/** The channels of one group along one axis of one value. */
interface AxisPart {
  readonly group: string;
  /** Indices along the axis that each channel owns. */
  readonly owned: Float64Array;
  /** The mean of `owned`: exact if all channels own equally many. */
  readonly perChannel: number;
}

/** A size that shrinks with the widths of groups. */
export interface PrunableAxis {
  readonly size: number;
  readonly width: ReadonlyMap<string, number>;
  readonly parts: readonly AxisPart[];
}

/** The axis of a value, if pruning may shrink it. */
export type AxisLookup = (value: string, axis: number) => PrunableAxis | undefined;

interface MutableAxis {
  readonly size: number;
  readonly width: Map<string, number>;
  readonly parts: AxisPart[];
}

/** Finds the axes along which groups lie; blocked groups stay whole and count as fixed. */
export function createAxisLookup(groups: readonly ChannelGroup[]): AxisLookup {
  const axes = new Map<string, MutableAxis>();
  for (const group of groups) {
    if (group.blocked !== undefined) continue;
    for (const { value, axis, channelOf } of group.members) {
      const key = `${axis} ${value}`;
      const entry: MutableAxis = axes.get(key) ?? {
        size: channelOf.length,
        width: new Map(),
        parts: [],
      };
      axes.set(key, entry);
      if (entry.width.has(group.id)) continue;
      const owned = new Float64Array(group.width);
      let total = 0;
      for (const channel of channelOf) {
        if (channel < 0) continue;
        owned[channel] = (owned[channel] ?? 0) + 1;
        total++;
      }
      entry.width.set(group.id, group.width);
      entry.parts.push({ group: group.id, owned, perChannel: total / group.width });
    }
  }
  return (value, axis) => axes.get(`${axis} ${value}`);
}

/** The size of an axis with each group at a width; `undefined`: whole. */
export function sizeAtWidths(
  axis: PrunableAxis,
  widthOf: (group: string) => number | undefined,
): number {
  let { size } = axis;
  for (const { group, perChannel } of axis.parts) {
    const full = axis.width.get(group) ?? 0;
    size -= (full - (widthOf(group) ?? full)) * perChannel;
  }
  return size;
}

/** The size of an axis once exactly a plan's channels are left. */
export function sizeByPlan(plan: Pick<PruningPlan, "groups">): (axis: PrunableAxis) => number {
  const removed = new Map(plan.groups.map(({ id, width, keep }) => [id, listRemoved(width, keep)]));
  return (axis) => {
    let { size } = axis;
    for (const { group, owned } of axis.parts) {
      for (const channel of removed.get(group) ?? []) size -= owned[channel] ?? 0;
    }
    return size;
  };
}

/** The channels below `width` that are not kept, ascending. */
export function listRemoved(width: number, keep: readonly number[]): readonly number[] {
  const kept = new Set(keep);
  const removed: number[] = [];
  for (let channel = 0; channel < width; channel++) if (!kept.has(channel)) removed.push(channel);
  return removed;
}
