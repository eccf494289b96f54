import {
  add,
  addNode,
  affine,
  conv,
  convTranspose,
  createTestModel,
  globalAveragePool,
  hardSwish,
  mul,
  shapeOf,
  unary,
} from "@ocrslim/test-utils";
import { int, string } from "../../../src/ir/attribute.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Model } from "../../../src/ir/model.ts";
import { Tensor } from "../../../src/ir/tensor.ts";
import type { Value } from "../../../src/ir/value.ts";

/** How {@link enlarge} resizes. */
export interface EnlargeOptions {
  readonly mode?: string;
  readonly coordinates?: string;
  readonly rounding?: string;
}

/** A Resize by a factor; as PaddlePaddle exports it unless told otherwise. */
export function enlarge(
  graph: Graph,
  x: Value,
  factor: number,
  { mode = "nearest", coordinates = "asymmetric", rounding = "floor" }: EnlargeOptions = {},
): Value {
  if (factor === 1) return x;
  const scales = graph.addInitializer("scales", Tensor.float32([4], [1, 1, factor, factor]));
  const shape = shapeOf(x).map((dim, axis) => (axis < 2 ? dim : Math.floor(dim * factor)));
  return addNode(graph, "Resize", [x, undefined, scales], shape, {
    mode: string(mode),
    coordinate_transformation_mode: string(coordinates),
    nearest_mode: string(rounding),
  });
}

/** Concat along the channels; a single map stays itself. */
export function concatOf(graph: Graph, maps: readonly Value[]): Value {
  const [first] = maps;
  if (!first || maps.length === 1) return first as Value;
  const [batch = 1, , height = 1, width = 1] = shapeOf(first);
  const channels = maps.reduce((sum, map) => sum + (shapeOf(map)[1] ?? 0), 0);
  return addNode(graph, "Concat", maps, [batch, channels, height, width], { axis: int(1) });
}

/** A 1×1 convolution without bias, times a gate that comes from the mean of the input. */
export function gatedPointwise(graph: Graph, x: Value, out: number, bias = false): Value {
  const y = conv(graph, x, { out, kernel: 1, bias });
  const gate = conv(graph, globalAveragePool(graph, x), { out, kernel: 1 });
  return mul(graph, y, unary(graph, "Sigmoid", gate));
}

/** A small DB detector: two levels of a pyramid with gates, joined, and a head that doubles twice. */
export function smallDetector(batch: number | string = 1): Model {
  const model = createTestModel({
    inputs: { x: [1, 3, 32, 32] },
    build(g, x) {
      const fine = hardSwish(g, conv(g, x as Value, { out: 16, stride: 2 }));
      const coarse = hardSwish(g, conv(g, affine(g, fine), { out: 24, stride: 2 }));
      const low = conv(g, conv(g, coarse, { out: 32, kernel: 1 }), { out: 16, kernel: 1 });
      const lateral = lateralOf(g, conv(g, fine, { out: 4, kernel: 1 }), 16);
      const high = conv(g, add(g, lateral, enlarge(g, low, 2)), { out: 8, bias: false });
      const joined = concatOf(g, [enlarge(g, conv(g, low, { out: 8 }), 2), high]);
      const y = unary(g, "Relu", conv(g, joined, { out: 8 }));
      const z = unary(g, "Relu", convTranspose(g, y, { out: 8 }));
      return unary(g, "Sigmoid", convTranspose(g, z, { out: 1 }));
    },
  });
  for (const value of [...model.graph.inputs, ...model.graph.outputs]) {
    const channels = value.isGraphInput ? 3 : 1;
    value.type = { kind: "tensor", dtype: "float32", shape: [batch, channels, "h", "w"] };
  }
  return model;
}

/** A 1×1 convolution times a gate that comes from its own mean. */
function lateralOf(graph: Graph, x: Value, out: number): Value {
  const y = conv(graph, x, { out, kernel: 1, bias: false });
  const squeezed = unary(
    graph,
    "Relu",
    conv(graph, globalAveragePool(graph, y), { out: 4, kernel: 1 }),
  );
  return mul(graph, y, unary(graph, "Sigmoid", conv(graph, squeezed, { out, kernel: 1 })));
}
