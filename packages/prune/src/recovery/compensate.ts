import type { ChannelGroup, Model, Node, PruningPlan, ShapeInference } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import { listRemoved } from "../plan/axis-lookup.ts";
import { findDataMember } from "../statistics/activation-statistics.ts";
import { addBias } from "./add-bias.ts";
import { type ConsumerResponse, respond } from "./consumer-response.ts";

/** A consumer whose bias could not make up for the channels it loses. */
export interface Uncompensated {
  readonly group: string;
  /** First output name of the node. */
  readonly node: string;
  readonly reason: string;
}

/** What was compensated, and what not. */
export interface Compensation {
  /** First output names of the nodes whose outputs were shifted. */
  readonly nodes: readonly string[];
  readonly uncompensated: readonly Uncompensated[];
}

/** Value that stands in for each index of a data value; `undefined` if nothing is known of it. */
export type LevelLookup = (value: string, axis: number) => ArrayLike<number> | undefined;

interface Target {
  readonly node: Node;
  readonly input: number;
  readonly axis: number;
  readonly data: string;
  readonly groups: string[];
  readonly levels: Float64Array;
}

/** What {@link compensate} works on. */
export interface CompensationInit {
  /** Name of the public function, for messages. */
  readonly source: string;
  readonly groups: readonly ChannelGroup[];
  readonly plan: PruningPlan;
  readonly shapes: ShapeInference;
  readonly levelOf: LevelLookup;
}

/**
 * Shifts the outputs of all consumers by what the plan's removed channels would have contributed at
 * the given levels. Everything is worked out before anything is changed.
 */
export function compensate(model: Model, init: CompensationInit): Compensation {
  const { shapes } = init;
  const uncompensated: Uncompensated[] = [];
  const edits: { node: Node; response: ConsumerResponse; rank: number }[] = [];
  for (const target of listTargets(model, init, uncompensated)) {
    const { node } = target;
    const rank = shapes.shapeOf(node.output)?.length;
    const dataRank = shapes.shapeOf(node.input(target.input) ?? node.output)?.length;
    const response =
      rank === undefined || dataRank === undefined
        ? `the shapes around ${node.describe()} are unknown`
        : respond({ ...target, rank: dataRank });
    if (typeof response !== "string") edits.push({ node, response, rank: rank ?? 0 });
    else {
      for (const group of target.groups) {
        uncompensated.push({ group, node: node.key, reason: response });
      }
    }
  }
  const nodes: string[] = [];
  for (const { node, response, rank } of edits) {
    if (response.delta.every((value) => value === 0)) continue;
    nodes.push(node.key);
    addBias(node, response, rank);
  }
  return { nodes, uncompensated };
}

/** Each consumer's input once, with the levels of the removed channels of all groups in it. */
function listTargets(
  model: Model,
  { source, groups, plan, levelOf }: CompensationInit,
  uncompensated: Uncompensated[],
): readonly Target[] {
  const nodes = new Map<string, Node>();
  for (const node of model.graph.nodes) nodes.set(node.key, node);
  const targets = new Map<string, Target>();
  for (const { group, removed } of matchPlan(source, groups, plan)) {
    for (const member of group.members) {
      if (member.role !== "consumer") continue;
      const node = nodes.get(member.node ?? "");
      const data = node?.input(member.input ?? 0);
      const dataMember = data && findDataMember(group, data.name);
      if (!node || !data || !dataMember) {
        throw new PruneError(
          "invalid-group",
          `${source}: group "${group.id}" names input ${member.input} of node "${member.node}", which the model does not have; find the groups of this model again`,
          { group: group.id },
        );
      }
      const levels = levelOf(data.name, dataMember.axis);
      if (!levels) {
        const reason = `nothing is known of "${data.name}"`;
        uncompensated.push({ group: group.id, node: node.key, reason });
        continue;
      }
      const input = member.input ?? 0;
      const key = `${input} ${node.key}`;
      const target = targets.get(key) ?? {
        node,
        input,
        axis: dataMember.axis,
        data: data.name,
        groups: [],
        levels: new Float64Array(dataMember.channelOf.length),
      };
      targets.set(key, target);
      target.groups.push(group.id);
      dataMember.channelOf.forEach((channel, index) => {
        if (removed.has(channel)) target.levels[index] = levels[index] ?? 0;
      });
    }
  }
  return [...targets.values()];
}

/**
 * The groups that a plan prunes, with the channels it removes.
 * @throws PruneError `plan-mismatch` if the plan names a group that is not there, or another width.
 */
export function matchPlan(
  source: string,
  groups: readonly ChannelGroup[],
  plan: PruningPlan,
): readonly { readonly group: ChannelGroup; readonly removed: ReadonlySet<number> }[] {
  const byId = new Map(groups.map((group) => [group.id, group]));
  return plan.groups.map(({ id, width, keep }) => {
    const group = byId.get(id);
    if (group?.width !== width) {
      throw new PruneError(
        "plan-mismatch",
        `${source}: the plan has group "${id}" of ${width} channels, the model ${group ? `one of ${group.width}` : "none of that name"}; make a plan for this model`,
        { group: id },
      );
    }
    return { group, removed: new Set(listRemoved(width, keep)) };
  });
}
