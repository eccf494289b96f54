import { join } from "node:path";
import { run } from "@ocrslim/cli";
import { readModel } from "@ocrslim/graph";
import { createRuntime, measureLatency } from "@ocrslim/runtime";
import type { Benchmark, BenchmarkContext } from "../harness/benchmark.ts";
import { type Figure, type FigureSpec, toFigure } from "../harness/figure.ts";
import { findMissingSets, type LabelledSet, labelFile } from "../support/labelled-sets.ts";
import { squareInputs } from "../support/models.ts";
import { AT_LEAST_736, evaluateOn, UP_TO_960 } from "../support/pages.ts";
import { trainingFile } from "../support/refit-detector.ts";

/** A budget, the images that it may calibrate on, and what is to be left of hmean. */
interface Case {
  readonly model: "det" | "v6";
  readonly latency: number;
  readonly crops: number;
  readonly sets: readonly LabelledSet[];
  readonly goals: Readonly<Partial<Record<LabelledSet, number>>>;
}

const PAGES = ["sroie", "debmake-pages"] as const;
const ALL = [...PAGES, "icdar2015"] as const;
const TITLES = { det: "PP-OCRv4 det", v6: "PP-OCRv6 small" } as const;
const ORIGINAL = {
  det: { sroie: 0.9343, "debmake-pages": 0.9589, icdar2015: 0.4295 },
  v6: { sroie: 0.9226, "debmake-pages": 0.9499, icdar2015: undefined },
} as const;
const CASES: readonly Case[] = [
  {
    model: "det",
    latency: 0.6,
    crops: 32,
    sets: PAGES,
    goals: { sroie: 0.932, "debmake-pages": 0.96 },
  },
  {
    model: "det",
    latency: 0.4,
    crops: 32,
    sets: PAGES,
    goals: { sroie: 0.922, "debmake-pages": 0.958 },
  },
  {
    model: "det",
    latency: 0.6,
    crops: 96,
    sets: ALL,
    goals: { sroie: 0.93, "debmake-pages": 0.958, icdar2015: 0.425 },
  },
  {
    model: "det",
    latency: 0.45,
    crops: 96,
    sets: ALL,
    goals: { sroie: 0.925, "debmake-pages": 0.955, icdar2015: 0.405 },
  },
  {
    model: "v6",
    latency: 0.6,
    crops: 32,
    sets: PAGES,
    goals: { sroie: 0.9226 - 0.007, "debmake-pages": 0.9499 - 0.007 },
  },
];

/** Longest that simplifying to reporting may take. */
const SECONDS = 180;

interface CaseFigures {
  readonly latency: FigureSpec;
  readonly seconds: FigureSpec;
  readonly hmean: ReadonlyMap<LabelledSet, FigureSpec>;
}

function figuresOf({ model, latency, crops, sets, goals }: Case): CaseFigures {
  const percent = Math.round(latency * 100);
  const name = `compress-latency/${model}-${percent}-${crops}`;
  const label = `${TITLES[model]}, compress --latency ${latency}, ${crops} unlabelled crops, no training`;
  const common = { unit: "", direction: "at-least" } as const;
  return {
    latency: {
      name: `${name}-latency`,
      label: `${label}: latency ÷ original`,
      unit: "×",
      direction: "at-most",
      goal: latency,
    },
    seconds: {
      name: `${name}-seconds`,
      label: `${label}: time, simplify to report`,
      unit: "s",
      direction: "at-most",
      goal: SECONDS,
    },
    hmean: new Map(
      sets.map((set) => [
        set,
        {
          ...common,
          name: `${name}-${set}`,
          label: `${label}: hmean on ${set}, ${ORIGINAL[model][set]} before`,
          ...(goals[set] === undefined ? {} : { goal: goals[set] }),
        },
      ]),
    ),
  };
}

/** Runs the command on training images alone; what it evaluates on are training images as well. */
async function compressOn(
  context: BenchmarkContext,
  detector: string,
  { latency, crops, sets }: Case,
): Promise<{ readonly path: string; readonly seconds: number }> {
  const { temporaryFolder, runtime } = context;
  const folder = join(temporaryFolder, `${latency}-${crops}`);
  let output = "";
  let messages = "";
  const code = await run(
    [
      ...["compress", detector, "--latency", String(latency), "-o", folder, "--json"],
      ...sets.flatMap((set) => ["--data", trainingFile(context, set)]),
      ...["--images", String(crops), "--crops", String(crops)],
      ...["--limit-side-len", "960", "--limit-type", "max"],
      ...["--threads", String(runtime.threads ?? 2)],
    ],
    {
      stdout: { write: (text) => (output += text) },
      stderr: { write: (text) => (messages += text) },
      isTTY: false,
      cwd: temporaryFolder,
    },
  );
  if (code !== 0) throw new Error(`ocrslim compress ended with ${code}: ${messages.trim()}`);
  context.log(messages.replace(/^/gm, "    ").trimEnd());
  return { path: join(folder, "model.onnx"), seconds: JSON.parse(output).seconds };
}

/** Plans by measured milliseconds and refit, as the command does it; measured on other images. */
function createBenchmark(budget: Case): Benchmark {
  const { model, latency, crops, sets } = budget;
  const figures = figuresOf(budget);
  const pathOf = (context: BenchmarkContext): string | undefined =>
    model === "det" ? context.detector : context.newerDetector;
  return {
    name: `compress-latency-${model}-${Math.round(latency * 100)}-${crops}`,
    group: "compress-latency",
    figures: [figures.latency, figures.seconds, ...figures.hmean.values()],
    unavailable: (context) =>
      pathOf(context) === undefined
        ? "it needs models/PP-OCRv6_det_small.onnx in OCRSLIM_SHARED"
        : findMissingSets(context, sets),
    async run(context) {
      const detector = pathOf(context) ?? "";
      const { path, seconds } = await compressOn(context, detector, budget);
      const runtime = createRuntime({ threads: context.runtime.threads ?? 2 });
      const [original, slim] = [await readModel(detector), await readModel(path)];
      const { ratio = Number.NaN, models } = await measureLatency(runtime, [original, slim], {
        inputShapes: squareInputs(original),
        runs: 40,
      });
      const found: Figure[] = [
        toFigure(figures.latency, ratio, models[0]?.samples.length ?? 0),
        toFigure(figures.seconds, seconds, 1),
      ];
      for (const [set, figure] of figures.hmean) {
        const resize = set === "icdar2015" ? AT_LEAST_736 : UP_TO_960;
        const { hmean, images } = await evaluateOn(runtime, slim, labelFile(context, set), resize);
        found.push(toFigure(figure, hmean, images));
      }
      return found;
    },
  };
}

export const compressLatency: readonly Benchmark[] = CASES.map(createBenchmark);
