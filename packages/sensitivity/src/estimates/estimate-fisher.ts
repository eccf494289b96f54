import type { ChannelGroup, GroupMember, Model } from "@ocrslim/graph";
import type { ChannelGradients, Feeds, MeasureChannelGradients } from "@ocrslim/runtime";
import { SensitivityError } from "../errors.ts";
import type { SensitivityReport } from "../report.ts";
import { addByChannel, buildEstimate, type EstimateOptions } from "./estimate.ts";

/** Options of {@link estimateFisher}. */
export interface EstimateFisherOptions extends EstimateOptions {
  /** Measures gradients, such as what `createChannelGradients` of `@ocrslim/train` returns. */
  readonly channelGradients: MeasureChannelGradients;
  /** One image each, without labels; small crops with text do. */
  readonly feeds: readonly Feeds[];
  /** Samples of the output's distribution an image. Default: what `channelGradients` takes. */
  readonly draws?: number;
  /**
   * What the model's outputs say on one image in the mean, in nats, for losses as a fraction of it:
   * `information` of an `OutputDistanceMetric` on the same feeds. Default: 1, losses are nats.
   */
  readonly information?: number;
}

/**
 * Estimates all points of all groups from one backward pass an image and draw, without pruning
 * anything: removing the channels S of a group lets the likelihood of the model's own output fall by
 * about ½ Σ_{k∈S} F_k, where F_k = E (Σ_positions v·g)² is the Fisher information of a gate on
 * channel k (Theis et al. 2018, "Faster gaze prediction with dense networks and Fisher pruning";
 * Liu et al. 2021, "Group Fisher Pruning for Practical Network Compression", eq. 5), summed
 * over the values that the group's consumers read. An estimate of second order around the unpruned
 * model: good for an order of the groups and of small cuts; large cuts cost less than it says. The
 * report says `fisher-estimate` for its metric, which is 1 − loss.
 * @throws SensitivityError `invalid-option` for an `information` that is not above 0; `invalid-score`;
 *   `invalid-metric` if a gradient is not finite. What `channelGradients` throws.
 * @category Analysis
 */
export async function estimateFisher(
  model: Model,
  options: EstimateFisherOptions,
): Promise<SensitivityReport> {
  const { groups, feeds, channelGradients, information = 1 } = options;
  if (!(information > 0 && Number.isFinite(information))) {
    throw new SensitivityError(
      "invalid-option",
      `estimateFisher: information is ${information}; give the nats that the outputs say on one image, above 0`,
    );
  }
  const read = new Map(
    groups
      .filter(({ blocked }) => blocked === undefined)
      .map((group) => [group, listRead(model, group)]),
  );
  const values = [...new Set([...read.values()].flat().map(({ value }) => value))];
  return await buildEstimate(model, options, {
    metric: "fisher-estimate",
    images: feeds.length,
    async measure(random) {
      const request = { ...options, values, feeds, random };
      const gradients = values.length > 0 ? await channelGradients(model, request) : new Map();
      return (group) => sumFisher(group, read.get(group) ?? [], gradients, information);
    },
  });
}

function sumFisher(
  { width }: ChannelGroup,
  members: readonly GroupMember[],
  gradients: ReadonlyMap<string, ChannelGradients>,
  information: number,
): Float64Array | string {
  const losses = new Float64Array(width);
  let count = 0;
  for (const { value, channelOf } of members) {
    const fisher = gradients.get(value)?.fisher;
    if (!fisher) continue;
    count++;
    addByChannel(losses, channelOf, fisher);
  }
  if (count === 0) return "no gradient reaches its channels";
  return losses.map((sum) => sum / (2 * information));
}

/**
 * Where gates go: on the values that the group's consumers read. Only channels on axis 1 have
 * gradients; without consumers there, on every computed value of the group.
 */
function listRead(model: Model, group: ChannelGroup): readonly GroupMember[] {
  const computed = group.members.filter(
    ({ role, axis, value }) =>
      axis === 1 &&
      (role === "activation" || role === "consumer") &&
      model.graph.value(value)?.producer,
  );
  const nodes = new Set(
    group.members.flatMap(({ role, node }) => (role === "consumer" && node ? [node] : [])),
  );
  const read = computed.filter(({ value }) =>
    model.graph.value(value)?.consumers.some(({ key }) => nodes.has(key)),
  );
  const chosen = read.length > 0 ? read : computed;
  return [...new Map(chosen.map((member) => [member.value, member])).values()];
}
