import { createRandom, createRunContext, inferShapes, type Model } from "@ocrslim/graph";
import type { Feeds, MeasureChannelGradients } from "@ocrslim/runtime";
import { concatBranches, conv, createTestModel, runModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { analyzeReconstruction, reconstruction } from "../../src/index.ts";
import { narrowTo } from "../../src/reconstruction/channel-selector.ts";
import {
  removalCost,
  removeChannel,
  startElimination,
} from "../../src/reconstruction/eliminate.ts";
import { listGroupConsumers } from "../../src/reconstruction/group-consumers.ts";
import { listLinearLayers } from "../../src/reconstruction/linear-layer.ts";
import { prepareLayers } from "../../src/reconstruction/prepare-layers.ts";
import { reconstructLayers } from "../../src/reconstruction/reconstruct.ts";
import { refineSelection } from "../../src/reconstruction/refine-selection.ts";
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

/** Next to none, so that errors are those of plain least squares. */
const DAMPING = 1e-9;

/** The price of an error is half the sum of squares: 2 makes it the squared error itself. */
const unitGradients: MeasureChannelGradients = async (model, { values }) => {
  const shapes = inferShapes(model, { inputShapes: { x: DIMS } });
  return new Map(
    values.map((name) => {
      const dims = shapes.shapeOf(model.graph.value(name)!)!;
      const summed = dims[1]!;
      // Channels of [N, L, C] are not told apart: their sum is what counts.
      const squares = new Float64Array(summed).fill(
        dims.length === 3 ? (2 * dims[2]!) / summed : 2,
      );
      return [name, { squares, fisher: squares }];
    }),
  );
};

/** What the elimination says that removing channels costs, one after the other. */
async function predict(model: Model, feeds: readonly Feeds[], gone: readonly number[]) {
  const group = firstGroup(model);
  const shapes = inferShapes(model, { inputShapes: { x: DIMS } });
  const layers = new Map(listLinearLayers(model, shapes).map((layer) => [layer.key, layer]));
  const consumers = listGroupConsumers(group, layers);
  if (typeof consumers === "string") throw new Error(consumers);
  const prepared = await prepareLayers(
    model,
    consumers.map(({ layer }) => layer),
    ({ output }) => shapes.shapeOf(model.graph.value(output)!)!.length,
    {
      ...createRunContext(),
      feeds,
      runtime,
      channelGradients: unitGradients,
      gradientImages: 1,
      gradientDraws: 1,
      positions: 1000,
      textWeight: 0,
      damping: DAMPING,
      importanceImages: 1,
    },
  );
  const states = startElimination(
    consumers.map((consumer) => {
      const own = narrowTo(consumer, prepared.get(consumer.layer.key));
      if (typeof own === "string") throw new Error(own);
      return own;
    }),
  );
  let cost = 0;
  for (const channel of gone) {
    cost += removalCost(states, channel);
    removeChannel(states, channel);
  }
  return cost;
}

/** Squared error a position, summed over channels, of models whose outputs are [1, C, …] or [N, C]. */
async function measure(student: Model, teacher: Model, feeds: readonly Feeds[], channels: number) {
  let [sum, count] = [0, 0];
  for (const feed of feeds) {
    const actual = Object.values(await runModel(student, feed));
    const wanted = Object.values(await runModel(teacher, feed));
    wanted.forEach(({ data }, output) => {
      const values = data as Float32Array;
      values.forEach((value, index) => {
        sum += (value - (actual[output]!.data as Float32Array)[index]!) ** 2;
      });
      count += values.length / channels;
    });
  }
  return sum / count;
}

/** Some of 6 channels, one to four of them. */
function randomSubset(random: () => number): number[] {
  const count = 1 + Math.floor(random() * 4);
  const all = [0, 1, 2, 3, 4, 5];
  return Array.from({ length: count }, () => all.splice(Math.floor(random() * all.length), 1)[0]!);
}

// Grouped convolutions couple their inputs, so that the layer is no consumer of single channels.
const kinds = layerKinds.filter(([name]) => !name.includes("groups"));

describe("the error that is predicted for a removal is the one after removal and refit", () => {
  for (const [name, build, images] of kinds) {
    it(name, async () => {
      const random = createRandom(7);
      const feeds = feedsOf(images + 2);
      for (let trial = 0; trial < 2; trial++) {
        const teacher = directTo(build, 10 + trial);
        const gone = randomSubset(random);
        const keep = [0, 1, 2, 3, 4, 5].filter((channel) => !gone.includes(channel));
        const plan = planOf({ [firstGroup(teacher).id]: keep }, teacher);
        const student = await prune(teacher, plan);
        await reconstructLayers(student, { teacher, plan, feeds, runtime, damping: DAMPING });
        const output = [...Object.values(await runModel(teacher, feeds[0]!))][0]!;
        const channels = output.dims.length === 4 ? output.dims[1]! : output.dims.at(-1)!;
        const measured = await measure(student, teacher, feeds, channels);
        const predicted = await predict(teacher, feeds, gone);
        if (name.includes("transposed")) {
          // The prediction allows each tap a bias, but they share one.
          expect(measured).toBeGreaterThan(predicted * 0.999);
          expect(measured).toBeLessThan(predicted * 1.3);
        } else if (name.includes("without a bias") && name.includes("MatMul")) {
          // The prediction allows for a bias that this layer can't have.
          expect(measured).toBeGreaterThan(predicted * 0.999);
        } else expect(Math.abs(measured / predicted - 1)).toBeLessThan(2e-3);
      }
    });
  }

  it("also where a Concat lets channels of other groups make up for it", async () => {
    const build = (seed: number) =>
      createTestModel({
        inputs: { x: DIMS },
        seed,
        build: (graph, x) =>
          conv(
            graph,
            concatBranches(graph, x, [
              (inner) => unary(graph, "Relu", conv(graph, inner, { out: 6 })),
              (inner) => unary(graph, "Tanh", conv(graph, inner, { out: 5 })),
            ]),
            { out: 4, kernel: 1 },
          ),
      });
    const teacher = build(3);
    const feeds = feedsOf(4);
    const gone = [4, 1, 2];
    const plan = planOf({ [firstGroup(teacher).id]: [0, 3, 5] }, teacher);
    const student = await prune(teacher, plan);
    await reconstructLayers(student, { teacher, plan, feeds, runtime, damping: DAMPING });
    const measured = await measure(student, teacher, feeds, 4);
    expect(Math.abs(measured / (await predict(teacher, feeds, gone)) - 1)).toBeLessThan(2e-3);
  });
});

describe("analyzeReconstruction", () => {
  const [, build] = layerKinds[1]!;

  it("weights output channels by their gradients, in one unit for all groups", async () => {
    const model = directTo(build);
    const scaled =
      (factor: number): MeasureChannelGradients =>
      async (...request) =>
        new Map(
          [...(await unitGradients(...request))].map(([name, { squares, fisher }]) => [
            name,
            { squares: squares.map((value) => value * factor), fisher },
          ]),
        );
    const options = {
      groups: [firstGroup(model)],
      inputShapes: { x: DIMS },
      feeds: feedsOf(3),
      runtime,
    };
    const one = await analyzeReconstruction(model, { ...options, channelGradients: scaled(1) });
    const three = await analyzeReconstruction(model, { ...options, channelGradients: scaled(3) });
    expect(three.orders).toEqual(one.orders);
    one.curves[0]!.points.forEach(({ loss }, index) => {
      expect(three.curves[0]!.points[index]!.loss).toBeCloseTo(3 * loss, 6);
    });
  });

  it("skips a group whose consumers no gradient reaches, and says so", async () => {
    const model = directTo(build);
    const group = firstGroup(model);
    const { skipped, keepAt } = await analyzeReconstruction(model, {
      groups: [group],
      inputShapes: { x: DIMS },
      feeds: feedsOf(2),
      runtime,
      channelGradients: async () => new Map(),
    });
    expect(skipped).toEqual([
      { group: group.id, reason: expect.stringContaining("no gradient reaches") },
    ]);
    expect(() => keepAt(group.id, 3)).toThrow(expect.objectContaining({ code: "not-applicable" }));
  });

  it("keeps at each width what costs no more than the greedy order, once asked for", async () => {
    const model = directTo(build, 4);
    const group = firstGroup(model);
    const feeds = feedsOf(4);
    const analysis = await analyzeReconstruction(model, {
      groups: [group],
      inputShapes: { x: DIMS },
      feeds,
      runtime,
      channelGradients: unitGradients,
    });
    expect(analysis.keepAt(group.id, 6)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const width of [1, 2, 3, 4, 5]) {
      const keep = analysis.keepAt(group.id, width);
      expect(keep).toHaveLength(width);
      expect(analysis.keepAt(group.id, width)).toBe(keep);
      const gone = [0, 1, 2, 3, 4, 5].filter((channel) => !keep.includes(channel));
      const greedy = analysis.curves[0]!.points[5 - width]!.loss;
      // The curve has the damping of 1e-3, the prediction next to none.
      expect(await predict(model, feeds, gone)).toBeLessThan(greedy * 1.01);
    }
    for (const width of [0, 7, 1.5])
      expect(() => analysis.keepAt(group.id, width)).toThrow(
        expect.objectContaining({ code: "invalid-option" }),
      );
    const plan = planOf({ [group.id]: [0, 1, 2], elsewhere: [0] }, model);
    const refined = refineSelection(plan, analysis);
    expect(refined.groups.map(({ keep }) => keep)).toEqual([analysis.keepAt(group.id, 3), [0]]);
    expect(reconstruction(analysis)(group, {} as never)).toHaveLength(6);
  });
});
