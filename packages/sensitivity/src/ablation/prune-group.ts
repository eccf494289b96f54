import {
  type ChannelGroup,
  type Model,
  type PruningPlan,
  removeChannels,
  type ShapeInference,
} from "@ocrslim/graph";

/** Returns a pruned model; may edit the one it gets, which is a copy. */
export type PruneModel = (model: Model, plan: PruningPlan) => Model | Promise<Model>;

/**
 * Returns what removes channels from clones of one model, as `removeChannels` does. Groups and shapes
 * were found once, which is most of the work of a single cut.
 */
export function createPruner(
  model: Model,
  groups: readonly ChannelGroup[],
  shapes: ShapeInference,
): PruneModel {
  return (copy, plan) => {
    const original: ShapeInference = {
      ...shapes,
      shapeOf: (value) => shapes.shapeOf(model.graph.value(value.name) ?? value),
      dtypeOf: (value) => shapes.dtypeOf(model.graph.value(value.name) ?? value),
      constantOf: (value) => shapes.constantOf(model.graph.value(value.name) ?? value),
    };
    const keep = new Map(plan.groups.map((planned) => [planned.id, planned.keep]));
    removeChannels(copy, { groups, keep, shapes: original });
    return copy;
  };
}
