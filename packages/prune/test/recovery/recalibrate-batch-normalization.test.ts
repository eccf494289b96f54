import {
  cloneModel,
  constantTensor,
  createRandom,
  createRunContext,
  type Model,
  type Node,
} from "@ocrslim/graph";
import { createRuntime, type Feeds, float32Feed } from "@ocrslim/runtime";
import {
  batchNormalization,
  conv,
  createTestModel,
  evaluateModel,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { recalibrateBatchNormalization } from "../../src/recovery/recalibrate-batch-normalization.ts";

const runtime = createRuntime({ threads: 1 });
const DIMS = [1, 3, 8, 7];

function feedsOf(count: number): Feeds[] {
  const random = createRandom(4);
  return Array.from({ length: count }, () => ({
    x: float32Feed(
      DIMS,
      Float32Array.from({ length: 168 }, () => 3 * random() - 1),
    ),
  }));
}

/** Two normalizations, one after the other. */
function network(): Model {
  return createTestModel({
    inputs: { x: DIMS },
    build(graph, x) {
      const first = batchNormalization(graph, conv(graph, x, { out: 4 }));
      const inner = conv(graph, unary(graph, "Relu", first), { out: 5, stride: 2 });
      return unary(graph, "Relu", batchNormalization(graph, inner));
    },
  });
}

function normalizations(model: Model): Node[] {
  return [...model.graph.nodes].filter(({ opType }) => opType === "BatchNormalization");
}

function statistics(node: Node): { mean: number[]; variance: number[] } {
  const [mean, variance] = [3, 4].map((index) => [
    ...constantTensor(node.input(index)!)!.toNumbers(),
  ]);
  return { mean: mean!, variance: variance! };
}

/** Mean and variance of a node's input over all images, in double precision. */
function measured(model: Model, node: Node, feeds: readonly Feeds[]) {
  const name = node.input(0)!.name;
  const values = feeds.map((feed) => {
    const x = { dims: DIMS, data: Float64Array.from(feed["x"]!.data as Float32Array) };
    return evaluateModel(model, { x }, { values: [name] })[name]!;
  });
  const channels = values[0]!.dims[1]!;
  const plane = values[0]!.data.length / channels;
  return Array.from({ length: channels }, (_, channel) => {
    const all = values.flatMap(({ data }) => [
      ...data.subarray(channel * plane, (channel + 1) * plane),
    ]);
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
    const variance = all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length;
    return { mean, variance };
  });
}

describe("recalibrateBatchNormalization", () => {
  it("gives each layer the statistics of what reaches it, with those before it corrected", async () => {
    const model = network();
    const feeds = feedsOf(5);
    const outcome = await recalibrateBatchNormalization({ feeds, runtime, priorImages: 0 }).run(
      model,
      createRunContext(),
    );
    expect(outcome).toEqual({ modified: true, counts: { changed: 2 } });
    for (const node of normalizations(model)) {
      const { mean, variance } = statistics(node);
      measured(model, node, feeds).forEach((expected, channel) => {
        expect(mean[channel]).toBeCloseTo(expected.mean, 5);
        expect(variance[channel]).toBeCloseTo(expected.variance, 5);
      });
    }
  });

  it("counts old statistics as a few images", async () => {
    const feeds = feedsOf(6);
    const [old] = normalizations(network()).map(statistics);
    const model = network();
    await recalibrateBatchNormalization({ feeds, runtime, priorImages: 2 }).run(
      model,
      createRunContext(),
    );
    const [node] = normalizations(model);
    const { mean } = statistics(node!);
    measured(model, node!, feeds).forEach((expected, channel) => {
      expect(mean[channel]).toBeCloseTo(0.75 * expected.mean + 0.25 * old!.mean[channel]!, 5);
    });
  });

  it("does nothing where there is none, and is refused without images or with NaN", async () => {
    const plain = createTestModel({
      inputs: { x: DIMS },
      build: (graph, x) => conv(graph, x, { out: 2 }),
    });
    const run = (model: Model, feeds: readonly Feeds[]) =>
      recalibrateBatchNormalization({ feeds, runtime }).run(cloneModel(model), createRunContext());
    expect(await run(plain, feedsOf(1))).toEqual({ modified: false, counts: { changed: 0 } });
    await expect(run(network(), [])).rejects.toMatchObject({ code: "invalid-option" });
    const spoiled = [{ x: float32Feed(DIMS, new Float32Array(168).fill(Number.NaN)) }];
    await expect(run(network(), spoiled)).rejects.toMatchObject({
      code: "invalid-option",
      node: expect.any(String),
    });
  });
});
