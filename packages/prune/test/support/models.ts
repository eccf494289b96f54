import {
  type ChannelGroup,
  type CriterionContext,
  constantTensor,
  createRandom,
  findChannelGroups,
  inferShapes,
  type Model,
  type PruningPlan,
  type ShapeInference,
  type Value,
} from "@ocrslim/graph";
import { conv, createTestModel, depthwise, residual, unary } from "@ocrslim/test-utils";

/** x → conv (8) → Relu → conv (5). */
export function twoConvolutions(options: { pad?: number; seed?: number } = {}): Model {
  const { pad = 1, seed = 1 } = options;
  return createTestModel({
    inputs: { x: [1, 3, 9, 9] },
    seed,
    build: (graph, x) =>
      conv(graph, unary(graph, "Relu", conv(graph, x, { out: 8 })), { out: 5, pad }),
  });
}

/** A chain with a depthwise convolution and a residual block: three groups that can be pruned. */
export function smallNetwork(seed = 1): Model {
  return createTestModel({
    inputs: { x: [1, 3, 12, 12] },
    seed,
    build(graph, x) {
      const relu = (value: Value): Value => unary(graph, "Relu", value);
      const stem = relu(conv(graph, x, { out: 16, stride: 2 }));
      const block = residual(graph, stem, (inner) => {
        const wide = relu(conv(graph, inner, { out: 24, kernel: 1 }));
        return conv(graph, relu(depthwise(graph, wide)), { out: 16, kernel: 1 });
      });
      return conv(graph, relu(conv(graph, block, { out: 20 })), { out: 4, kernel: 1 });
    },
  });
}

/** A model with all that is found about it. */
export interface Analyzed {
  readonly model: Model;
  readonly shapes: ShapeInference;
  readonly groups: readonly ChannelGroup[];
  /** Groups that are not blocked. */
  readonly open: readonly ChannelGroup[];
}

export function analyze(
  model: Model,
  inputShapes: Readonly<Record<string, readonly number[]>> = {},
): Analyzed {
  const shapes = inferShapes(model, { inputShapes });
  const groups = findChannelGroups(model, { shapes });
  return { model, shapes, groups, open: groups.filter(({ blocked }) => blocked === undefined) };
}

export function contextOf(model: Model, seed = 0): CriterionContext {
  return {
    tensorOf(name) {
      const value = model.graph.value(name);
      const tensor = value && constantTensor(value);
      if (!tensor) throw new Error(`no constant "${name}"`);
      return tensor;
    },
    random: createRandom(seed),
  };
}

/** A plan that keeps exactly these channels. */
export function planOf(
  { shapes }: Analyzed,
  keeps: readonly { readonly group: ChannelGroup; readonly keep: readonly number[] }[],
): PruningPlan {
  return {
    formatVersion: 1,
    inputShapes: shapes.inputShapes,
    groups: keeps.map(({ group, keep }) => ({ id: group.id, width: group.width, keep })),
    skipped: [],
    provenance: {},
  };
}
