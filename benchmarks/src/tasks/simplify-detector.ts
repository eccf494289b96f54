import { readFile } from "node:fs/promises";
import { decodeModel, type Model, simplify, transform } from "@ocrslim/graph";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { median } from "../harness/time-rounds.ts";
import { readSimplified } from "../support/models.ts";
import { computeMap, largestDifference, listImages } from "../support/pages.ts";

const NODES = {
  name: "simplify/det-nodes",
  label: "PP-OCRv4 det (672 nodes): nodes left (onnxsim 494, onnxslim 326)",
  unit: "nodes",
  direction: "at-most",
  goal: 230,
} as const;
const TIME = {
  name: "simplify/det-time",
  label: "PP-OCRv4 det: time (onnxsim 116 ms, onnxslim 684 ms)",
  unit: "ms",
  direction: "at-most",
  goal: 120,
} as const;
const DIFFERENCE = {
  name: "simplify/det-difference",
  label: "PP-OCRv4 det: largest difference of the probability map, on real pages",
  unit: "",
  direction: "at-most",
  goal: 1e-5,
} as const;
const NOISE = {
  name: "simplify/det-noise",
  label: "to compare: the original, ONNX Runtime's optimizations on against off, same pages",
  unit: "",
  direction: "at-most",
} as const;

const ROUNDS = 15;
const WARMUP = 5;
const PAGES = 3;

/** Milliseconds of simplifying, each time from fresh bytes. */
async function timeSimplify(bytes: Uint8Array): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let round = -WARMUP; round < ROUNDS; round++) {
    const model: Model = decodeModel(bytes);
    const start = performance.now();
    await transform(model, simplify());
    if (round >= 0) samples.push(performance.now() - start);
  }
  return samples;
}

export const simplifyDetector: Benchmark = {
  name: "simplify-det",
  group: "simplify",
  figures: [NODES, TIME, DIFFERENCE, NOISE],
  async run({ detector, runtime, samplePages }) {
    const simplified = await readSimplified(detector);
    const samples = await timeSimplify(new Uint8Array(await readFile(detector)));
    let difference = 0;
    let noise = 0;
    const pages = (await listImages(`${samplePages}/calibration`)).slice(0, PAGES);
    for (const page of pages) {
      const before = await computeMap(runtime, detector, page);
      const after = await computeMap(runtime, simplified, page);
      const plain = await computeMap(runtime, detector, page, { optimization: "disabled" });
      difference = Math.max(difference, largestDifference(before, after));
      noise = Math.max(noise, largestDifference(before, plain));
    }
    return [
      toFigure(NODES, simplified.graph.nodeCount, 1),
      toFigure(TIME, median(samples), samples.length),
      toFigure(DIFFERENCE, difference, pages.length),
      toFigure(NOISE, noise, pages.length),
    ];
  },
};
