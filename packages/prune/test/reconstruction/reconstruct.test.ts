import {
  cloneModel,
  createRandom,
  createRunContext,
  findChannelGroups,
  type Model,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { createRuntime, type RuntimeTensor } from "@ocrslim/runtime";
import {
  conv,
  convTranspose,
  createTestModel,
  depthwise,
  expectSameOutputs,
  flatten,
  gemm,
  globalAveragePool,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  analyzeReconstruction,
  budget,
  planPruning,
  pruneChannels,
  reconstruction,
  reconstructLayers,
} from "../../src/index.ts";

const runtime = createRuntime({ threads: 1 });
const inputShapes = { x: [1, 3, 20, 24] };

function feedsOf(count: number, seed: number): Record<string, RuntimeTensor>[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => ({
    x: {
      dtype: "float32",
      dims: [1, 3, 20, 24],
      data: Float32Array.from({ length: 1440 }, () => random() * 2 - 1),
    },
  }));
}

/** Makes the second half of a convolution's filters copies of the first half. */
function duplicateFilters(output: Value): void {
  const [, weight, bias] = output.producer!.inputs;
  for (const value of [weight, bias]) {
    if (!value?.tensor) continue;
    const data = value.tensor.float32Values().slice();
    data.copyWithin(data.length / 2, 0, data.length / 2);
    value.tensor = Tensor.float32(value.tensor.dims, data);
  }
}

async function pruneHalf(
  model: Model,
): Promise<{ student: Model; plan: ReturnType<typeof planPruning> }> {
  const feeds = feedsOf(6, 1);
  const groups = findChannelGroups(model, { inputShapes });
  const analysis = await analyzeReconstruction(model, {
    groups,
    inputShapes,
    feeds,
    runtime,
    positions: 400,
  });
  const plan = planPruning(model, {
    groups,
    criterion: reconstruction(analysis),
    allocation: budget({ macs: 0.01 }, { losses: analysis.curves }),
    minimumKept: 0.5,
    inputShapes,
  });
  const student = cloneModel(model);
  await pruneChannels({ plan }).run(student, createRunContext());
  return { student, plan };
}

const redundant: readonly (readonly [string, () => Model])[] = [
  [
    "dense convolutions, strided and padded",
    () =>
      createTestModel({
        inputs: inputShapes,
        build(graph, x) {
          const a = conv(graph, x, { out: 8, kernel: 3, pad: 1, bias: true });
          duplicateFilters(a);
          const b = conv(graph, unary(graph, "Relu", a), {
            out: 6,
            kernel: 3,
            stride: 2,
            pad: 1,
            bias: true,
          });
          return [b];
        },
      }),
  ],
  [
    "a transposed convolution",
    () =>
      createTestModel({
        inputs: inputShapes,
        build(graph, x) {
          const a = conv(graph, x, { out: 8, kernel: 1, bias: true });
          duplicateFilters(a);
          return [
            convTranspose(graph, unary(graph, "Sigmoid", a), { out: 4, kernel: 2, stride: 2 }),
          ];
        },
      }),
  ],
  [
    "a fully connected layer behind global pooling",
    () =>
      createTestModel({
        inputs: inputShapes,
        build(graph, x) {
          const a = conv(graph, x, { out: 8, kernel: 1, bias: true });
          duplicateFilters(a);
          return [
            conv(graph, unary(graph, "Relu", a), { out: 5, kernel: 1, bias: true }),
            gemm(graph, flatten(graph, globalAveragePool(graph, x)), { out: 4 }),
          ];
        },
      }),
  ],
];

describe("reconstruct", () => {
  it.each(redundant)(
    "restores the outputs where removed channels were redundant: %s",
    async (_name, build) => {
      const model = build();
      const { student, plan } = await pruneHalf(model);
      expect(plan.groups.length).toBeGreaterThan(0);
      await expect(expectSameOutputs(student, model, { atol: 1e-2, rtol: 1e-2 })).rejects.toThrow();
      const report = await reconstructLayers(student, {
        teacher: model,
        plan,
        feeds: feedsOf(6, 1),
        runtime,
        positions: 400,
        damping: 1e-7,
      });
      expect(report.every(({ method }) => method !== "declined")).toBe(true);
      await expectSameOutputs(student, model, { atol: 2e-3, rtol: 2e-3, seeds: [11, 12] });
    },
  );

  it("lowers the error of every layer that it refits, on the images it was given", async () => {
    const model = createTestModel({
      inputs: inputShapes,
      build(graph, x) {
        const a = unary(graph, "Relu", conv(graph, x, { out: 12, kernel: 3, pad: 1, bias: true }));
        const b = unary(graph, "Relu", depthwise(graph, a, {}));
        const c = unary(graph, "Relu", conv(graph, b, { out: 12, kernel: 1, bias: true }));
        return [conv(graph, c, { out: 3, kernel: 3, pad: 1 })];
      },
    });
    const { student, plan } = await pruneHalf(model);
    const report = await reconstructLayers(student, {
      teacher: model,
      plan,
      feeds: feedsOf(6, 1),
      runtime,
      positions: 400,
    });
    expect(report.map(({ method }) => method)).toEqual([
      "per-channel",
      "least-squares",
      "least-squares",
    ]);
    for (const { errorBefore, errorAfter } of report)
      expect(errorAfter).toBeLessThanOrEqual(errorBefore! + 1e-9);
  });

  it("is refused without calibration inputs", async () => {
    const model = redundant[0]![1]();
    const groups = findChannelGroups(model, { inputShapes });
    await expect(
      analyzeReconstruction(model, { groups, inputShapes, feeds: [], runtime }),
    ).rejects.toMatchObject({ code: "invalid-option" });
  });
});
