import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type ChannelGroup,
  cloneModel,
  findChannelGroups,
  type Model,
  simplify,
  transform,
} from "@ocrslim/graph";
import {
  buildDbDetector,
  createDetector,
  evaluateDetector,
  loadPaddleWeights,
  readDataset,
  readPdparams,
  type Sample,
} from "@ocrslim/ocr-det";
import { l2Norm, pruneChannels } from "@ocrslim/prune";
import { float32Feed, type Runtime, type RuntimeTensor } from "@ocrslim/runtime";
import {
  analyzeSensitivity,
  createAblation,
  type ImageMetric,
  listPoints,
  type PointMeasurer,
  type PointSpec,
  ratiosByLossMonotone,
  type SensitivityOptions,
  type SensitivityReport,
} from "@ocrslim/sensitivity";
import type { Benchmark, BenchmarkContext } from "../harness/benchmark.ts";
import { type FigureSpec, toFigure } from "../harness/figure.ts";
import { median } from "../harness/time-rounds.ts";
import { createHmeanMetric } from "../support/hmean-metric.ts";
import { findMissingSets } from "../support/labelled-sets.ts";
import { readSimplified, squareInputs } from "../support/models.ts";
import { UP_TO_960 } from "../support/pages.ts";
import { trainingFile } from "../support/refit-detector.ts";

/**
 * Set `OCRSLIM_SWEEP=full` for all groups on forty pages, which takes about an hour; a quarter of the
 * groups on sixteen pages takes a few minutes.
 */
const isFull = process.env["OCRSLIM_SWEEP"] === "full";
const PAGES = isFull ? 40 : 16;
const GROUP_STEP = isFull ? 1 : 4;
const RATIOS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const MAXIMUM_LOSS = 0.02;
/** What PaddleSlim's detector has. */
const PADDLE_GROUPS = 24;

const WHAT = `${isFull ? "all" : "every fourth"} group × 9 ratios of PP-OCRv4 det, ${PAGES} sroie pages`;
const figure = (
  name: string,
  label: string,
  unit: string,
  direction: FigureSpec["direction"],
  goal: number,
): FigureSpec => ({ name: `sensitivity/${name}`, label, unit, direction, goal });

const SPEEDUP = figure(
  "ablation-speedup",
  `${WHAT}: time of the plain loop ÷ exact ablation`,
  "×",
  "at-least",
  4,
);
const IDENTICAL = figure(
  "ablation-identical",
  `${WHAT}: share of points with the plain loop's metric to the last digit`,
  "",
  "at-least",
  1,
);
const MEMORY = figure("ablation-memory", `${WHAT}: memory of the process`, "GB", "at-most", 4);
const RACE = figure(
  "racing-speedup",
  `${WHAT}: time of the plain loop ÷ racing at a loss of 2 %`,
  "×",
  "at-least",
  15,
);
const STEPS = figure(
  "racing-grid-step",
  "racing: share of groups whose ratio is at most one step of the grid from the exact one",
  "",
  "at-least",
  0.95,
);
const EXCESS = figure(
  "racing-excess-loss",
  "racing: highest exact loss at a ratio it gives, above the limit",
  "points",
  "at-most",
  1,
);
const OVERHEAD = figure(
  "point-overhead",
  "PP-OCRv4 det: a point beyond its forward passes (prune, cut, create a session)",
  "ms",
  "at-most",
  60,
);
const PADDLE = figure(
  "db-mobilenetv3-sweep",
  "DB-MobileNetV3: 24 groups × 9 ratios, one 640×640 image each; PaddleSlim 71 s",
  "s",
  "at-most",
  7,
);

