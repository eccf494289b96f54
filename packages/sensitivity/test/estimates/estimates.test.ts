import { type Criterion, cloneModel, createRandom, encodeModel, Tensor } from "@ocrslim/graph";
import type { ChannelGradients, MeasureChannelGradients } from "@ocrslim/runtime";
import { describe, expect, it } from "vitest";
import { type ActivationEnergies, estimateEnergy } from "../../src/estimates/estimate-energy.ts";
import { estimateFisher } from "../../src/estimates/estimate-fisher.ts";
import { createReferenceMap } from "../../src/estimates/map-distance.ts";
import { createOutputDistanceMetric } from "../../src/estimates/output-distance.ts";
import { analyzeSensitivity, createAblation, parseSensitivities } from "../../src/index.ts";
import { detector, feeds, groups, inputShapes, mapOf, runtime } from "./detector.ts";

const byIndex: Criterion = ({ width }) => Float64Array.from({ length: width }, (_, k) => k);
const random: Criterion = (group, context) =>
  Float64Array.from({ length: group.width }, () => context.random());
const common = { groups, criterion: byIndex, inputShapes, ratios: [0.25, 0.5] } as const;
const [first, second] = groups.filter(({ blocked }) => blocked === undefined);

/** Channel k of every value has the Fisher information k + 1. */
const counting: MeasureChannelGradients = async (_, { values }) =>
  new Map(
    values.map((value): [string, ChannelGradients] => {
      const { channelOf } = groups
        .flatMap(({ members }) => members)
        .find((member) => member.value === value && member.axis === 1)!;
      const fisher = Float64Array.from(channelOf, (_, index) => index + 1);
      return [value, { fisher, squares: fisher }];
    }),
  );

describe("estimateFisher", () => {
  it("adds half of the Fisher information of the channels that go, in the criterion's order", async () => {
    const report = await estimateFisher(detector, { ...common, feeds, channelGradients: counting });
    expect(report).toMatchObject({
      metric: "fisher-estimate",
      baseline: 1,
      images: feeds.length,
      criterion: "byIndex",
    });
    expect(report.curves).toHaveLength(2);
    for (const { points } of report.curves) {
      for (const { removed, loss, metric } of points) {
        expect(loss).toBeCloseTo((removed * (removed + 1)) / 4, 12);
        expect(metric).toBeCloseTo(1 - loss, 12);
      }
    }
    const reversed: Criterion = (group) => byIndex(group, {} as never).map((score) => -score);
    const other = await estimateFisher(detector, {
      ...common,
      criterion: reversed,
      feeds,
      channelGradients: counting,
    });
    expect(other.curves[0]!.points[0]!.loss).toBeCloseTo((8 + 7) / 2, 12);
  });

  it("asks only for values that consumers read, and once for each", async () => {
    const asked: (readonly string[])[] = [];
    await estimateFisher(detector, {
      ...common,
      feeds,
      channelGradients: (model, request) => {
        asked.push(request.values);
        return counting(model, request);
      },
    });
    expect(asked).toEqual([["Relu", "Relu_2"]]);
  });

  it("gives losses as a part of the information that it is told", async () => {
    const options = { ...common, feeds, channelGradients: counting };
    const nats = await estimateFisher(detector, options);
    const parts = await estimateFisher(detector, { ...options, information: 40 });
    const loss = (report: typeof nats) => report.curves[1]!.points[1]!.loss;
    expect(loss(parts)).toBeCloseTo(loss(nats) / 40, 12);
    for (const information of [0, -1, Number.NaN]) {
      await expect(estimateFisher(detector, { ...options, information })).rejects.toMatchObject({
        code: "invalid-option",
      });
    }
  });

  it("skips what can't be pruned and what no gradient reaches, with the reason", async () => {
    const report = await estimateFisher(detector, {
      ...common,
      feeds,
      channelGradients: async (model, request) => {
        const gradients = new Map(await counting(model, request));
        gradients.delete("Relu");
        return gradients;
      },
    });
    expect(report.curves.map(({ group }) => group)).toEqual([second!.id]);
    expect(report.skipped.map(({ group }) => group)).toContain(first!.id);
    expect(report.skipped).toHaveLength(groups.length - 1);
    expect(report.skipped.every(({ reason }) => reason.length > 0)).toBe(true);
  });

  it("refuses gradients that are not finite, and leaves the model as it was", async () => {
    const before = encodeModel(detector);
    const broken: MeasureChannelGradients = async (_, { values }) =>
      new Map(
        values.map((value) => {
          const numbers = new Float64Array(8).fill(Number.NaN);
          return [value, { fisher: numbers, squares: numbers }];
        }),
      );
    await expect(
      estimateFisher(detector, { ...common, feeds, channelGradients: broken }),
    ).rejects.toMatchObject({ code: "invalid-metric", group: first!.id });
    expect(encodeModel(detector)).toEqual(before);
  });

  it("comes close to the real loss for the last layer, where all is known", async () => {
    // Behind the last convolution stands only a Sigmoid: a gate on channel k of what it reads has
    // the information Σ_positions (w_k * v_k)² p (1 − p), when positions are sampled on their own.
    const { estimate, real } = await measureSmallCut();
    expect(estimate / real).toBeGreaterThan(0.8);
    expect(estimate / real).toBeLessThan(1.25);
  });
});

