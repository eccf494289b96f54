import type { ChannelGroup } from "@ocrslim/graph";
import { findDataMember } from "../statistics/activation-statistics.ts";
import type { LinearLayer } from "./linear-layer.ts";
import { tapsOf } from "./row-sampler.ts";

/** A layer that reads channels of a group, and through which of its features. */
export interface GroupConsumer {
  readonly layer: LinearLayer;
  /** Features of each channel. */
  readonly featuresOf: readonly (readonly number[])[];
}

/** The layers that read a group's channels; a reason if they can't all be refitted. */
export function listGroupConsumers(
  group: ChannelGroup,
  layers: ReadonlyMap<string, LinearLayer>,
): readonly GroupConsumer[] | string {
  if (group.blocked !== undefined) return group.blocked;
  const consumers: GroupConsumer[] = [];
  for (const member of group.members) {
    if (member.role !== "consumer") continue;
    const layer = layers.get(member.node ?? "");
    if (!layer || layer.kind === "other" || layer.convGroups > 1 || member.input !== 0)
      return `${member.opType} "${member.node}" consumes it, which can't be refitted`;
    // Gates see one position an image: too few rows to tell which channels they need.
    if (layer.isGlobal) continue;
    const data = findDataMember(group, layer.data) ?? member;
    const taps = tapsOf(layer);
    const featuresOf: number[][] = Array.from({ length: group.width }, () => []);
    data.channelOf.forEach((channel, index) => {
      for (let tap = 0; channel >= 0 && tap < taps; tap++)
        featuresOf[channel]?.push(index * taps + tap);
    });
    consumers.push({ layer, featuresOf });
  }
  return consumers.length > 0 ? consumers : "only gates consume it";
}
