import { cloneModel, Tensor } from "@ocrslim/graph";
import { conv, createTestModel, expectClose, expectSameOutputs } from "@ocrslim/test-utils";
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

  it("fails if an output has another name", async () => {
    const copy = cloneModel(model);
    copy.graph.outputs[0]!.name = "renamed";
    await expect(expectSameOutputs(copy, model)).rejects.toThrow("outputs are renamed");
  });
});
