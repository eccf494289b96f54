import {
  type ChannelGroup,
  keptIndices,
  type Model,
  type PruningPlan,
  type ShapeInference,
  type Value,
} from "@ocrslim/graph";
import { findCuts, lastUses } from "./cuts.ts";
import { type LinearLayer, listLinearLayers } from "./linear-layer.ts";

/** One layer on the way through the graph. */
export interface WalkStep {
  readonly layer: LinearLayer;
  /** The values that its input is computed from. */
  readonly from: readonly string[];
  /** Whether its input differs from the unpruned model's. */
  readonly isRefitted: boolean;
  /** Whether its output does. */
  readonly isChanged: boolean;
  /** Output channels that stay; absent: all. */
  readonly kept?: Int32Array;
  /** Index of the last step that reads its output; its own if none does. */
  readonly lastUse: number;
}

/** In which order layers are refitted, and which values are needed for how long. */
export interface WalkPlan {
  readonly steps: readonly WalkStep[];
  /** Index of the last step that reads a graph input or a layer's output, by name. */
  readonly lastUse: ReadonlyMap<string, number>;
}

export function planWalk(
  teacher: Model,
  plan: PruningPlan,
  groups: readonly ChannelGroup[],
  shapes: ShapeInference,
): WalkPlan {
  const kept = keptIndices(groups, new Map(plan.groups.map(({ id, keep }) => [id, keep])));
  const layers = listLinearLayers(teacher, shapes).filter((layer) => !isScaledNext(teacher, layer));
  const cuts = findCuts(teacher, layers);
  const lastUse = lastUses(layers, cuts);
  const changed = new Set<string>();
  const steps = layers.map((layer, index): WalkStep => {
    const from = cuts.get(layer.key) ?? [];
    const rank = shapes.shapeOf(teacher.graph.value(layer.output) as Value)?.length ?? 4;
    const keptOutputs = kept.get(layer.output)?.get(layer.kind === "matrix" ? rank - 1 : 1);
    const isRefitted = from.some((name) => changed.has(name));
    const isChanged = isRefitted || keptOutputs !== undefined;
    if (isChanged) changed.add(layer.output);
    return {
      layer,
      from,
      isRefitted,
      isChanged,
      ...(keptOutputs ? { kept: keptOutputs } : {}),
      lastUse: lastUse.get(layer.output) ?? index,
    };
  });
  return { steps, lastUse };
}

/**
 * Whether a layer only scales channels for depthwise layers behind it, as in PP-LCNetV3: their gains
 * and biases do the same, so that it needs none of its own.
 */
function isScaledNext(model: Model, layer: LinearLayer): boolean {
  const output = model.graph.value(layer.output);
  const isPointwise = layer.kernel.every((size) => size === 1) && isDepthwise(model, layer.key);
  if (!output || !isPointwise || output.isGraphOutput || output.uses.length === 0) return false;
  return output.uses.every(
    ({ node, index }) => index === 0 && isDepthwise(model, node.output.name),
  );
}

function isDepthwise(model: Model, key: string): boolean {
  const node = model.graph.value(key)?.producer;
  const dims = node?.opType === "Conv" ? node.input(1)?.tensor?.dims : undefined;
  return dims !== undefined && dims[1] === 1 && node?.int("group", 1) === dims[0] && dims[0] !== 1;
}
