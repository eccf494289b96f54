import {
  type ChannelGroup,
  findChannelGroups,
  type LossCurve,
  type LossPoint,
  type Model,
} from "@ocrslim/graph";
import { type ImageMatch, readDataset, type Sample } from "@ocrslim/ocr-det";
import { collectActivationStatistics, l2Norm } from "@ocrslim/prune";
import type { Feeds } from "@ocrslim/runtime";
import {
  analyzeSensitivity,
  createAblation,
  createOutputDistanceMetric,
  estimateEnergy,
  estimateFisher,
  type ImageMetric,
  rankCorrelation,
  type SensitivityReport,
} from "@ocrslim/sensitivity";
import { createChannelGradients } from "@ocrslim/train";
import type { Benchmark, BenchmarkContext } from "../harness/benchmark.ts";
import { type FigureSpec, toFigure } from "../harness/figure.ts";
import { createHmeanMetric } from "../support/hmean-metric.ts";
import { findMissingSets } from "../support/labelled-sets.ts";
import { readSimplified, squareInputs } from "../support/models.ts";
import { readFeeds } from "../support/pages.ts";
import { trainingFile } from "../support/refit-detector.ts";

/** Pages behind an exact point, and behind an estimated one; they are others, both for training. */
const PAGES = { exact: 40, estimate: 5 } as const;

/** Estimates are made on smaller pages. */
const SMALL = { kind: "limit-side", limitSideLength: 640, limitType: "max" } as const;

/** Set `OCRSLIM_RATIOS=0.1,0.2,…` for a finer grid; three ratios take about three minutes. */
const RATIOS = process.env["OCRSLIM_RATIOS"]?.split(",").map(Number) ?? [0.3, 0.6, 0.9];

const EXACT = `hmean of ${PAGES.exact} sroie pages, all groups`;

const correlation = (name: string, label: string, goal?: number): FigureSpec => ({
  name: `sensitivity/${name}-correlation`,
  label: `PP-OCRv4 det: Spearman correlation of ${label} with the losses of ${EXACT}`,
  unit: "",
  direction: "at-least",
  ...(goal === undefined ? {} : { goal }),
});

const cost = (name: string, label: string, goal?: number): FigureSpec => ({
  name: `sensitivity/${name}-cost`,
  label: `PP-OCRv4 det: time of ${label} ÷ time of ${EXACT}`,
  unit: "×",
  direction: "at-most",
  ...(goal === undefined ? {} : { goal }),
});

/** Losses of hmean beyond this are more than the noise of the pages. */
const NOISE = 0.005;

const DISTANCE = `output distance on ${PAGES.estimate} pages of 640`;
const DISTANCE_CORRELATION = correlation("output-distance", DISTANCE, 0.9);
const DISTANCE_CLEAR = correlation(
  "output-distance-clear",
  `${DISTANCE}, where losses are beyond ±0.5 %,`,
);
const CEILING: FigureSpec = {
  name: "sensitivity/hmean-halves-correlation",
  label: `PP-OCRv4 det: Spearman correlation of the losses of hmean on one half of ${PAGES.exact} sroie pages with the other half`,
  unit: "",
  direction: "at-least",
};
const DISTANCE_COST = cost("output-distance", DISTANCE, 0.05);
const FISHER_CORRELATION = correlation("fisher", "Fisher information");
const FISHER_COST = cost("fisher", "Fisher information, all points at once");
const ENERGY_CORRELATION = correlation("energy", "the energy of activations");

export const sensitivityEstimates: Benchmark = {
  name: "sensitivity-estimates",
  group: "sensitivity",
  figures: [
    DISTANCE_CORRELATION,
    DISTANCE_CLEAR,
    CEILING,
    DISTANCE_COST,
    FISHER_CORRELATION,
    FISHER_COST,
    ENERGY_CORRELATION,
  ],
  unavailable: (context) => findMissingSets(context, ["sroie"]),
  async run(context) {
    const model = await readSimplified(context.detector);
    const inputShapes = squareInputs(model);
    const groups = findChannelGroups(model, { inputShapes });
    const { samples } = await readDataset(trainingFile(context, "sroie"));
    const pages = samples.slice(PAGES.exact, PAGES.exact + PAGES.estimate);
    const feeds: Feeds[] = [];
    for await (const feed of readFeeds(
      model,
      pages.map(({ imagePath }) => imagePath),
      SMALL,
    )) {
      feeds.push(feed);
    }
    const sweep: Sweep = { context, model, groups, inputShapes, feeds };
    const distance = await timed(() => measureDistance(sweep));
    const fisher = await timed(() => estimateByFisher(sweep));
    const energy = await estimateByEnergy(sweep);
    context.log(`exact losses of ${groups.length} groups at ${RATIOS.join(", ")} …`);
    const exact = await measureExactly(sweep, samples.slice(0, PAGES.exact));
    const figure = (spec: FigureSpec, estimate: Curves, losses: Curves = exact.report) => {
      const { rho, points } = rankCorrelation(estimate.curves, losses.curves);
      return toFigure(spec, rho, points);
    };
    const clear = filterPoints(exact.report, ({ loss }) => Math.abs(loss) > NOISE);
    return [
      figure(DISTANCE_CORRELATION, distance.report),
      figure(DISTANCE_CLEAR, distance.report, clear),
      figure(CEILING, exact.halves[0], exact.halves[1]),
      toFigure(DISTANCE_COST, distance.seconds / exact.seconds, PAGES.estimate),
      figure(FISHER_CORRELATION, fisher.report),
      toFigure(FISHER_COST, fisher.seconds / exact.seconds, PAGES.estimate),
      figure(ENERGY_CORRELATION, energy),
    ];
  },
};

