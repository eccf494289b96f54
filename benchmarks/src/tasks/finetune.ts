import { join } from "node:path";
import { run } from "@ocrslim/cli";
import { readModel, simplify, transform, writeModel } from "@ocrslim/graph";
import { measureLatency } from "@ocrslim/runtime";
import type { Benchmark } from "../harness/benchmark.ts";
import { type FigureSpec, toFigure } from "../harness/figure.ts";
import { findMissingSets, labelFile } from "../support/labelled-sets.ts";
import { evaluateOn } from "../support/pages.ts";
import { analyzeDetector, trainingFile } from "../support/refit-detector.ts";

const SETS = ["sroie", "debmake-pages"] as const;
const MINUTES = 10;

/** Of the original's MACs. */
const KEPT = 0.27;

/** What ten minutes of the same training in PyTorch reach. */
const RIVAL = "PyTorch: 0.57 / 0.907 / 0.945, 1480 updates";
const LABEL = `refit to ${Math.round(KEPT * 100)} % of the MACs, then ${MINUTES} minutes of distillation without labels`;

const figure = (
  name: string,
  label: string,
  unit: string,
  direction: "at-most" | "at-least",
  goal: number,
): FigureSpec => ({
  name: `finetune/${name}`,
  label: `${LABEL} (${RIVAL}): ${label}`,
  unit,
  direction,
  goal,
});

const LATENCY = figure("latency", "latency ÷ original", "×", "at-most", 0.4);
const UPDATES = figure("updates", "updates of 4 crops of 480×480", "", "at-least", 1.5 * 1480);
const SROIE = figure("sroie", "hmean on sroie, 0.934 before", "", "at-least", 0.93);
const DEBMAKE = figure("debmake", "hmean on debmake-pages, 0.959 before", "", "at-least", 0.958);

/** The command `finetune` with its defaults, on the pages that train; others are measured. */
export const finetune: Benchmark = {
  name: "finetune",
  group: "finetune",
  figures: [LATENCY, UPDATES, SROIE, DEBMAKE],
  unavailable: (context) => findMissingSets(context, SETS),
  async run(context) {
    const { runtime, temporaryFolder } = context;
    const source = await analyzeDetector(context, SETS);
    const student = await source.refit(KEPT);
    await transform(student, simplify());
    const input = join(temporaryFolder, "slim.onnx");
    const output = join(temporaryFolder, "tuned.onnx");
    await writeModel(student, input);
    let document = "";
    let messages = "";
    const exitCode = await run(
      [
        ...["finetune", input, "--teacher", context.detector, "-o", output, "--json"],
        ...SETS.flatMap((set) => ["--data", trainingFile(context, set)]),
        ...["--limit-side-len", "960", "--limit-type", "max"],
        ...["--minutes", String(MINUTES), "--evaluate-every", "300"],
        ...["--threads", String(runtime.threads ?? 2)],
      ],
      {
        stdout: { write: (text) => (document += text) },
        stderr: { write: (text) => (messages += text) },
        isTTY: false,
        cwd: temporaryFolder,
      },
    );
    if (exitCode !== 0) throw new Error(`finetune failed: ${messages}`);
    const { updates, before, after, metric } = JSON.parse(document);
    context.log(`  ${metric} on held-back pages: ${before.toFixed(4)} → ${after.toFixed(4)}`);
    const tuned = await readModel(output);
    const { ratio = Number.NaN, models } = await measureLatency(runtime, [source.original, tuned], {
      inputShapes: source.inputShapes,
      runs: 30,
    });
    const receipts = await evaluateOn(runtime, tuned, labelFile(context, "sroie"));
    const pages = await evaluateOn(runtime, tuned, labelFile(context, "debmake-pages"));
    return [
      toFigure(LATENCY, ratio, models[0]?.samples.length ?? 0),
      toFigure(UPDATES, updates, 1),
      toFigure(SROIE, receipts.hmean, receipts.images),
      toFigure(DEBMAKE, pages.hmean, pages.images),
    ];
  },
};
