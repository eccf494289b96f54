import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { readSimplified } from "../support/models.ts";
import { computeMap, largestDifference, listImages } from "../support/pages.ts";

const NODES = {
  name: "simplify/v6-nodes",
  label: "PP-OCRv6 small (464 nodes): nodes left (onnxsim 227, onnxslim 241)",
  unit: "nodes",
  direction: "at-most",
  goal: 200,
} as const;
const DIFFERENCE = {
  name: "simplify/v6-difference",
  label: "PP-OCRv6 small: largest difference of the probability map, on a real page",
  unit: "",
  direction: "at-most",
} as const;

export const simplifyNewerDetector: Benchmark = {
  name: "simplify-v6",
  group: "simplify",
  figures: [NODES, DIFFERENCE],
  unavailable: ({ newerDetector }) =>
    newerDetector === undefined
      ? "it needs models/PP-OCRv6_det_small.onnx in OCRSLIM_SHARED"
      : undefined,
  async run({ newerDetector = "", runtime, samplePages }) {
    const simplified = await readSimplified(newerDetector);
    const [page = ""] = await listImages(`${samplePages}/calibration`);
    const before = await computeMap(runtime, newerDetector, page);
    const after = await computeMap(runtime, simplified, page);
    return [
      toFigure(NODES, simplified.graph.nodeCount, 1),
      toFigure(DIFFERENCE, largestDifference(before, after), 1),
    ];
  },
};
