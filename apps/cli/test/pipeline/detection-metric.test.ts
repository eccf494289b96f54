import { fileURLToPath } from "node:url";
import { createRunContext, findChannelGroups, readModel, resolveInputShapes } from "@ocrslim/graph";
import {
  computeAgreement,
  evaluateDetector,
  NORMALIZE_DEFAULTS,
  POSTPROCESS_DEFAULTS,
  readDataset,
} from "@ocrslim/ocr-det";
import { l2Norm } from "@ocrslim/prune";
import { createRuntime } from "@ocrslim/runtime";
import { analyzeSensitivity, createAblation } from "@ocrslim/sensitivity";
import { sampleModel } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import type { DetectionSettings } from "../../src/options/detection-options.ts";
import { createMapEvaluator } from "../../src/pipeline/compare-maps.ts";
import { detectAll, loadFeeds, withDetector } from "../../src/pipeline/detection.ts";
import { createDetectionMetric } from "../../src/pipeline/detection-metric.ts";
import { pruneModel } from "../../src/pipeline/prune-model.ts";

const labels = fileURLToPath(
  new URL("../../../../assets/sample-pages/evaluation/labels.txt", import.meta.url),
);
const settings: DetectionSettings = {
  resize: { kind: "limit-side", limitSideLength: 320, limitType: "max" },
  normalize: NORMALIZE_DEFAULTS,
  postprocess: POSTPROCESS_DEFAULTS,
};
const runtime = createRuntime({ threads: 1 });
const model = await readModel(sampleModel("det"));
const samples = (await readDataset(labels)).samples.slice(0, 3);
const inputShapes = resolveInputShapes(model, { size: [320, 320] });
const free = findChannelGroups(model, { inputShapes }).filter(({ blocked }) => !blocked);
const groups = [free[1]!, free[free.length >> 1]!, free.at(-2)!];
const sweep = { groups, inputShapes, criterion: l2Norm(), ratios: [0.1, 0.5] };

/** Sweeps by loading each pruned model and measuring it as `eval` would, one image after the other. */
function sweepPlainly(evaluate: Parameters<typeof analyzeSensitivity>[1]["evaluate"]) {
  return analyzeSensitivity(model, {
    ...sweep,
    ...(evaluate ? { evaluate } : {}),
    prune: (candidate, plan) => pruneModel(candidate, { plan }),
  });
}

async function sweepByAblation(kind: "hmean" | "agreement" | "map") {
  using metric = await createDetectionMetric({ kind, model, samples, settings, runtime });
  return await analyzeSensitivity(model, {
    ...sweep,
    measurer: (unpruned, run) => createAblation(unpruned, { ...run, ...sweep, metric, runtime }),
  });
}

const metricsOf = ({ baseline, curves }: Awaited<ReturnType<typeof sweepPlainly>>) => [
  baseline,
  ...curves.flatMap(({ points }) => points.map(({ metric }) => metric)),
];

describe("createDetectionMetric", () => {
  it("gives an ablation the hmean of evaluating each pruned model, to the last digit", async () => {
    const plain = await sweepPlainly(async (candidate) => {
      const { hmean, images } = await withDetector(runtime, candidate, settings, (detector) =>
        evaluateDetector(detector, samples),
      );
      return { metric: hmean, images };
    });
    const metrics = metricsOf(plain);
    expect(new Set(metrics).size).toBeGreaterThan(3);
    expect(metricsOf(await sweepByAblation("hmean"))).toEqual(metrics);
  });

  it("gives the agreement with what the unpruned model finds", async () => {
    const reference = await detectAll(runtime, model, settings, samples, {});
    const plain = await sweepPlainly(async (candidate) => {
      const found = await detectAll(runtime, candidate, settings, samples, {});
      return { metric: computeAgreement(reference, found).hmean, images: samples.length };
    });
    expect(plain.baseline).toBe(1);
    expect(metricsOf(await sweepByAblation("agreement"))).toEqual(metricsOf(plain));
  });

  it("gives the overlap of maps", async () => {
    const feeds = await loadFeeds(model, samples, settings, undefined);
    const evaluate = await createMapEvaluator(runtime, model, feeds, undefined);
    const plain = metricsOf(await sweepPlainly(evaluate));
    const fast = metricsOf(await sweepByAblation("map"));
    expect(fast[0]).toBe(1);
    plain.forEach((metric, index) => {
      expect(fast[index]).toBeCloseTo(metric, 4);
    });
    expect((await evaluate(model, createRunContext())).metric).toBe(1);
  });

  it("refuses images without labels for hmean, and no images at all", async () => {
    const unlabelled = samples.map(({ id, imagePath }) => ({ id, imagePath }));
    const create = (kind: "hmean" | "map", list: typeof unlabelled) =>
      createDetectionMetric({ kind, model, samples: list, settings, runtime });
    await expect(create("hmean", unlabelled)).rejects.toMatchObject({ code: "unsuitable-data" });
    await expect(create("map", [])).rejects.toMatchObject({ code: "unsuitable-data" });
  });
});
