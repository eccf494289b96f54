import { cloneModel, fitRuntime, type Model, readModel, transform } from "@ocrslim/graph";
import { measureLatency, type Runtime } from "@ocrslim/runtime";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { readSimplified, squareInputs } from "../support/models.ts";
import { computeMap, largestDifference, listImages } from "../support/pages.ts";

const RATIO = {
  name: "latency/fit-ratio",
  label: "PP-OCRv4 det at 640×640: simplified and fitted ÷ original",
  unit: "×",
  direction: "at-most",
  goal: 0.8,
} as const;
const SIMPLIFIED_RATIO = {
  name: "latency/fit-simplified-ratio",
  label: "the same ÷ simplified alone",
  unit: "×",
  direction: "at-most",
  goal: 1,
} as const;
const SINGLE_RATIO = {
  name: "latency/fit-single-ratio",
  label: "fitted for one image a run ÷ original",
  unit: "×",
  direction: "at-most",
  goal: 0.8,
} as const;
const RULE_RATIO = {
  name: "latency/fit-rule-ratio",
  label: "fitted by the cost rule, without measuring ÷ original",
  unit: "×",
  direction: "at-most",
} as const;
const DIFFERENCE = {
  name: "latency/fit-difference",
  label: "largest difference of the probability map, on real pages, of all three",
  unit: "",
  direction: "at-most",
  goal: 1e-5,
} as const;
const NOISE = {
  name: "latency/fit-noise",
  label: "to compare: the original, ONNX Runtime's optimizations on against off, same pages",
  unit: "",
  direction: "at-most",
} as const;
const SECONDS = {
  name: "latency/fit-time",
  label: "time of fitting, measurements included",
  unit: "s",
  direction: "at-most",
} as const;

const PAGES = 3;
const RUNS = 40;
/** Of each rewrite that is tried. */
const TRIAL = { runs: 16, warmup: 3, maxSeconds: 2 };

export const fitRuntimeDetector: Benchmark = {
  name: "fit-runtime",
  group: "latency",
  figures: [RATIO, SIMPLIFIED_RATIO, SINGLE_RATIO, RULE_RATIO, DIFFERENCE, NOISE, SECONDS],
  async run({ detector, runtime, samplePages, log }) {
    const original = await readModel(detector);
    const simplified = await readSimplified(detector);
    const inputShapes = squareInputs(original);
    const measure = async (models: readonly [Model, Model]): Promise<number> =>
      (await measureLatency(runtime, models, TRIAL)).ratio ?? Number.NaN;
    const fitModel = async (options: Partial<Parameters<typeof fitRuntime>[0]>): Promise<Model> => {
      const model = cloneModel(simplified);
      const onCandidate: Parameters<typeof fitRuntime>[0]["onCandidate"] = (candidate) => {
        const { kind, variant, place, ratio, accepted } = candidate;
        log(`${accepted ? "+" : "-"} ${kind} (${variant}) at ${place}: ${ratio.toFixed(3)}`);
      };
      const target = "onnxruntime-cpu";
      await transform(model, fitRuntime({ target, inputShapes, onCandidate, ...options }));
      return model;
    };
    const start = performance.now();
    const fitted = await fitModel({ measure });
    const seconds = (performance.now() - start) / 1000;
    const single = await fitModel({ measure, batchSize: 1 });
    const byRule = await fitModel({});
    const compare = async (first: Model, second: Model): Promise<number> => {
      const options = { inputShapes, runs: RUNS };
      return (await measureLatency(runtime, [first, second], options)).ratio ?? Number.NaN;
    };
    const pages = (await listImages(`${samplePages}/calibration`)).slice(0, PAGES);
    return [
      toFigure(RATIO, await compare(original, fitted), RUNS),
      toFigure(SIMPLIFIED_RATIO, await compare(simplified, fitted), RUNS),
      toFigure(SINGLE_RATIO, await compare(original, single), RUNS),
      toFigure(RULE_RATIO, await compare(original, byRule), RUNS),
      ...(await compareMaps(runtime, detector, [fitted, single, byRule], pages)),
      toFigure(SECONDS, seconds, 1),
    ];
  },
};

async function compareMaps(
  runtime: Runtime,
  detector: string,
  models: readonly Model[],
  pages: readonly string[],
): Promise<ReturnType<typeof toFigure>[]> {
  let difference = 0;
  let noise = 0;
  for (const page of pages) {
    const before = await computeMap(runtime, detector, page);
    const plain = await computeMap(runtime, detector, page, { optimization: "disabled" });
    noise = Math.max(noise, largestDifference(before, plain));
    for (const model of models) {
      const after = await computeMap(runtime, model, page);
      difference = Math.max(difference, largestDifference(before, after));
    }
  }
  return [toFigure(DIFFERENCE, difference, pages.length), toFigure(NOISE, noise, pages.length)];
}