/** What all estimates and the exact losses share. */
interface Sweep {
  readonly context: BenchmarkContext;
  readonly model: Model;
  readonly groups: readonly ChannelGroup[];
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly feeds: readonly Feeds[];
}

interface Curves {
  readonly curves: readonly LossCurve[];
}

interface Timed {
  readonly report: SensitivityReport;
  readonly seconds: number;
}

async function timed(make: () => Promise<SensitivityReport>): Promise<Timed> {
  const start = performance.now();
  const report = await make();
  return { report, seconds: (performance.now() - start) / 1000 };
}

const criterion = l2Norm();

async function measureDistance({ context, model, groups, inputShapes, feeds }: Sweep) {
  const { runtime } = context;
  const common = { groups, criterion, inputShapes };
  const metric = await createOutputDistanceMetric(model, { feeds, runtime });
  return await analyzeSensitivity(model, {
    ...common,
    ratios: RATIOS,
    measurer: (original) => createAblation(original, { ...common, metric, seed: 1 }),
  });
}

async function estimateByFisher({ context, model, groups, inputShapes, feeds }: Sweep) {
  const { runtime } = context;
  const { information } = await createOutputDistanceMetric(model, { feeds, runtime });
  return await estimateFisher(model, {
    ...{ groups, criterion, inputShapes, feeds, information },
    ratios: RATIOS,
    channelGradients: createChannelGradients({ runtime }),
  });
}

async function estimateByEnergy({ context, model, groups, inputShapes, feeds }: Sweep) {
  const { runtime } = context;
  const statistics = await collectActivationStatistics(model, { groups, feeds, runtime });
  return await estimateEnergy(model, {
    ...{ groups, criterion, inputShapes, statistics },
    ratios: RATIOS,
  });
}

/** Measures hmean on all pages, and notes what each half of them gives. */
async function measureExactly(
  { model, groups, inputShapes }: Sweep,
  samples: readonly Sample[],
): Promise<Timed & { readonly halves: readonly [Curves, Curves] }> {
  using hmean = await createHmeanMetric(model, samples);
  const common = { groups, criterion, inputShapes };
  const scores = new Map<string, readonly ImageMatch[]>();
  let last: readonly ImageMatch[] = [];
  const metric: ImageMetric<ImageMatch> = {
    ...hmean,
    combine(found) {
      last = found;
      return hmean.combine(found);
    },
  };
  const exact = await timed(() =>
    analyzeSensitivity(model, {
      ...common,
      ratios: RATIOS,
      async measurer(original) {
        const measurer = await createAblation(original, { ...common, metric, seed: 1 });
        return {
          ...measurer,
          async measure(point, options) {
            const result = await measurer.measure(point, options);
            scores.set(`${point.ratio} ${point.group}`, last);
            return result;
          },
        };
      },
    }),
  );
  // Falls as hmean does, which is all that ranks need.
  const half = (parity: number): Curves => ({
    curves: exact.report.curves.map(({ group, width, points }) => ({
      group,
      width,
      points: points.flatMap(({ ratio }) => {
        const found = scores.get(`${ratio} ${group}`);
        const own = found?.filter((_, page) => page % 2 === parity);
        return own ? [{ ratio, loss: 1 - hmean.combine(own) }] : [];
      }),
    })),
  });
  return { ...exact, halves: [half(0), half(1)] };
}

function filterPoints({ curves }: SensitivityReport, keep: (point: LossPoint) => boolean): Curves {
  return { curves: curves.map((curve) => ({ ...curve, points: curve.points.filter(keep) })) };
}
