import {
  type ChannelRule,
  findChannelGroups,
  GraphError,
  inferShapes,
  type Model,
  type PruningPlan,
  removeChannels,
  type ShapeRule,
  type Transform,
} from "@ocrslim/graph";
import { PruneError } from "./errors.ts";

/** Options of {@link pruneChannels}. */
export interface PruneChannelsOptions {
  /** Which channels stay, made for this model. */
  readonly plan: PruningPlan;
  /** Rules by operator; needed only where the plan's groups were found with a table of your own. */
  readonly rules?: ReadonlyMap<string, ChannelRule>;
  /** Shape rules of your own operators. Default: `shapeRules`. */
  readonly shapeRules?: ReadonlyMap<string, ShapeRule>;
}

/**
 * Removes the channels that a plan leaves out, from every weight, attribute and shape constant that
 * holds them. A plan that can't be carried out is refused before anything changes.
 *
 * @example
 * ```
 * await transform(model, pruneChannels({ plan }));
 * // Conv [96, 24, 3, 3] → Relu → Conv [24, 96, 1, 1]
 * // → Conv [64, 24, 3, 3] → Relu → Conv [24, 64, 1, 1]
 * ```
 * @throws PruneError `plan-mismatch` if the plan was made for another model.
 */
export function pruneChannels(options: PruneChannelsOptions): Transform {
  const { plan, rules, shapeRules } = options;
  const tables = { ...(rules ? { rules } : {}), ...(shapeRules ? { shapeRules } : {}) };
  return {
    name: "pruneChannels",
    run(model) {
      const removedChannels = applyPlan(model, plan, tables);
      return { modified: removedChannels > 0, counts: { removedChannels } };
    },
  };
}

/** Carries out a plan on a model, in place; returns how many channels were removed. */
function applyPlan(
  model: Model,
  plan: PruningPlan,
  tables: Pick<PruneChannelsOptions, "rules" | "shapeRules">,
): number {
  const { rules, shapeRules } = tables;
  const shapes = inferShapes(model, {
    inputShapes: plan.inputShapes,
    ...(shapeRules ? { rules: shapeRules } : {}),
  });
  const groups = findChannelGroups(model, { shapes, ...(rules ? { rules } : {}) });
  const widths = new Map(groups.map((group) => [group.id, group.width]));
  let removed = 0;
  for (const { id, width, keep } of plan.groups) {
    const actual = widths.get(id);
    if (actual !== width) {
      throw new PruneError(
        "plan-mismatch",
        `pruneChannels: the plan has group "${id}" with ${width} channels, this model ${actual === undefined ? "has no such group" : `has ${actual}`}; make the plan from this model, simplified in the same way`,
        { group: id },
      );
    }
    removed += width - keep.length;
  }
  const keep = new Map(plan.groups.map((group) => [group.id, group.keep]));
  try {
    removeChannels(model, { groups, keep, shapes, ...tables });
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    throw new PruneError("invalid-plan", `pruneChannels: ${error.message}`, { cause: error });
  }
  return removed;
}
