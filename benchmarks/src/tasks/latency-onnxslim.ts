import { readModel } from "@ocrslim/graph";
import { measureLatency } from "@ocrslim/runtime";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { readSimplified, squareInputs } from "../support/models.ts";

const RATIO = {
  name: "latency/det-onnxslim-ratio",
  label: "PP-OCRv4 det at 640×640: simplified ÷ onnxslim's output",
  unit: "×",
  direction: "at-most",
  goal: 1,
} as const;

export const latencyOnnxslim: Benchmark = {
  name: "latency-onnxslim",
  group: "latency",
  figures: [RATIO],
  unavailable: ({ onnxslimDetector }) =>
    onnxslimDetector === undefined
      ? "it needs what onnxslim makes of PP-OCRv4 det (pip install onnxslim; onnxslim IN OUT); give the file with --onnxslim"
      : undefined,
  async run({ detector, onnxslimDetector = "", runtime }) {
    const rival = await readModel(onnxslimDetector);
    const simplified = await readSimplified(detector);
    const { models, ratio = Number.NaN } = await measureLatency(runtime, [rival, simplified], {
      inputShapes: squareInputs(rival),
      runs: 40,
    });
    return [toFigure(RATIO, ratio, models[0]?.samples.length ?? 0)];
  },
};
