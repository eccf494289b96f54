import { type Evaluate, findChannelGroups, transform } from "@ocrslim/graph";
import { l2Norm, pruneChannels } from "@ocrslim/prune";
import { analyzeSensitivity } from "@ocrslim/sensitivity";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { median } from "../harness/time-rounds.ts";
import { readSimplified, squareInputs } from "../support/models.ts";
import { listImages, readFeeds } from "../support/pages.ts";

const POINT = {
  name: "sensitivity/det-point",
  label:
    "PP-OCRv4 det: one point (prune, load, one 640×640 image), PaddleSlim 327 ms on its DB-MobileNetV3",
  unit: "ms",
  direction: "at-most",
  goal: 327,
} as const;
const OVERHEAD = {
  name: "sensitivity/det-point-ratio",
  label: "PP-OCRv4 det: one point ÷ one run of the model",
  unit: "×",
  direction: "at-most",
} as const;

const GROUPS = 6;
const SQUARE = { kind: "image-shape", height: 640, width: 640 } as const;

export const sensitivityPoint: Benchmark = {
  name: "sensitivity-point",
  group: "sensitivity",
  figures: [POINT, OVERHEAD],
  async run({ detector, runtime, samplePages }) {
    const model = await readSimplified(detector);
    const inputShapes = squareInputs(model);
    const free = findChannelGroups(model, { inputShapes }).filter(
      ({ blocked }) => blocked === undefined,
    );
    const step = Math.max(1, Math.floor(free.length / GROUPS));
    const groups = free.filter((_, index) => index % step === 0).slice(0, GROUPS);
    const images = (await listImages(`${samplePages}/calibration`)).slice(0, 1);
    const runs: number[] = [];
    // The points are what is timed, so the metric is one that costs nothing.
    const evaluate: Evaluate = async (candidate) => {
      await using session = await runtime.load(candidate);
      for await (const feeds of readFeeds(candidate, images, SQUARE)) {
        const start = performance.now();
        await session.run(feeds);
        runs.push(performance.now() - start);
      }
      return { metric: 1, images: images.length };
    };
    const points: number[] = [];
    let last = performance.now();
    await analyzeSensitivity(model, {
      groups,
      criterion: l2Norm(),
      ratios: [0.25, 0.5],
      evaluate,
      inputShapes,
      prune: async (copy, plan) => {
        await transform(copy, pruneChannels({ plan }));
        return copy;
      },
      onProgress: (event) => {
        const now = performance.now();
        if (event.kind === "advance" && event.task === "sensitivity") points.push(now - last);
        if (event.kind !== "end") last = now;
      },
    });
    return [
      toFigure(POINT, median(points), points.length),
      toFigure(OVERHEAD, median(points) / median(runs), points.length),
    ];
  },
};
