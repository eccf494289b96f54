import { readModel } from "@ocrslim/graph";
import { measureLatency } from "@ocrslim/runtime";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { readSimplified, squareInputs } from "../support/models.ts";

const ORIGINAL = {
  name: "latency/det-original",
  label: "PP-OCRv4 det at 640×640: median",
  unit: "ms",
  direction: "at-most",
} as const;
const RATIO = {
  name: "latency/det-simplified-ratio",
  label: "PP-OCRv4 det at 640×640: simplified ÷ original",
  unit: "×",
  direction: "at-most",
  goal: 1,
} as const;

export const latencySimplified: Benchmark = {
  name: "latency-simplified",
  group: "latency",
  figures: [ORIGINAL, RATIO],
  async run({ detector, runtime }) {
    const original = await readModel(detector);
    const simplified = await readSimplified(detector);
    const { models, ratio = Number.NaN } = await measureLatency(runtime, [original, simplified], {
      inputShapes: squareInputs(original),
      runs: 40,
    });
    const { medianMs = Number.NaN, samples = [] } = models[0] ?? {};
    return [toFigure(ORIGINAL, medianMs, samples.length), toFigure(RATIO, ratio, samples.length)];
  },
};
