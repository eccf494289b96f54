import { createRandom, type Model } from "@ocrslim/graph";
import { createRuntime, float32Feed } from "@ocrslim/runtime";
import { batchNormalization, conv, createTestModel, runModel } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { reestimateBatchNormalization } from "../../src/index.ts";

const DIMS = [2, 3, 4, 5];
const runtime = createRuntime({ threads: 1 });

const model = (): Model =>
  createTestModel({
    opset: 17,
    inputs: { x: DIMS },
    build: (graph, x) => {
      if (!x) throw new TypeError("no input");
      const first = batchNormalization(graph, x);
      return batchNormalization(graph, conv(graph, first, { out: 4, kernel: 1 }));
    },
  });

const batches = [1, 2, 3].map((seed) => {
  const random = createRandom(seed);
  const data = Float32Array.from({ length: 120 }, (_, at) => 3 * random() + (at % 7) * seed);
  return { x: float32Feed(DIMS, data) };
});

describe("reestimateBatchNormalization", () => {
  it("measures mean and variance over all batches", async () => {
    const original = model();
    const estimated = await reestimateBatchNormalization(original, { feeds: batches, runtime });
    for (let channel = 0; channel < 3; channel++) {
      const values = batches.flatMap(({ x }) =>
        [...(x.data as Float32Array)].filter((_, at) => Math.floor(at / 20) % 3 === channel),
      );
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      const read = (name: string): number | undefined =>
        estimated.graph.value(name)?.tensor?.float32Values()[channel];
      expect(read("bn_mean")).toBeCloseTo(mean, 4);
      expect(read("bn_var")).toBeCloseTo(variance, 3);
    }
    expect(original.graph.value("bn_mean")?.tensor).not.toEqual(
      estimated.graph.value("bn_mean")?.tensor,
    );
  });

  it("makes outputs of mean and variance as scale and shift say, for one batch", async () => {
    const [batch] = batches;
    if (!batch) throw new TypeError("no batch");
    const estimated = await reestimateBatchNormalization(model(), { feeds: [batch], runtime });
    const { graph } = estimated;
    const [output] = graph.outputs;
    const results = await runModel(estimated, batch);
    const data = results[output?.name ?? ""]?.data as Float32Array;
    for (let channel = 0; channel < 4; channel++) {
      const values = [...data].filter((_, at) => Math.floor(at / 20) % 4 === channel);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(mean).toBeCloseTo(
        graph.value("bn_bias_2")?.tensor?.float32Values()[channel] ?? Number.NaN,
        3,
      );
    }
  });

  it("refuses to measure nothing", async () => {
    await expect(
      reestimateBatchNormalization(model(), { feeds: [], runtime }),
    ).rejects.toMatchObject({ code: "invalid-data" });
    const without = createTestModel({
      opset: 17,
      inputs: { x: DIMS },
      build: (graph, x) => (x ? conv(graph, x, { out: 2, kernel: 1 }) : []),
    });
    await expect(
      reestimateBatchNormalization(without, { feeds: batches, runtime }),
    ).rejects.toMatchObject({ code: "unsupported" });
    const other = { x: float32Feed([1, 3, 4, 5], new Float32Array(60)) };
    await expect(
      reestimateBatchNormalization(model(), { feeds: [...batches, other], runtime }),
    ).rejects.toThrow('batch 4 has "x" of dims [1,3,4,5], the first one [2,3,4,5]');
  });
});
