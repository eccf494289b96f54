import { createRandom, encodeModel, ints, type Model, string, Tensor } from "@ocrslim/graph";
import {
  addNode,
  conv,
  createTestModel,
  depthwise,
  expectSameOutputs,
  globalAveragePool,
  randomWeight,
  runModel,
  seGate,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { reconstructLayers, reconstructModel } from "../../src/reconstruction/reconstruct.ts";
import {
  DIMS,
  directTo,
  feedsOf,
  firstGroup,
  layerKinds,
  planOf,
  prune,
  runtime,
} from "./support.ts";

const [, build] = layerKinds[1]!;

describe("a refit", () => {
  it("changes nothing where no channel was removed", async () => {
    const teacher = directTo(build);
    for (const plan of [
      planOf({}, teacher),
      planOf({ [firstGroup(teacher).id]: [0, 1, 2, 3, 4, 5] }, teacher),
    ]) {
      const student = await prune(teacher, plan);
      await reconstructLayers(student, { teacher, plan, feeds: feedsOf(3), runtime });
      await expectSameOutputs(student, teacher, { atol: 1e-5, rtol: 1e-5 });
    }
  });

  it.each(layerKinds.filter(([name]) => !name.includes("groups")))(
    "changes next to nothing where the channels that were removed did nothing: %s",
    async (_name, kind, images) => {
      const teacher = directTo(kind);
      // Filters and biases of zeros: a Relu gives zeros.
      const producer = [...teacher.graph.nodes].find(({ opType }) => opType === "Conv")!;
      for (const value of [producer.input(1)!, producer.input(2)!]) {
        const data = Float32Array.from(value.tensor!.float32Values());
        data.fill(0, data.length / 2);
        value.tensor = Tensor.float32(value.tensor!.dims, data);
      }
      const plan = planOf({ [firstGroup(teacher).id]: [0, 1, 2] }, teacher);
      const student = await prune(teacher, plan);
      const feeds = feedsOf(images);
      const [layer] = await reconstructLayers(student, { teacher, plan, feeds, runtime });
      expect(layer).toMatchObject({ method: "least-squares" });
      expect(layer!.errorBefore).toBeLessThan(1e-6);
      await expectSameOutputs(student, teacher, { atol: 1e-5, rtol: 1e-5 });
    },
  );

  it("gives the same bytes for the same plan, images and seed", async () => {
    const teacher = directTo(build);
    const plan = planOf({ [firstGroup(teacher).id]: [1, 3, 4] }, teacher);
    const bytes = async (seed: number): Promise<Uint8Array> => {
      const student = await prune(teacher, plan);
      const random = createRandom(seed);
      const options = { teacher, plan, feeds: feedsOf(4), runtime, random, positions: 20 };
      await reconstructLayers(student, options);
      return encodeModel(student);
    };
    const first = await bytes(1);
    expect(await bytes(1)).toEqual(first);
    expect(await bytes(2)).not.toEqual(first);
  });

  it("tells how far the outputs are from the unpruned ones on images used for nothing else", async () => {
    const teacher = directTo((graph, x) => unary(graph, "Sigmoid", build(graph, x)));
    const plan = planOf({ [firstGroup(teacher).id]: [1, 3, 4] }, teacher);
    const student = await prune(teacher, plan);
    const heldOut = feedsOf(3, 5);
    const distance = async (): Promise<number> => {
      let [sum, count] = [0, 0];
      for (const feed of heldOut) {
        const [actual] = Object.values(await runModel(student, feed));
        const [wanted] = Object.values(await runModel(teacher, feed));
        const other = actual!.data as Float32Array;
        (wanted!.data as Float32Array).forEach((value, index) => {
          sum += Math.abs(value - other[index]!);
          count++;
        });
      }
      return sum / count;
    };
    const before = await distance();
    const options = { teacher, plan, feeds: feedsOf(4), heldOut, runtime };
    const { disagreement, layers } = await reconstructModel(student, options);
    expect(layers).toHaveLength(1);
    expect(disagreement!.before.mean).toBeCloseTo(before, 6);
    expect(disagreement!.after.mean).toBeCloseTo(await distance(), 6);
    expect(disagreement!.after.soft).toBeLessThan(disagreement!.before.soft);
    expect(disagreement!.after.images).toBe(3);
  });
});

/** x → conv (6) → Relu → a layer of 4 channels → conv (2). */
function through(layer: Parameters<typeof directTo>[0]): Model {
  return directTo((graph, x) => conv(graph, layer(graph, x), { out: 2 }));
}

describe("where least squares does not apply", () => {
  it("scales and shifts the channels of a depthwise convolution", async () => {
    const teacher = createTestModel({
      inputs: { x: DIMS },
      build(graph, x) {
        const wide = unary(graph, "Relu", conv(graph, x, { out: 6 }));
        const narrow = unary(graph, "Tanh", conv(graph, wide, { out: 4, kernel: 1 }));
        return unary(graph, "Relu", depthwise(graph, narrow));
      },
    });
    const plan = planOf({ [firstGroup(teacher).id]: [0, 3, 4] }, teacher);
    const student = await prune(teacher, plan);
    const report = await reconstructLayers(student, { teacher, plan, feeds: feedsOf(4), runtime });
    expect(report.map(({ method }) => method)).toEqual(["least-squares", "per-channel"]);
    const { errorBefore, errorAfter } = report[1]!;
    expect(errorAfter!).toBeLessThan(errorBefore!);
    expect(await meanErrors(student, teacher)).toBeLessThan(1e-6);
  });

  it.each([
    [
      "a transposed convolution whose windows overlap",
      (graph: Parameters<typeof conv>[0], x: Parameters<typeof conv>[1]) => {
        const weight = randomWeight(graph, "w", [6, 4, 4, 4], -0.3, 0.3);
        const attributes = { strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) };
        return addNode(graph, "ConvTranspose", [x, weight], [1, 4, 18, 22], attributes);
      },
    ],
    [
      "a convolution with automatic padding",
      (graph: Parameters<typeof conv>[0], x: Parameters<typeof conv>[1]) => {
        const weight = randomWeight(graph, "w", [4, 6, 3, 3], -0.3, 0.3);
        const attributes = { auto_pad: string("SAME_UPPER") };
        return addNode(graph, "Conv", [x, weight], [1, 4, 9, 11], attributes);
      },
    ],
  ])("scales and shifts the channels of %s", async (_name, layer) => {
    const teacher = through(layer);
    const plan = planOf({ [firstGroup(teacher).id]: [0, 3, 4, 5] }, teacher);
    const student = await prune(teacher, plan);
    const report = await reconstructLayers(student, { teacher, plan, feeds: feedsOf(4), runtime });
    expect(report.map(({ method }) => method)).toEqual(["per-channel", "least-squares"]);
    const { errorBefore, errorAfter } = report[0]!;
    expect(errorAfter!).toBeLessThan(errorBefore!);
  });

  it("centres a gate again if it can't be refitted, having seen one image", async () => {
    const teacher = createTestModel({
      inputs: { x: DIMS },
      build(graph, x) {
        const wide = unary(graph, "Relu", conv(graph, x, { out: 6 }));
        const pooled = globalAveragePool(graph, conv(graph, wide, { out: 4, kernel: 1 }));
        return unary(graph, "Sigmoid", conv(graph, pooled, { out: 3, kernel: 1 }));
      },
    });
    const plan = planOf({ [firstGroup(teacher).id]: [0, 3, 4] }, teacher);
    const student = await prune(teacher, plan);
    const feeds = feedsOf(1);
    const report = await reconstructLayers(student, { teacher, plan, feeds, runtime });
    expect(report[1]).toMatchObject({
      method: "bias",
      rows: 1,
      reason: expect.stringContaining("constant"),
    });
    const [actual] = Object.values(await runModel(student, feeds[0]!));
    const [wanted] = Object.values(await runModel(teacher, feeds[0]!));
    (wanted!.data as Float32Array).forEach((value, index) => {
      expect((actual!.data as Float32Array)[index]).toBeCloseTo(value, 5);
    });
  });

  it("refits the gates of squeeze and excitation from one row an image", async () => {
    const teacher = createTestModel({
      inputs: { x: DIMS },
      build(graph, x) {
        const wide = unary(graph, "Relu", conv(graph, x, { out: 8 }));
        return conv(graph, seGate(graph, conv(graph, wide, { out: 8 }), { squeeze: 4 }), {
          out: 2,
        });
      },
    });
    const plan = planOf({ [firstGroup(teacher).id]: [0, 3, 4, 6] }, teacher);
    const student = await prune(teacher, plan);
    const report = await reconstructLayers(student, { teacher, plan, feeds: feedsOf(12), runtime });
    expect(report.map(({ rows }) => rows)).toEqual([1188, 12, 12, 1188]);
    for (const { method, errorBefore, errorAfter } of report) {
      expect(method).toBe("least-squares");
      expect(errorAfter!).toBeLessThanOrEqual(errorBefore! + 1e-9);
    }
    expect(report[1]!.damping).toBeGreaterThanOrEqual(0.1);
  });
});

/** Largest difference of the channels' means before the last Relu, over the calibration images. */
async function meanErrors(student: Model, teacher: Model): Promise<number> {
  const sums = [student, teacher].map(() => new Float64Array(4));
  for (const [which, model] of [student, teacher].entries()) {
    const last = model.graph.outputs[0]!.producer!.input(0)!;
    last.type = { kind: "tensor", dtype: "float32", shape: [1, 4, 9, 11] };
    model.graph.setOutputs([last]);
    for (const feed of feedsOf(4)) {
      const data = Object.values(await runModel(model, feed))[0]!.data as Float32Array;
      data.forEach((value, index) => {
        sums[which]![Math.floor(index / 99)]! += value / (99 * 4);
      });
    }
  }
  return Math.max(...sums[0]!.map((value, channel) => Math.abs(value - sums[1]![channel]!)));
}
