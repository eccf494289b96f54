import {
  cloneModel,
  findChannelGroups,
  inferShapes,
  type Model,
  readModel,
  removeChannels,
  resolveInputShapes,
  simplify,
  transform,
} from "@ocrslim/graph";
import {
  add,
  channelLinear,
  conv,
  convTranspose,
  createTestModel,
  depthwise,
  sampleModel,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { listTimedLayers } from "../../src/latency-table/list-timed-layers.ts";
import type { TimedLayer } from "../../src/latency-table/timed-layer.ts";
import { sampleDetector } from "./sample-detector.ts";

const opTypes = (model: Model, layer: TimedLayer): readonly string[] =>
  layer.nodes.map((key) => model.graph.value(key)!.producer!.opType);

async function readDetector(): Promise<Model> {
  const model = await readModel(sampleModel("det"));
  await transform(model, simplify());
  return model;
}

function halved(model: Model, inputShapes: Record<string, readonly number[]>): Model {
  const pruned = cloneModel(model);
  const shapes = inferShapes(pruned, { inputShapes });
  const groups = findChannelGroups(pruned, { shapes });
  const keep = new Map(
    groups
      .filter(({ blocked }) => blocked === undefined)
      .map(({ id, width }) => [id, Array.from({ length: Math.ceil(width / 2) }, (_, i) => i)]),
  );
  removeChannels(pruned, { groups, keep, shapes });
  return pruned;
}

describe("listTimedLayers", () => {
  it("puts every node of PP-OCRv4 det into exactly one piece, and prunes without new signatures", async () => {
    const model = await readDetector();
    const inputShapes = resolveInputShapes(model, { size: [64, 64] });
    const layers = listTimedLayers(model, { inputShapes });
    const pieces = layers.flatMap(({ nodes }) => nodes);
    expect(pieces.toSorted()).toEqual([...model.graph.nodes].map((node) => node.key).toSorted());
    const pruned = listTimedLayers(halved(model, inputShapes), { inputShapes });
    expect(pruned.map(({ signature }) => signature)).toEqual(
      layers.map(({ signature }) => signature),
    );
    expect(pruned.some(({ output }, index) => output.size < layers[index]!.output.size)).toBe(true);
  });

  it("joins a convolution with its activation, and with the sum between", () => {
    const model = sampleDetector();
    const layers = listTimedLayers(model);
    expect(layers.map((layer) => opTypes(model, layer).join("+"))).toEqual([
      "Conv+Relu",
      "Conv",
      "Conv+HardSwish",
      "Conv+Add+Relu",
      "GlobalAveragePool",
      "Conv+Relu",
      "Conv+HardSigmoid",
      "Mul",
      "Conv",
      "Conv+Relu",
      "Concat",
      "Conv",
      "Conv+Sigmoid",
    ]);
  });

  it("leaves activations alone that others read along, and sums of constants", () => {
    const model = createTestModel({
      inputs: { x: [1, 4, 8, 8] },
      build(graph, x) {
        const first = conv(graph, x, { out: 8 });
        const relu = unary(graph, "Relu", first);
        return [add(graph, relu, first), unary(graph, "Sqrt", conv(graph, x, { out: 2 }))];
      },
    });
    expect(listTimedLayers(model).map(({ nodes }) => nodes.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it("counts the channels of all inputs of a Concat, and of the whole input of a gate", () => {
    const layers = listTimedLayers(sampleDetector());
    const join = layers.find(({ opType }) => opType === "Concat")!;
    expect(join.input.map(({ size }) => size)).toEqual([32, 48]);
    expect(join.output).toMatchObject({ axis: 1, size: 80 });
    const gate = layers.find(({ opType }) => opType === "Mul")!;
    expect(gate.input).toHaveLength(1);
    expect(gate.input[0]).toMatchObject({ size: 64 });
  });

  it("follows channels to the last axis and back", () => {
    const model = createTestModel({
      inputs: { x: [1, 6, 4, 5] },
      build: (graph, x) => channelLinear(graph, conv(graph, x, { out: 12 }), { out: 7 }),
    });
    const sides = listTimedLayers(model).map(({ opType, input, output }) => [
      opType,
      `${input[0]!.axis}:${input[0]!.size}`,
      `${output.axis}:${output.size}`,
    ]);
    expect(sides).toEqual([
      ["Conv", "1:6", "1:12"],
      ["Transpose", "1:12", "3:12"],
      ["MatMul", "3:12", "3:7"],
      ["Transpose", "3:7", "1:7"],
    ]);
  });

  it("gives layers one signature whatever their widths, and others for all else", () => {
    const signature = (
      build: Parameters<typeof createTestModel>[0]["build"],
      side = 8,
      width = 4,
    ): string =>
      listTimedLayers(createTestModel({ inputs: { x: [1, width, side, side] }, build }))[0]!
        .signature;
    const base = signature((graph, x) => conv(graph, x, { out: 8 }));
    expect(signature((graph, x) => conv(graph, x, { out: 24 }), 8, 16)).toBe(base);
    expect(signature((graph, x) => conv(graph, x, { out: 4 }))).toBe(base);
    const others = [
      signature((graph, x) => conv(graph, x, { out: 8, kernel: 5 })),
      signature((graph, x) => conv(graph, x, { out: 8, stride: 2 })),
      signature((graph, x) => conv(graph, x, { out: 8, dilation: 2 })),
      signature((graph, x) => conv(graph, x, { out: 8, pad: 0 })),
      signature((graph, x) => conv(graph, x, { out: 8, group: 2 })),
      signature((graph, x) => conv(graph, x, { out: 8, bias: false })),
      signature((graph, x) => depthwise(graph, x)),
      signature((graph, x) => convTranspose(graph, x, { out: 8 })),
      signature((graph, x) => unary(graph, "Relu", conv(graph, x, { out: 8 }))),
      signature((graph, x) => unary(graph, "Sqrt", conv(graph, x, { out: 8 }))),
      signature((graph, x) => conv(graph, x, { out: 8 }), 16),
    ];
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
  });
});