export const sensitivityAblation: Benchmark = {
  name: "sensitivity-ablation",
  group: "sensitivity",
  figures: [SPEEDUP, IDENTICAL, MEMORY, RACE, STEPS, EXCESS, OVERHEAD, PADDLE],
  unavailable(context) {
    return (
      findMissingSets(context, ["sroie"]) ??
      (existsSync(paddleWeights(context))
        ? undefined
        : `it needs ${paddleWeights(context)}; give the folder of reference maps`)
    );
  },
  async run(context) {
    const model = await readSimplified(context.detector);
    const inputShapes = squareInputs(model);
    const groups = freeGroups(model, inputShapes).filter((_, index) => index % GROUP_STEP === 0);
    const { samples } = await readDataset(trainingFile(context, "sroie"));
    const sweep = { context, model, inputShapes, groups, samples: samples.slice(0, PAGES) };
    const { seconds, reports, memory } = await compareSweeps(sweep);
    const [exact, race] = [reports.exact.curves, reports.race.curves];
    const pairs = reports.plain.curves.flatMap(({ points }, curve) =>
      points.map((point, at) => point.metric === exact[curve]?.points[at]?.metric),
    );
    const wanted = ratiosByLossMonotone(exact, MAXIMUM_LOSS);
    const found = ratiosByLossMonotone(race, MAXIMUM_LOSS);
    const near = Object.keys(wanted).filter(
      (group) => Math.abs((wanted[group] ?? 0) - (found[group] ?? 0)) <= 0.1 + 1e-9,
    );
    const excess = Object.entries(found).map(([group, ratio]) =>
      lossAt(reports.exact, group, ratio),
    );
    const count = groups.length;
    return [
      toFigure(SPEEDUP, seconds.plain / seconds.exact, pairs.length),
      toFigure(IDENTICAL, pairs.filter(Boolean).length / pairs.length, pairs.length),
      toFigure(MEMORY, memory / 1e9, pairs.length),
      toFigure(RACE, seconds.plain / seconds.race, pairs.length),
      toFigure(STEPS, near.length / count, count),
      toFigure(EXCESS, 100 * Math.max(0, Math.max(...excess) - MAXIMUM_LOSS), count),
      toFigure(OVERHEAD, await measureOverhead(sweep), 2 * count),
      toFigure(PADDLE, await timePaddleSweep(context), PADDLE_GROUPS * RATIOS.length),
    ];
  },
};

interface Sweep {
  readonly context: BenchmarkContext;
  readonly model: Model;
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly groups: readonly ChannelGroup[];
  readonly samples: readonly Sample[];
}

const criterion = l2Norm();
const ways = ["plain", "exact", "race"] as const;
type ByWay<T> = Record<(typeof ways)[number], T>;

/** The three ways, in turn for each group, so that a busy machine is busy for all of them. */
async function compareSweeps(sweep: Sweep): Promise<{
  readonly seconds: ByWay<number>;
  readonly reports: ByWay<SensitivityReport>;
  readonly memory: number;
}> {
  const { context, model, groups, inputShapes, samples } = sweep;
  using metric = await createHmeanMetric(model, samples);
  const common = { groups, criterion, inputShapes };
  const seconds = { plain: 0, exact: 0, race: 0 };
  const reports: Partial<ByWay<SensitivityReport>> = {};
  const measurers = new Map<string, PointMeasurer>();
  let memory = 0;
  const shared = async (way: string, maximumLoss?: number): Promise<PointMeasurer> => {
    const limit = maximumLoss === undefined ? {} : { maximumLoss };
    const measurer =
      measurers.get(way) ?? (await createAblation(model, { ...common, ...limit, metric, seed: 1 }));
    measurers.set(way, measurer);
    // It outlives the groups.
    return { ...measurer, dispose: async () => {} };
  };
  const options: ByWay<Partial<SensitivityOptions>> = {
    plain: plainly(context.runtime, samples),
    exact: { measurer: () => shared("exact"), concurrency: 2 },
    race: {
      measurer: () => shared("race", MAXIMUM_LOSS),
      maximumLoss: MAXIMUM_LOSS,
      concurrency: 2,
    },
  };
  try {
    for (const [index, group] of groups.entries()) {
      context.log(`group ${index + 1} of ${groups.length}: ${group.id}`);
      const points: readonly PointSpec[] = listPoints([group], RATIOS);
      for (const way of [...ways.slice(index % 3), ...ways.slice(0, index % 3)]) {
        const start = performance.now();
        reports[way] = await analyzeSensitivity(model, {
          ...common,
          ...options[way],
          points,
          file: join(context.temporaryFolder, `sensitivity-${way}.json`),
        });
        seconds[way] += (performance.now() - start) / 1000;
        if (way !== "plain") memory = Math.max(memory, process.memoryUsage().rss);
      }
    }
  } finally {
    await Promise.all([...measurers.values()].map((measurer) => measurer.dispose()));
  }
  const { plain, exact, race } = reports;
  if (!plain || !exact || !race) throw new Error("sensitivity-ablation: there are no groups");
  return { seconds, reports: { plain, exact, race }, memory };
}

