import { join } from "node:path";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { cropsOption, type DataFlags, dataOptions, outputOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import { integerIn, numberIn, oneOf, textList, withDefault } from "../options/option.ts";
import {
  type BudgetFlags,
  budgetOptions,
  type CriterionFlags,
  criterionOptions,
  fitOption,
  remeasureOption,
} from "../options/pruning-options.ts";
import { toInputShapes } from "../options/shape-options.ts";
import { createOutputFolder } from "../output/files.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMetric,
  formatMilliseconds,
  formatPercent,
  formatRatio,
} from "../output/numbers.ts";
import { formatTable } from "../output/table.ts";
import { compressDetector } from "../pipeline/compress/compress-detector.ts";
import { type RecoveryName, recoveryNames } from "../pipeline/compress/recovery.ts";
import { createRunLog } from "../pipeline/compress/run-log.ts";
import type { Target } from "../pipeline/compress/settings.ts";
import { type Images, readImages, splitImages } from "../pipeline/data.ts";
import { imageInputOf } from "../pipeline/detection.ts";
import type { FitName } from "../pipeline/fit-model.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";
import type { CompressReport, CostMeasures, Measures } from "../report/types.ts";

interface CompressOptions extends DetectionFlags, DataFlags, BudgetFlags, CriterionFlags {
  output: string;
  recovery: RecoveryName;
  remeasure: boolean;
  fit: FitName;
  alsoMeasure: readonly string[];
  images: number;
  crops: number;
  finetuneMinutes: number;
  sensitivityImages: number;
  sensitivitySize: number;
  runs: number;
}

/** What may be lost if neither a budget nor a loss is given. */
const defaultMaximumLoss = 0.02;

function toTarget(options: CompressOptions): Target {
  const { macs, parameters, latency, maxLoss } = options;
  const maximumLoss = maxLoss;
  if (macs !== undefined) return { kind: "macs", wanted: macs, maximumLoss };
  if (parameters !== undefined) return { kind: "parameters", wanted: parameters, maximumLoss };
  if (latency !== undefined) return { kind: "latency", wanted: latency, maximumLoss };
  return { kind: undefined, wanted: 1, maximumLoss: maximumLoss ?? defaultMaximumLoss };
}

/** Stages of a run, as its log numbers them. */
function countSteps({ macs, parameters, finetuneMinutes }: CompressOptions): number {
  const isTimed = macs === undefined && parameters === undefined;
  return 8 + (isTimed ? 1 : 0) + (finetuneMinutes > 0 ? 1 : 0);
}

function measuresRow(
  name: string,
  measures: CostMeasures & Partial<Measures>,
  latency: number,
  labelled: boolean,
): string[] {
  return [
    name,
    ...(labelled ? [formatMetric(measures.hmean)] : []),
    formatMetric(measures.agreement),
    formatMilliseconds(measures.medianMs),
    formatRatio(latency),
    formatCount(measures.macs),
    formatCount(measures.parameters),
    formatBytes(measures.bytes),
  ];
}

/** What is to be had for which time: the trials that no other one beats. */
function printFront({ trials, budget }: CompressReport): string {
  const front = trials.filter(({ onFront }) => onFront);
  const points = front.map(({ latencyRatio, macsRatio, agreement, chosen }) => {
    const cost =
      budget.kind === "macs" || budget.kind === "parameters" || latencyRatio === undefined
        ? `MACs ${formatPercent(macsRatio)}`
        : `latency ${formatPercent(latencyRatio)}`;
    return `${cost}: ${formatPercent(agreement ?? 0, 1)}${chosen ? " (chosen)" : ""}`;
  });
  return `agreement on calibration images by cost: ${points.join("; ")}`;
}

function printReport(context: CommandContext, report: CompressReport, output: string): void {
  const { before, simplified, after, ratios, latency } = report;
  const labelled = before.hmean !== undefined;
  const right = (title: string): { title: string; align: "right" } => ({ title, align: "right" });
  context.print(
    formatTable(
      [
        { title: "model" },
        ...(labelled ? [right("hmean")] : []),
        right("agreement"),
        right("median"),
        right("ratio"),
        right("MACs"),
        right("parameters"),
        right("size"),
      ],
      [
        measuresRow("original", before, 1, labelled),
        measuresRow("simplified", simplified, latency.simplifiedRatio, labelled),
        measuresRow("slim", after, ratios.latency, labelled),
      ],
    ),
  );
  const images = `${report.data.evaluation.length} held-out images`;
  context.print(`\nloss of ${report.lossOf} ${formatPercent(report.loss, 1)} on ${images}`);
  for (const set of report.alsoMeasured) {
    const hmean =
      set.before.hmean === undefined
        ? ""
        : `hmean ${formatMetric(set.before.hmean)} → ${formatMetric(set.after.hmean)}, `;
    context.print(`${set.source}: ${hmean}agreement ${formatMetric(set.after.agreement)}`);
  }
  if (report.trials.length > 1) context.print(printFront(report));
  if (!report.budget.met) context.print(`NOT MET: ${report.budget.reason}`);
  if (report.slower) context.print("SLOWER: the slim model measures slower than the original.");
  for (const note of report.notes) context.print(`note: ${note}`);
  context.print(
    `\nwrote ${output} in ${formatDuration(report.seconds)}; open ${join(output, "report.html")}`,
  );
}

