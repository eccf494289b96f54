import {
  type ChannelGroup,
  cloneModel,
  createRandom,
  createRunContext,
  findChannelGroups,
  type Model,
  type PruningPlan,
  type Value,
} from "@ocrslim/graph";
import { createRuntime, type Feeds, float32Feed, type Runtime } from "@ocrslim/runtime";
import {
  add,
  conv,
  convTranspose,
  createTestModel,
  flatten,
  floatConstant,
  gemm,
  globalAveragePool,
  matMul,
  reshape,
  transpose,
  unary,
} from "@ocrslim/test-utils";
import { pruneChannels } from "../../src/prune-channels.ts";

export const runtime: Runtime = createRuntime({ threads: 1 });

/** Dims of the images: odd ones, so that strides and padding matter. */
export const DIMS: readonly number[] = [1, 3, 9, 11];

export function feedsOf(count: number, seed = 1): Feeds[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => ({
    x: float32Feed(
      DIMS,
      Float32Array.from({ length: 297 }, () => random() * 2 - 1),
    ),
  }));
}

type Graph = Parameters<typeof conv>[0];

type BuildLayer = (graph: Graph, x: Value) => Value;

/** Layers that least squares refits, behind 6 channels, and images that give them enough rows. */
export const layerKinds: readonly (readonly [string, BuildLayer, number])[] = [
  ["a 1×1 convolution", (graph, x) => conv(graph, x, { out: 4, kernel: 1 }), 3],
  [
    "a padded 3×3 convolution without a bias",
    (graph, x) => conv(graph, x, { out: 4, bias: false }),
    3,
  ],
  ["a strided 3×3 convolution", (graph, x) => conv(graph, x, { out: 3, stride: 2 }), 9],
  ["a dilated 3×3 convolution", (graph, x) => conv(graph, x, { out: 3, dilation: 2 }), 3],
  ["an unpadded 5×5 convolution", (graph, x) => conv(graph, x, { out: 2, kernel: 5, pad: 0 }), 20],
  ["a convolution in two groups", (graph, x) => conv(graph, x, { out: 4, group: 2 }), 3],
  ["a transposed convolution", (graph, x) => convTranspose(graph, x, { out: 3 }), 3],
  [
    "a Gemm",
    (graph, x) => gemm(graph, flatten(graph, globalAveragePool(graph, x)), { out: 3 }),
    40,
  ],
  [
    "a MatMul with an Add behind it",
    (graph, x) => {
      const product = matMul(graph, rowsOfPixels(graph, x), { out: 3 });
      return add(graph, product, floatConstant(graph, "shift", [3], [0.1, -0.2, 0.3]));
    },
    3,
  ],
  ["a MatMul without a bias", (graph, x) => matMul(graph, rowsOfPixels(graph, x), { out: 3 }), 3],
];

/** [1, 6, 9, 11] → [1, 99, 6]. */
function rowsOfPixels(graph: Graph, x: Value): Value {
  return transpose(graph, reshape(graph, x, [1, 6, 99]), [0, 2, 1]);
}

/** x → conv (12) → Relu → conv (6, 1×1) → Tanh → the layer. Only the 12 can be pruned for sure. */
export function chainTo(build: (graph: Graph, x: Value) => Value, seed = 1): Model {
  return createTestModel({
    inputs: { x: DIMS },
    seed,
    build(graph, x) {
      const wide = unary(graph, "Relu", conv(graph, x, { out: 12 }));
      return build(graph, unary(graph, "Tanh", conv(graph, wide, { out: 6, kernel: 1 })));
    },
  });
}

/** x → conv (6) → Relu → the layer: removing some of the 6 is what the layer has to make up for. */
export function directTo(build: (graph: Graph, x: Value) => Value, seed = 1): Model {
  return createTestModel({
    inputs: { x: DIMS },
    seed,
    build: (graph, x) => build(graph, unary(graph, "Relu", conv(graph, x, { out: 6 }))),
  });
}

export function groupsOf(model: Model): readonly ChannelGroup[] {
  return findChannelGroups(model, { inputShapes: { x: DIMS } });
}

export function planOf(
  keep: Readonly<Record<string, readonly number[]>>,
  model: Model,
): PruningPlan {
  const widths = new Map(groupsOf(model).map(({ id, width }) => [id, width]));
  return {
    formatVersion: 1,
    inputShapes: { x: DIMS },
    groups: Object.entries(keep).map(([id, kept]) => ({ id, width: widths.get(id)!, keep: kept })),
    skipped: [],
    provenance: {},
  };
}

export async function prune(model: Model, plan: PruningPlan): Promise<Model> {
  const student = cloneModel(model);
  await pruneChannels({ plan }).run(student, createRunContext());
  return student;
}

/** The group of the first convolution. */
export function firstGroup(model: Model): ChannelGroup {
  const weight = [...model.graph.nodes].find(({ opType }) => opType === "Conv")!.input(1)!.name;
  return groupsOf(model).find((group) =>
    group.members.some(({ value, role }) => value === weight && role === "producer"),
  )!;
}
