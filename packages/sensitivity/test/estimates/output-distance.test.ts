import type { Criterion } from "@ocrslim/graph";
import { maskConsumers } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { computeDivergence, createReferenceMap } from "../../src/estimates/map-distance.ts";
import {
  createOutputDistanceMetric,
  outputDistanceMetric,
} from "../../src/estimates/output-distance.ts";
import { analyzeSensitivity, createAblation } from "../../src/index.ts";
import { detector, feeds, groups, inputShapes, mapOf, runtime } from "./detector.ts";

/** Channels go by index. */
const byIndex: Criterion = ({ width }) => Float64Array.from({ length: width }, (_, k) => k);

const output = (values: readonly number[]) => ({
  p: { dtype: "float32" as const, dims: [values.length], data: Float32Array.from(values) },
});
const empty = { x: { dtype: "float32" as const, dims: [0], data: new Float32Array() } };
const pages = [output([0.1, 0.9, 0.9, 0.1]), output([0.2, 0.2, 0.2, 0.8])];
const metric = outputDistanceMetric({ feeds: [empty, empty], references: pages });

describe("outputDistanceMetric", () => {
  it("is 1 for the unpruned model's own maps, and 0 for constant ones of the same mean", () => {
    const own = pages.map((page, image) => metric.score(image, page));
    expect(metric.combine(own)).toBe(1);
    const flat = [output([0.5, 0.5, 0.5, 0.5]), output([0.35, 0.35, 0.35, 0.35])];
    const scores = flat.map((page, image) => metric.score(image, page));
    expect(metric.combine(scores)).toBeCloseTo(0, 6);
  });

  it("is below 0 for maps that are worse than constant ones", () => {
    const wrong = metric.score(0, output([0.9, 0.1, 0.1, 0.9]));
    expect(metric.combine([wrong])).toBeLessThan(0);
  });

  it("sums images before it divides, so that images without text count for little", () => {
    const [a, b] = [
      metric.score(0, output([0.2, 0.8, 0.9, 0.1])),
      metric.score(1, output([0.2, 0.3, 0.2, 0.8])),
    ];
    const lost = (a.divergence + b.divergence) / (a.information + b.information);
    expect(metric.combine([a, b])).toBeCloseTo(1 - lost, 12);
    expect(metric.combine([b, a])).toBeCloseTo(1 - lost, 12);
    expect(metric.information).toBeCloseTo((a.information + b.information) / 2, 12);
  });

  it("holds an image without text against what the others say", () => {
    const some = outputDistanceMetric({
      feeds: [empty, empty],
      references: [pages[0]!, output([0, 0, 0, 0])],
    });
    const score = some.score(1, output([0, 0, 0, 0.9]));
    expect(score.information).toBe(0);
    const loss = 1 - some.combine([score]);
    expect(loss).toBeCloseTo(score.divergence / some.information, 12);
    expect(loss).toBeGreaterThan(0);
  });

  it("compares only the outputs that are named", () => {
    const both = { ...pages[0]!, logits: output([-9, 9, 9, -9]).p };
    const named = outputDistanceMetric({ feeds: [empty], references: [both], outputs: ["p"] });
    expect(named.combine([named.score(0, pages[0]!)])).toBe(1);
    const all = () => outputDistanceMetric({ feeds: [empty], references: [both] });
    expect(all).toThrow(expect.objectContaining({ code: "invalid-metric" }));
  });

  it.each([
    ["no feeds", [], [], "invalid-option"],
    ["fewer references than feeds", [empty, empty], pages.slice(1), "invalid-option"],
    ["maps that are constant", [empty], [output([0.3, 0.3])], "invalid-metric"],
  ])("refuses %s", (_, some, references, code) => {
    expect(() => outputDistanceMetric({ feeds: some, references })).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it("refuses an output that is missing or of another type, and an image that is not there", () => {
    const wrong = { p: { dtype: "int64" as const, dims: [1], data: BigInt64Array.of(1n) } };
    for (const outputs of [{}, wrong]) {
      expect(() => metric.score(0, outputs)).toThrow(
        expect.objectContaining({ code: "invalid-metric" }),
      );
    }
    expect(() => metric.feeds(2)).toThrow(expect.objectContaining({ code: "invalid-option" }));
  });
});

describe("createOutputDistanceMetric", () => {
  it("makes an ablation measure each point as the divergence of the model with those channels masked", async () => {
    const common = { groups, criterion: byIndex, inputShapes };
    const distance = await createOutputDistanceMetric(detector, { feeds, runtime });
    const report = await analyzeSensitivity(detector, {
      ...common,
      ratios: [0.25, 0.5],
      measurer: (model) => createAblation(model, { ...common, runtime, metric: distance, seed: 1 }),
    });
    expect(report.baseline).toBeCloseTo(1, 6);
    expect(report.images).toBe(feeds.length);
    const references = await Promise.all(
      feeds.map(async (feed) => createReferenceMap(await mapOf(detector, feed))),
    );
    const information = references.reduce((sum, map) => sum + map.information, 0);
    const points = report.curves.flatMap(({ group: id, width, points: own }) =>
      own.map((point) => ({ id, width, ...point })),
    );
    expect(points).toHaveLength(4);
    for (const { id, width, removed, loss } of points) {
      const keep = Array.from({ length: width - removed }, (_, k) => removed + k);
      const masked = maskConsumers(detector, groups, {
        formatVersion: 1,
        inputShapes,
        groups: [{ id, width, keep }],
        skipped: [],
        provenance: {},
      });
      let divergence = 0;
      for (const [image, feed] of feeds.entries()) {
        divergence += computeDivergence(references[image]!, await mapOf(masked, feed));
      }
      expect(loss).toBeCloseTo(divergence / information, 4);
      expect(loss).toBeGreaterThan(0);
    }
  });
});
