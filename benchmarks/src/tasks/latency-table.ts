import {
  type ChannelGroup,
  cloneModel,
  createRandom,
  findChannelGroups,
  type Model,
  type PruningPlan,
  transform,
} from "@ocrslim/graph";
import { pruneChannels } from "@ocrslim/prune";
import { buildLatencyTable, measureLatency, predictLatency } from "@ocrslim/runtime";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { median } from "../harness/time-rounds.ts";
import { readSimplified, squareInputs } from "../support/models.ts";

const SECONDS = {
  name: "latency/table-seconds",
  label: "PP-OCRv4 det at 640×640: seconds to build a latency table",
  unit: "s",
  direction: "at-most",
  goal: 60,
} as const;
const ITSELF = {
  name: "latency/table-itself-error",
  label: "the model itself: predicted against measured anew, in ms",
  unit: "%",
  direction: "at-most",
  goal: 10,
} as const;
const MEDIAN = {
  name: "latency/table-median-error",
  label: "10 random plans: latency ÷ original, predicted against measured, median error",
  unit: "%",
  direction: "at-most",
  goal: 5,
} as const;
const WORST = {
  name: "latency/table-worst-error",
  label: "the same, worst error",
  unit: "%",
  direction: "at-most",
  goal: 12,
} as const;

const PLANS = 10;
/** Most of a group's channels that a plan takes off. */
const MOST_CUT = 0.75;
const RUNS = 40;

/** A plan of whole blocks: every second one cuts all groups alike, the others each as it falls. */
function planAtRandom(
  seed: number,
  groups: readonly ChannelGroup[],
  channelMultiple: number,
  inputShapes: PruningPlan["inputShapes"],
): PruningPlan {
  const random = createRandom(seed);
  const uniform = seed % 2 === 0 ? 0.1 + (MOST_CUT - 0.1) * random() : undefined;
  return {
    formatVersion: 1,
    inputShapes,
    groups: groups.map(({ id, width }) => {
      const ratio = uniform ?? MOST_CUT * random();
      const blocks = Math.max(1, Math.round((width * (1 - ratio)) / channelMultiple));
      const kept = Math.min(width, blocks * channelMultiple);
      return { id, width, keep: Array.from({ length: kept }, (_, channel) => channel) };
    }),
    skipped: [],
    provenance: { strategy: "random", seed },
  };
}

async function prune(model: Model, plan: PruningPlan): Promise<Model> {
  const pruned = cloneModel(model);
  await transform(pruned, pruneChannels({ plan }));
  return pruned;
}

const percentOff = (predicted: number, measured: number): number =>
  100 * Math.abs(predicted / measured - 1);

export const latencyTable: Benchmark = {
  name: "latency-table",
  group: "latency",
  figures: [SECONDS, ITSELF, MEDIAN, WORST],
  async run({ detector, runtime, log }) {
    const model = await readSimplified(detector);
    const inputShapes = squareInputs(model);
    const groups = findChannelGroups(model, { inputShapes }).filter(
      ({ blocked }) => blocked === undefined,
    );
    const start = performance.now();
    const table = await buildLatencyTable(model, { runtime, inputShapes });
    const seconds = (performance.now() - start) / 1000;
    const full = predictLatency(model, table, { inputShapes }).medianMs;
    const wholes: number[] = [];
    const errors: number[] = [];
    for (let seed = 1; seed <= PLANS; seed++) {
      const plan = planAtRandom(seed, groups, table.channelMultiple, inputShapes);
      const pruned = await prune(model, plan);
      const predicted = predictLatency(pruned, table, { inputShapes }).medianMs / full;
      const report = await measureLatency(runtime, [model, pruned], { inputShapes, runs: RUNS });
      const { ratio = Number.NaN } = report;
      wholes.push(...(report.models[0]?.samples ?? []));
      errors.push(percentOff(predicted, ratio));
      log(`plan ${seed}: predicted ${predicted.toFixed(3)}, measured ${ratio.toFixed(3)}`);
    }
    return [
      toFigure(SECONDS, seconds, 1),
      toFigure(ITSELF, percentOff(full, median(wholes)), wholes.length),
      toFigure(MEDIAN, median(errors), errors.length),
      toFigure(WORST, Math.max(...errors), errors.length),
    ];
  },
};