/** The loss of one weak channel before the last layer: estimated, and measured. */
async function measureSmallCut(): Promise<{ estimate: number; real: number }> {
  const weak = cloneModel(detector);
  // Channel 0 of the second group is scaled down in the last layer's weight: [1, 6, 3, 3].
  const weight = weak.graph.value("conv_w_3")!;
  const values = weight.tensor!.float32Values();
  const scaled = Float32Array.from(values, (value, index) => (index < 9 ? value * 0.1 : value));
  weight.tensor = Tensor.float32(weight.tensor!.dims, scaled);
  // The contribution of the channel to each logit: the difference of logits without it.
  const logit = (p: number): number => Math.log(p / (1 - p));
  const without = cloneModel(weak);
  const target = without.graph.value("conv_w_3")!;
  target.tensor = Tensor.float32(
    target.tensor!.dims,
    scaled.map((value, index) => (index < 9 ? 0 : value)),
  );
  let fisher = 0;
  let total = 0;
  for (const feed of feeds) {
    const [p, q] = [await mapOf(weak, feed), await mapOf(without, feed)];
    total += createReferenceMap(p).information;
    p.forEach((probability, index) => {
      const contribution = logit(probability) - logit(q[index]!);
      fisher += (contribution ** 2 * probability * (1 - probability)) / feeds.length;
    });
  }
  const points = [{ group: second!.id, width: 6, ratio: 0.16, removed: 1 }];
  const exact: MeasureChannelGradients = async (_, { values: asked }) =>
    new Map(
      asked.map((value) => {
        const numbers = new Float64Array(8);
        numbers[0] = fisher;
        return [value, { fisher: numbers, squares: numbers }];
      }),
    );
  const estimated = await estimateFisher(weak, {
    ...common,
    points,
    feeds,
    channelGradients: exact,
    information: total / feeds.length,
  });
  const metric = await createOutputDistanceMetric(weak, { feeds, runtime });
  const measured = await analyzeSensitivity(weak, {
    ...common,
    points,
    measurer: (model) => createAblation(model, { ...common, runtime, metric, seed: 1 }),
  });
  return {
    estimate: estimated.curves[0]!.points[0]!.loss,
    real: measured.curves[0]!.points[0]!.loss,
  };
}

const energies = (value: string, node: string, sums: readonly number[]): ActivationEnergies => ({
  images: 3,
  channels: [
    {
      value,
      axis: 1,
      count: 10,
      sumOfSquares: sums,
      variance: sums.map((sum) => sum / 20),
    },
  ],
  readings: [{ node, input: 0, value, axis: 1 }],
});

describe("estimateEnergy", () => {
  const statistics = energies("Relu", "Conv_2", [1, 2, 3, 4, 5, 6, 7, 12]);
  const options = { ...common, groups: [first!], statistics };

  it("adds the shares of Σx² that go", async () => {
    const report = await estimateEnergy(detector, options);
    expect(report).toMatchObject({ metric: "energy-estimate", images: 3 });
    const losses = report.curves[0]!.points.map(({ loss }) => loss);
    expect(losses[0]).toBeCloseTo(3 / 40, 12);
    expect(losses[1]).toBeCloseTo(10 / 40, 12);
  });

  it("takes only the variance where means are made up for", async () => {
    const report = await estimateEnergy(detector, { ...options, compensatesMeans: true });
    expect(report.curves[0]!.points[1]!.loss).toBeCloseTo(5 / 40, 12);
  });

  it.each([
    ["that lack a consumer", energies("Relu", "Conv_3", [1])],
    ["of another width", energies("Relu", "Conv_2", [1, 2])],
    ["of another value", { ...statistics, channels: [] }],
  ])("refuses statistics %s", async (_, wrong) => {
    await expect(estimateEnergy(detector, { ...options, statistics: wrong })).rejects.toMatchObject(
      { code: "invalid-option", group: first!.id },
    );
  });
});

describe("estimates", () => {
  it("cut the channels that analyzeSensitivity cuts with the same seed", async () => {
    const seen: string[] = [];
    const watched: Criterion = (group, context) => {
      const scores = random(group, context);
      seen.push(`${group.id} ${scores.join(" ")}`);
      return scores;
    };
    const options = { ...common, criterion: watched };
    await estimateFisher(detector, {
      ...options,
      feeds,
      channelGradients: counting,
      random: createRandom(7),
    });
    const estimated = seen.splice(0);
    await analyzeSensitivity(detector, {
      ...options,
      evaluate: async () => ({ metric: 1, images: 1 }),
      random: createRandom(7),
    });
    expect(estimated).toHaveLength(2);
    expect(seen.slice(0, 2)).toEqual(estimated);
  });

  it("are reports like any other", async () => {
    const report = await estimateFisher(detector, {
      ...common,
      feeds,
      channelGradients: counting,
      dataFingerprint: "pages",
    });
    expect(parseSensitivities(JSON.stringify(report))).toEqual(report);
  });
});
