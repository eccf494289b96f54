import { createRandom } from "@ocrslim/graph";
import { captureValues, createRuntime, type Feeds, randomFeeds } from "@ocrslim/runtime";
import {
  channelLinear,
  conv,
  createTestModel,
  flatten,
  gemm,
  globalAveragePool,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { collectActivationStatistics } from "../../src/index.ts";
import { analyze, smallNetwork } from "../support/models.ts";

const runtime = createRuntime({ threads: 1 });
const shapes = { x: [1, 3, 12, 12] };
const feedsOf = async (count: number, model = smallNetwork()): Promise<Feeds[]> => {
  await using session = await runtime.load(model);
  return Array.from({ length: count }, (_, seed) =>
    randomFeeds(session, shapes, createRandom(seed)),
  );
};

/** The same numbers from the captured values, in double precision, element by element. */
function describeChannels(
  images: readonly (readonly number[])[],
  dims: readonly number[],
  axis: number,
) {
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const lists: number[][] = Array.from({ length: dims[axis]! }, () => []);
  for (const image of images) {
    image.forEach((value, at) => {
      lists[Math.floor(at / inner) % dims[axis]!]!.push(value);
    });
  }
  return lists.map((list) => {
    const mean = list.reduce((a, b) => a + b, 0) / list.length;
    return {
      count: list.length,
      mean,
      variance: list.reduce((a, b) => a + (b - mean) ** 2, 0) / list.length,
      meanAbsolute: list.reduce((a, b) => a + Math.abs(b), 0) / list.length,
      sumOfSquares: list.reduce((a, b) => a + b * b, 0),
      zeroFraction: list.filter((value) => value === 0).length / list.length,
      minimum: Math.min(...list),
      maximum: Math.max(...list),
    };
  });
}

describe("collectActivationStatistics", () => {
  for (const [name, opset] of [
    ["with axes as attributes", 17],
    ["with axes as inputs", 18],
  ] as const) {
    it(`agrees with captured values, ${name}`, async () => {
      const model = createTestModel({
        inputs: shapes,
        opset,
        build(graph, x) {
          const first = unary(graph, "Relu", conv(graph, x, { out: 6 }));
          const second = unary(graph, "Relu", channelLinear(graph, first, { out: 4 }));
          const pooled = globalAveragePool(graph, conv(graph, second, { out: 5 }));
          return gemm(graph, flatten(graph, pooled), { out: 3 });
        },
      });
      const { groups } = analyze(model);
      const feeds = await feedsOf(3, model);
      const statistics = await collectActivationStatistics(model, { groups, feeds, runtime });
      expect(statistics.images).toBe(3);
      expect(statistics.channels.length).toBe(3);
      for (const entry of statistics.channels) {
        const images: number[][] = [];
        let dims: readonly number[] = [];
        await captureValues(runtime, model, {
          values: [entry.value],
          feeds,
          onValues(values) {
            const tensor = values[entry.value]!;
            dims = tensor.dims;
            images.push(Array.from(tensor.data as Float32Array));
          },
        });
        describeChannels(images, dims, entry.axis).forEach((expected, channel) => {
          expect(entry.count).toBe(expected.count);
          expect(entry.minimum[channel]).toBeCloseTo(expected.minimum, 5);
          expect(entry.maximum[channel]).toBeCloseTo(expected.maximum, 5);
          expect(entry.mean[channel]).toBeCloseTo(expected.mean, 5);
          expect(entry.variance[channel]).toBeCloseTo(expected.variance, 5);
          expect(entry.meanAbsolute[channel]).toBeCloseTo(expected.meanAbsolute, 5);
          expect(entry.zeroFraction[channel]).toBeCloseTo(expected.zeroFraction, 6);
          expect(entry.sumOfSquares[channel]! / expected.sumOfSquares || 1).toBeCloseTo(1, 4);
        });
      }
    });
  }

  it("is plain JSON, leaves the model as it is, and takes streams", async () => {
    const { model, groups } = analyze(smallNetwork());
    const count = model.graph.nodeCount;
    const feeds = await feedsOf(2, model);
    async function* stream() {
      yield* feeds;
    }
    const streamed = await collectActivationStatistics(model, { groups, feeds: stream(), runtime });
    const listed = await collectActivationStatistics(model, { groups, feeds, runtime });
    expect(streamed).toEqual(listed);
    expect(JSON.parse(JSON.stringify(listed))).toEqual(listed);
    expect(model.graph.nodeCount).toBe(count);
  });

  it("tells of its progress and stops when asked to", async () => {
    const { model, groups } = analyze(smallNetwork());
    const feeds = await feedsOf(3, model);
    const kinds: string[] = [];
    const controller = new AbortController();
    const run = collectActivationStatistics(model, {
      groups,
      feeds,
      runtime,
      signal: controller.signal,
      onProgress(event) {
        kinds.push(event.kind);
        if (event.kind === "advance") controller.abort(new Error("enough"));
      },
    });
    await expect(run).rejects.toThrow("enough");
    expect(kinds).toEqual(["start", "advance"]);
  });

  it("refuses to work without images, and with groups of another model", async () => {
    const { model, groups } = analyze(smallNetwork());
    await expect(
      collectActivationStatistics(model, { groups, feeds: [], runtime }),
    ).rejects.toMatchObject({ code: "invalid-option" });
    const other = createTestModel({
      inputs: shapes,
      build: (graph, x) => conv(graph, x, { out: 2 }),
    });
    await expect(
      collectActivationStatistics(other, { groups, feeds: [], runtime }),
    ).rejects.toMatchObject({ code: "invalid-group" });
  });
});