/** The document that `--json` prints; file names start from the working folder. */
function toDocument(report: CompressReport, output: string): Readonly<Record<string, unknown>> {
  const { curves: _curves, profile: _profile, pictures: _pictures, ...rest } = report;
  return {
    ...rest,
    folder: output,
    files: Object.fromEntries(
      Object.entries(report.files).map(([name, file]) => [name, join(output, file)]),
    ),
  };
}

/** `ocrslim compress MODEL --data D -o DIR` */
export const compress: Command = defineCommand<CompressOptions>({
  name: "compress",
  summary: "Does it all: simplify, analyse, prune, verify, measure; one run folder, one report.",
  details: `Without a budget, as much is removed as loses at most ${defaultMaximumLoss * 100} % of agreement with the original.
With a budget and --max-loss, the budget gives way where it would lose more.
Images of --data are split by the seed: some calibrate, the others only evaluate; labels only evaluate.
A slim model that measures slower than its original is reported ("slower": true), with exit code 0.`,
  arguments: [{ syntax: "<model>", description: "A text detector, ONNX." }],
  options: {
    output: outputOption("Run folder; created if it is not there."),
    ...dataOptions,
    alsoMeasure: {
      flags: "--also-measure <path>",
      description: "Images that are only measured, as --data takes them. Repeatable.",
      schema: textList(0),
      repeated: true,
    },
    ...budgetOptions,
    recovery: {
      flags: "--recovery <name>",
      description:
        "least-squares: channels are chosen by what a refit can't make up for, and every layer is refitted; means: chosen by --criterion and ablation, biases make up for means. Default: least-squares.",
      schema: withDefault(oneOf(recoveryNames), "least-squares"),
    },
    remeasure: remeasureOption,
    fit: fitOption("The slim model is brought into the form that this runtime runs fastest"),
    ...criterionOptions,
    images: {
      flags: "--images <count>",
      description: "Most calibration images; at most two thirds of --data. Default: 16.",
      schema: withDefault(integerIn(1, 10_000), 16),
    },
    crops: cropsOption,
    finetuneMinutes: {
      flags: "--finetune-minutes <count>",
      description:
        "Afterwards train the slim model to give the original's maps, on all images that do not evaluate, for so long. Default: 0, no training.",
      schema: withDefault(numberIn(0, 100_000), 0),
    },
    sensitivityImages: {
      flags: "--sensitivity-images <count>",
      description: "Calibration images for the sensitivity analysis. Default: 4.",
      schema: withDefault(integerIn(1, 1000), 4),
    },
    sensitivitySize: {
      flags: "--sensitivity-size <pixels>",
      description: "Longest side of the images for the sensitivity analysis. Default: 640.",
      schema: withDefault(integerIn(64, 4096), 640),
    },
    runs: {
      flags: "--runs <count>",
      description: "Rounds of the final latency measurement. Default: 30.",
      schema: withDefault(integerIn(1, 10_000), 30),
    },
    ...detectionOptions,
  },
  async run(context, args, options) {
    const original = await readModelFile(context, args[0] ?? "");
    imageInputOf(original.model);
    const data = await readImages(context, options.data, options.imageRoot);
    const alsoMeasure: Images[] = [];
    for (const source of options.alsoMeasure) {
      alsoMeasure.push(await readImages(context, [source], options.imageRoot));
    }
    const split = splitImages(data.kinds, options.images, context.seed);
    const inputShapes = toInputShapes(original.model, {
      imageShape: options.imageShape,
      inputShape: [],
    });
    const folder = await createOutputFolder(context.path(options.output));
    try {
      const report = await compressDetector(
        {
          context,
          log: createRunLog(context, countSteps(options)),
          runtime: createRuntimeFor(context),
          original,
          folder: folder.path,
          detection: toDetectionSettings(options),
          inputShapes,
          ...split,
          alsoMeasure,
          sources: data.sources,
          crops: options.crops,
          target: toTarget(options),
          remeasure: options.remeasure,
          fit: options.fit,
          finetuneMinutes: options.finetuneMinutes,
          recovery: options.recovery,
          criterion: options.criterion,
          channelMultiple: options.channelMultiple,
          sensitivityImages: options.sensitivityImages,
          sensitivitySize: options.sensitivitySize,
          rounds: options.runs,
        },
        { ...options },
      );
      printReport(context, report, options.output);
      context.printJson(toDocument(report, options.output));
    } catch (error) {
      await folder.discardEmpty();
      throw error;
    }
  },
});
