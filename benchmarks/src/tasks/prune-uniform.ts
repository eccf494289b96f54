import {
  cloneModel,
  computeCost,
  findChannelGroups,
  type Model,
  readModel,
  transform,
} from "@ocrslim/graph";
import {
  collectActivationStatistics,
  compensateMeans,
  l2Norm,
  planPruning,
  pruneChannels,
  uniformRatio,
} from "@ocrslim/prune";
import { measureLatency } from "@ocrslim/runtime";
import type { Benchmark, BenchmarkContext } from "../harness/benchmark.ts";
import { type FigureSpec, toFigure } from "../harness/figure.ts";
import { findMissingSets, labelFile } from "../support/labelled-sets.ts";
import { readSimplified, squareInputs } from "../support/models.ts";
import { evaluateOn, listImages, readFeeds } from "../support/pages.ts";

/** What Torch-Pruning reaches by L2 over whole groups, without training. */
interface Rival {
  readonly latency: number;
  readonly sroie: number;
  readonly debmake: number;
}

interface Variant {
  readonly percent: number;
  /** Whether removed channels are made up for by their means on the calibration pages. */
  readonly compensated: boolean;
  readonly rival: Rival;
}

const AT_10: Rival = { latency: 1.8, sroie: 0.713, debmake: 0.548 };
const AT_25: Rival = { latency: 0.97, sroie: 0, debmake: 0 };

const VARIANTS: readonly Variant[] = [
  { percent: 10, compensated: false, rival: AT_10 },
  { percent: 10, compensated: true, rival: AT_10 },
  { percent: 25, compensated: false, rival: AT_25 },
  { percent: 25, compensated: true, rival: AT_25 },
];

async function prune(context: BenchmarkContext, variant: Variant): Promise<Model> {
  const model = await readSimplified(context.detector);
  const inputShapes = squareInputs(model);
  const groups = findChannelGroups(model, { inputShapes });
  const allocation = uniformRatio(variant.percent / 100);
  const plan = planPruning(model, { groups, criterion: l2Norm(), allocation, inputShapes });
  const pruned = cloneModel(model);
  if (variant.compensated) {
    const pages = await listImages(`${context.samplePages}/calibration`);
    const feeds = readFeeds(model, pages);
    const { runtime } = context;
    const statistics = await collectActivationStatistics(model, { groups, feeds, runtime });
    await transform(pruned, compensateMeans({ plan, statistics, groups }));
  }
  await transform(pruned, pruneChannels({ plan }));
  return pruned;
}

function createBenchmark(variant: Variant): Benchmark {
  const { percent, compensated, rival } = variant;
  const name = `prune/uniform-${percent}${compensated ? "-means" : ""}`;
  const label = `uniform ${percent} %, group L2${compensated ? ", means compensated" : ""}`;
  const macs: FigureSpec = {
    name: `${name}-macs`,
    label: `${label}: MACs kept`,
    unit: "×",
    direction: "at-most",
  };
  const latency: FigureSpec = {
    name: `${name}-latency`,
    label: `${label}: latency ÷ original (Torch-Pruning ${rival.latency})`,
    unit: "×",
    direction: "at-most",
    goal: rival.latency,
  };
  const sroie: FigureSpec = {
    name: `${name}-sroie`,
    label: `${label}: hmean on sroie, 0.934 before (Torch-Pruning ${rival.sroie})`,
    unit: "",
    direction: "at-least",
    ...(rival.sroie > 0 ? { goal: rival.sroie } : {}),
  };
  const debmake: FigureSpec = {
    name: `${name}-debmake`,
    label: `${label}: hmean on debmake-pages, 0.959 before (Torch-Pruning ${rival.debmake})`,
    unit: "",
    direction: "at-least",
    ...(rival.debmake > 0 ? { goal: rival.debmake } : {}),
  };
  return {
    name: `prune-uniform-${percent}${compensated ? "-means" : ""}`,
    group: "prune",
    figures: [macs, latency, sroie, debmake],
    unavailable: (context) => findMissingSets(context, ["sroie", "debmake-pages"]),
    async run(context) {
      const { runtime, detector } = context;
      const original = await readModel(detector);
      const pruned = await prune(context, variant);
      const inputShapes = squareInputs(original);
      const before = computeCost(original, { inputShapes }).macs;
      const after = computeCost(pruned, { inputShapes }).macs;
      const { ratio = Number.NaN, models } = await measureLatency(runtime, [original, pruned], {
        inputShapes,
        runs: 30,
      });
      const receipts = await evaluateOn(runtime, pruned, labelFile(context, "sroie"));
      const pages = await evaluateOn(runtime, pruned, labelFile(context, "debmake-pages"));
      return [
        toFigure(macs, after / before, 1),
        toFigure(latency, ratio, models[0]?.samples.length ?? 0),
        toFigure(sroie, receipts.hmean, receipts.images),
        toFigure(debmake, pages.hmean, pages.images),
      ];
    },
  };
}

export const pruneUniform: readonly Benchmark[] = VARIANTS.map(createBenchmark);
