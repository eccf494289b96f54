import type { ResizeOptions } from "@ocrslim/ocr-det";
import type { Benchmark, BenchmarkContext } from "../harness/benchmark.ts";
import { type FigureSpec, toFigure } from "../harness/figure.ts";
import { findMissingSets, type LabelledSet, labelFile } from "../support/labelled-sets.ts";
import { AT_LEAST_736, evaluateOn, UP_TO_960 } from "../support/pages.ts";

/** A detector on a set, and what PaddleOCR's pipeline in Python reaches there. */
interface AccuracyCase {
  readonly model: "det" | "v6";
  readonly set: LabelledSet;
  readonly resize: ResizeOptions;
  readonly resizeName: string;
  readonly expected: number;
}

const LARGE = { resize: UP_TO_960, resizeName: "960 max" } as const;

const CASES: readonly AccuracyCase[] = [
  { model: "det", set: "sroie", ...LARGE, expected: 0.9343 },
  { model: "det", set: "debmake-pages", ...LARGE, expected: 0.9589 },
  {
    model: "det",
    set: "icdar2015",
    resize: AT_LEAST_736,
    resizeName: "736 min",
    expected: 0.4295,
  },
  { model: "v6", set: "sroie", ...LARGE, expected: 0.9226 },
  { model: "v6", set: "debmake-pages", ...LARGE, expected: 0.9499 },
];

const TITLES = { det: "PP-OCRv4 det", v6: "PP-OCRv6 small" } as const;

/** Decoders and resizers differ by a grey level here and there. */
const TOLERANCE = 0.003;

function createBenchmark({ model, set, resize, resizeName, expected }: AccuracyCase): Benchmark {
  const name = `accuracy/${model}-${set}`;
  const label = `${TITLES[model]} on ${set} (${resizeName}): hmean`;
  const hmean: FigureSpec = { name, label, unit: "", direction: "at-least" };
  const difference: FigureSpec = {
    name: `${name}-difference`,
    label: `${label}, difference from ${expected}`,
    unit: "",
    direction: "at-most",
    goal: TOLERANCE,
  };
  const pathOf = (context: BenchmarkContext): string | undefined =>
    model === "det" ? context.detector : context.newerDetector;
  return {
    name: `accuracy-${model}-${set}`,
    group: "accuracy",
    figures: [hmean, difference],
    unavailable: (context) =>
      pathOf(context) === undefined
        ? "it needs models/PP-OCRv6_det_small.onnx in OCRSLIM_SHARED"
        : findMissingSets(context, [set]),
    async run(context) {
      const path = pathOf(context) ?? "";
      const report = await evaluateOn(context.runtime, path, labelFile(context, set), resize);
      return [
        toFigure(hmean, report.hmean, report.images),
        toFigure(difference, Math.abs(report.hmean - expected), report.images),
      ];
    },
  };
}

export const accuracy: readonly Benchmark[] = CASES.map(createBenchmark);
