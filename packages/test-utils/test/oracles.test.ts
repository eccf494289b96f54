import { cloneModel, Tensor } from "@ocrslim/graph";
import { float32Feed } from "@ocrslim/runtime";
import {
  conv,
  createTestModel,
  expectClose,
  expectSameOutputs,
  pageFeed,
  runModel,
  sampleModel,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";

const numbers = (...data: number[]) => ({ dims: [data.length], data: Float64Array.from(data) });

describe("expectClose", () => {
  it("allows the absolute plus the relative tolerance, and no more", () => {
    expectClose(numbers(1.00009, 0), numbers(1, 0.000009));
    expect(() => expectClose(numbers(1.0002), numbers(1))).toThrow("1 of 1 numbers differ");
    expect(() => expectClose(numbers(0.00002), numbers(0))).toThrow("worst at 0");
  });

  it("sees NaN, infinity and other dims", () => {
    expectClose(
      numbers(Number.NaN, Number.POSITIVE_INFINITY),
      numbers(Number.NaN, Number.POSITIVE_INFINITY),
    );
    expect(() => expectClose(numbers(1, Number.NaN), numbers(1, 1))).toThrow("worst at 1");
    expect(() => expectClose(numbers(Number.POSITIVE_INFINITY), numbers(1))).toThrow("worst at 0");
    expect(() => expectClose(numbers(1), numbers(1, 1))).toThrow("dims are [1], expected [2]");
  });
});

describe("expectSameOutputs", () => {
  const model = createTestModel({
    inputs: { x: [1, 3, 6, 6] },
    build: (graph, x) => conv(graph, x, { out: 4 }),
  });

  it("passes for a model and its copy", async () => {
    await expectSameOutputs(cloneModel(model), model);
  });

  it("fails if a single weight is another", async () => {
    const copy = cloneModel(model);
    const weight = copy.graph.initializers[0]!;
    const data = weight.tensor!.float32Values().slice();
    data[5]! += 0.01;
    weight.tensor = Tensor.float32(weight.tensor!.dims, data);
    await expect(expectSameOutputs(copy, model)).rejects.toThrow("numbers differ");
  });

  it("compares inner values on request, and runs the feeds given", async () => {
    const gated = createTestModel({
      inputs: { x: [1, 3, 6, 6] },
      build: (graph, x) => unary(graph, "Relu", conv(graph, x, { out: 4 })),
    });
    const copy = cloneModel(gated);
    const bias = copy.graph.value("conv_b")!;
    // Far below 0: the Relu hides whatever changes.
    bias.tensor = Tensor.float32([4], [-100, -100, -100, -100]);
    const lower = cloneModel(copy);
    lower.graph.value("conv_b")!.tensor = Tensor.float32([4], [-101, -100, -100, -100]);
    const feeds = [{ x: float32Feed([1, 3, 6, 6], new Float32Array(108).fill(0.5)) }];
    await expectSameOutputs(lower, copy, { feeds });
    await expect(expectSameOutputs(lower, copy, { feeds, values: ["Conv"] })).rejects.toThrow(
      'value "Conv", run 1',
    );
  });

  it("fails if an output has another name", async () => {
    const copy = cloneModel(model);
    copy.graph.outputs[0]!.name = "renamed";
    await expect(expectSameOutputs(copy, model)).rejects.toThrow("outputs are renamed");
  });
});

describe("pageFeed", () => {
  it("is something in which a detector finds text", async () => {
    const path = sampleModel("det");
    for (const seed of [1, 2, 3]) {
      const outputs = await runModel(path, { x: pageFeed([1, 3, 96, 160], seed) });
      const map = Object.values(outputs)[0]!.data as Float32Array;
      const found = map.filter((probability) => probability > 0.3).length / map.length;
      expect(found).toBeGreaterThan(0.05);
      expect(found).toBeLessThan(0.9);
    }
  });
});
