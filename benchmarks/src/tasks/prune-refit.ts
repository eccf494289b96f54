import { computeCost } from "@ocrslim/graph";
import { measureLatency } from "@ocrslim/runtime";
import type { Benchmark } from "../harness/benchmark.ts";
import { type FigureSpec, toFigure } from "../harness/figure.ts";
import { findMissingSets, labelFile } from "../support/labelled-sets.ts";
import { evaluateOn } from "../support/pages.ts";
import { analyzeDetector } from "../support/refit-detector.ts";

/** Fractions of the MACs that are kept. */
const BUDGETS = [0.53, 0.41] as const;

/** What ten minutes of distillation in PyTorch reach after pruning to 0.45 of the MACs. */
const RIVAL = { latency: 0.57, sroie: 0.907, debmake: 0.945 };

const SETS = ["sroie", "debmake-pages"] as const;

interface Figures {
  readonly kept: number;
  readonly macs: FigureSpec;
  readonly latency: FigureSpec;
  readonly sroie: FigureSpec;
  readonly debmake: FigureSpec;
}

function figuresFor(kept: number): Figures {
  const percent = Math.round(kept * 100);
  const name = (what: string): string => `prune/refit-${percent}-${what}`;
  const label = `refit, ${percent} % of the MACs`;
  const isRival = kept < 0.45;
  const rival = (text: string): string =>
    isRival ? ` (PyTorch, 10 minutes of training: ${text})` : "";
  return {
    kept,
    macs: { name: name("macs"), label: `${label}: MACs kept`, unit: "×", direction: "at-most" },
    latency: {
      name: name("latency"),
      label: `${label}: latency ÷ original${rival(String(RIVAL.latency))}`,
      unit: "×",
      direction: "at-most",
      goal: isRival ? RIVAL.latency : 1,
    },
    sroie: {
      name: name("sroie"),
      label: `${label}: hmean on sroie, 0.934 before${rival(String(RIVAL.sroie))}`,
      unit: "",
      direction: "at-least",
      goal: RIVAL.sroie,
    },
    debmake: {
      name: name("debmake"),
      label: `${label}: hmean on debmake-pages, 0.959 before${rival(String(RIVAL.debmake))}`,
      unit: "",
      direction: "at-least",
      goal: RIVAL.debmake,
    },
  };
}

const FIGURES = BUDGETS.map(figuresFor);
const SECONDS: FigureSpec = {
  name: "prune/refit-seconds",
  label: "refit: analysis, two plans and two refits, 32 crops",
  unit: "s",
  direction: "at-most",
  goal: 300,
};

/** Pruning without training: what is left after a least-squares refit. */
export const pruneRefit: Benchmark = {
  name: "prune-refit",
  group: "prune",
  figures: [
    ...FIGURES.flatMap(({ macs, latency, sroie, debmake }) => [macs, latency, sroie, debmake]),
    SECONDS,
  ],
  unavailable: (context) => findMissingSets(context, SETS),
  async run(context) {
    const { runtime } = context;
    const source = await analyzeDetector(context, SETS);
    const { original, inputShapes } = source;
    let { seconds } = source;
    const results = [];
    for (const { kept, macs, latency, sroie, debmake } of FIGURES) {
      const start = performance.now();
      const student = await source.refit(kept);
      seconds += (performance.now() - start) / 1000;
      const after = computeCost(student, { inputShapes }).macs;
      const { ratio = Number.NaN, models } = await measureLatency(runtime, [original, student], {
        inputShapes,
        runs: 30,
      });
      const receipts = await evaluateOn(runtime, student, labelFile(context, "sroie"));
      const pages = await evaluateOn(runtime, student, labelFile(context, "debmake-pages"));
      results.push(
        toFigure(macs, after / source.macs, 1),
        toFigure(latency, ratio, models[0]?.samples.length ?? 0),
        toFigure(sroie, receipts.hmean, receipts.images),
        toFigure(debmake, pages.hmean, pages.images),
      );
    }
    return [...results, toFigure(SECONDS, seconds, 1)];
  },
};
