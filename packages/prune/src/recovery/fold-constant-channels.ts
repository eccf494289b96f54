import {
  type ChannelGroup,
  findChannelGroups,
  inferShapes,
  type Model,
  type PruningPlan,
  type ShapeInference,
  type Transform,
} from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import { compensate, type LevelLookup, matchPlan } from "./compensate.ts";
import { findConstantChannels } from "./constant-channels.ts";
import { inferRanges } from "./ranges/infer-ranges.ts";

const NAME = "foldConstantChannels";

/** Options of {@link foldConstantChannels}. */
export interface FoldConstantChannelsOptions {
  /** A plan of `planConstantChannels` for this model, or one that removes fewer channels. */
  readonly plan: PruningPlan;
  /** The groups of the model. Default: found at the plan's input shapes. */
  readonly groups?: readonly ChannelGroup[];
}

/**
 * Moves what constant channels contribute into their consumers' biases, so that `pruneChannels` with
 * the same plan, run afterwards, changes no output. Exact up to float rounding.
 * @throws PruneError `not-constant` if the plan removes a channel that varies; nothing is changed.
 * @example
 * const plan = planConstantChannels(model, { inputShapes });
 * await transform(model, [foldConstantChannels({ plan }), pruneChannels({ plan })]);
 * // → conv1: 16 filters, 3 of them all zero → 13; conv2's bias holds what they added
 * @category Transforms
 */
export function foldConstantChannels(options: FoldConstantChannelsOptions): Transform {
  const { plan } = options;
  return {
    name: NAME,
    run(model) {
      const shapes = inferShapes(model, { inputShapes: plan.inputShapes });
      const groups = options.groups ?? findChannelGroups(model, { shapes });
      assertConstant(model, groups, plan, shapes);
      const { nodes } = compensate(model, {
        source: NAME,
        groups,
        plan,
        shapes,
        levelOf: levelsOf(model, shapes),
      });
      return { modified: nodes.length > 0, counts: { folded: nodes.length } };
    },
  };
}

function assertConstant(
  model: Model,
  groups: readonly ChannelGroup[],
  plan: PruningPlan,
  shapes: ShapeInference,
): void {
  const constants = findConstantChannels(model, groups, shapes);
  for (const { group, removed } of matchPlan(NAME, groups, plan)) {
    for (const channel of removed) {
      if (constants.get(group.id)?.has(channel)) continue;
      throw new PruneError(
        "not-constant",
        `${NAME}: channel ${channel} of group "${group.id}" is not constant, or cannot be folded exactly; take the plan from planConstantChannels`,
        { group: group.id },
      );
    }
  }
}

function levelsOf(model: Model, shapes: ShapeInference): LevelLookup {
  const rangeOf = inferRanges(model, shapes);
  return (name, axis) => {
    const value = model.graph.value(name);
    const dims = value && shapes.shapeOf(value);
    if (!value || !dims) return undefined;
    const { axis: along, low } = rangeOf(value);
    if (along === axis) return low;
    return along < 0 ? new Float64Array(dims[axis] ?? 0).fill(low[0] ?? 0) : undefined;
  };
}