/** Each pruned model is loaded, and evaluated as any other. */
function plainly(runtime: Runtime, samples: readonly Sample[]): Partial<SensitivityOptions> {
  return {
    prune: async (copy, plan) => {
      await transform(copy, pruneChannels({ plan }));
      return copy;
    },
    evaluate: async (candidate) => {
      await using session = await runtime.load(candidate);
      using detector = await createDetector({ session, resize: UP_TO_960 });
      const { hmean, images } = await evaluateDetector(detector, samples);
      return { metric: hmean, images };
    },
  };
}

function freeGroups(model: Model, inputShapes: Sweep["inputShapes"]): readonly ChannelGroup[] {
  return findChannelGroups(model, { inputShapes }).filter(
    ({ blocked, width }) => blocked === undefined && width > 1,
  );
}

/** The loss at any ratio: between measured points, on the straight line. */
function lossAt({ curves }: SensitivityReport, group: string, ratio: number): number {
  const points = [
    { ratio: 0, loss: 0 },
    ...(curves.find((curve) => curve.group === group)?.points ?? []),
  ];
  const above = points.findIndex((point) => point.ratio >= ratio - 1e-9);
  const [low, high] = [points[Math.max(0, above - 1)], points[above]];
  if (!low || !high || high.ratio === low.ratio) return high?.loss ?? 0;
  return low.loss + ((high.loss - low.loss) * (ratio - low.ratio)) / (high.ratio - low.ratio);
}

/** A metric that costs nothing. */
const constant = (feeds: Readonly<Record<string, RuntimeTensor>>): ImageMetric<number> => ({
  images: 1,
  feeds: () => feeds,
  score: (_, outputs) => Object.values(outputs)[0]?.dims[0] ?? 0,
  combine: (scores) => scores[0] ?? 0,
});

const squareImage = (input: string): Readonly<Record<string, RuntimeTensor>> => ({
  [input]: float32Feed(
    [1, 3, 640, 640],
    Float32Array.from({ length: 3 * 640 * 640 }, (_, at) => Math.sin(at / 50)),
  ),
});

/** Median milliseconds of a point that are spent outside of runs. */
async function measureOverhead({ context, model, groups, inputShapes }: Sweep): Promise<number> {
  let running = 0;
  const runtime: Runtime = {
    ...context.runtime,
    async load(source, options) {
      const session = await context.runtime.load(source, options);
      return {
        ...session,
        async run(feeds, fetches) {
          const start = performance.now();
          const outputs = await session.run(feeds, fetches);
          running += performance.now() - start;
          return outputs;
        },
      };
    },
  };
  const metric = constant(squareImage(Object.keys(inputShapes)[0] ?? ""));
  const measurer = await createAblation(model, { groups, criterion, inputShapes, metric, runtime });
  await measurer.baseline();
  const overheads: number[] = [];
  for (const point of listPoints(groups, [0.3, 0.6])) {
    running = 0;
    const start = performance.now();
    await measurer.measure(point);
    overheads.push(performance.now() - start - running);
  }
  await measurer.dispose();
  return median(overheads);
}

const paddleWeights = ({ mapFolder }: BenchmarkContext): string =>
  join(mapFolder ?? "", "../paddle/det-mv3-large-x0.5-nose-fpn96.pdparams");

/** Seconds for PaddleSlim's question, from the model to the file. */
async function timePaddleSweep(context: BenchmarkContext): Promise<number> {
  const built = buildDbDetector({
    backbone: { name: "MobileNetV3", modelName: "large", scale: 0.5, disableSe: true },
    neck: { name: "DBFPN", outChannels: 96 },
    gateSlope: 1 / 6,
  });
  loadPaddleWeights(built, await readPdparams(paddleWeights(context)));
  await transform(built, simplify());
  const start = performance.now();
  const model = cloneModel(built);
  const inputShapes = squareInputs(model);
  const groups = freeGroups(model, inputShapes).slice(0, PADDLE_GROUPS);
  const common = { groups, criterion, inputShapes };
  const metric = constant(squareImage("x"));
  await analyzeSensitivity(model, {
    ...common,
    ratios: RATIOS,
    file: join(context.temporaryFolder, "sensitivity-paddle.json"),
    concurrency: 2,
    measurer: (original) => createAblation(original, { ...common, metric, seed: 1 }),
  });
  return (performance.now() - start) / 1000;
}
