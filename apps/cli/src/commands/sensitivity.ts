import { type Evaluate, findChannelGroups, type Model } from "@ocrslim/graph";
import { computeAgreement, evaluateDetector, type Sample } from "@ocrslim/ocr-det";
import { type ActivationStatistics, collectActivationStatistics } from "@ocrslim/prune";
import type { Feeds, Runtime } from "@ocrslim/runtime";
import {
  analyzeSensitivity,
  mergeSensitivities,
  readSensitivities,
  type SensitivityReport,
  writeSensitivities,
} from "@ocrslim/sensitivity";
import { CliError } from "../cli-error.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { dataOptions, optionalData, outputOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  type DetectionSettings,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import {
  flag,
  integerIn,
  numberIn,
  numberList,
  oneOf,
  textList,
  withDefault,
} from "../options/option.ts";
import { type CriterionFlags, criterionOptions } from "../options/pruning-options.ts";
import { assertWritableFile } from "../output/files.ts";
import { formatPercent } from "../output/numbers.ts";
import { formatTable } from "../output/table.ts";
import { createMapEvaluator } from "../pipeline/compare-maps.ts";
import { createCriterion, needsStatistics } from "../pipeline/criteria.ts";
import { readImages, shuffle } from "../pipeline/data.ts";
import { detectAll, loadFeeds, withDetector } from "../pipeline/detection.ts";
import { fingerprint } from "../pipeline/fingerprint.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";
import { pruneModel } from "../pipeline/prune-model.ts";

const metricNames = ["agreement", "hmean", "map"] as const;

interface SensitivityOptions extends DetectionFlags, CriterionFlags {
  output: string;
  data: readonly string[];
  imageRoot: string | undefined;
  images: number;
  ratios: readonly number[];
  metric: (typeof metricNames)[number];
  groups: readonly string[];
  merge: readonly string[];
  compensate: boolean;
}

/** Measures a model on the samples, by the metric that was asked for. */
async function createEvaluator(
  context: CommandContext,
  runtime: Runtime,
  model: Model,
  samples: readonly Sample[],
  feeds: readonly Feeds[],
  settings: DetectionSettings,
  metric: SensitivityOptions["metric"],
): Promise<Evaluate> {
  const { signal } = context;
  if (metric === "map") return createMapEvaluator(runtime, model, feeds, signal);
  const quiet = signal ? { signal } : {};
  if (metric === "hmean") {
    const unlabelled = samples.find((sample) => sample.regions === undefined);
    if (unlabelled) {
      throw new CliError(
        "unsuitable-data",
        `--metric hmean: ${unlabelled.imagePath} has no labels; give a label file, or take agreement`,
      );
    }
    return async (candidate) => {
      const report = await withDetector(runtime, candidate, settings, (detector) =>
        evaluateDetector(detector, samples, quiet),
      );
      return { metric: report.hmean, images: samples.length };
    };
  }
  const reference = await detectAll(runtime, model, settings, samples, quiet);
  return async (candidate) => {
    const found = await detectAll(runtime, candidate, settings, samples, quiet);
    return { metric: computeAgreement(reference, found).hmean, images: samples.length };
  };
}

async function analyze(
  context: CommandContext,
  modelName: string,
  options: SensitivityOptions,
  output: string,
): Promise<SensitivityReport> {
  const file = await readModelFile(context, modelName);
  const { model } = file;
  const { samples: all } = await readImages(context, options.data, options.imageRoot);
  const samples = shuffle(all, context.seed).slice(0, options.images);
  const settings = toDetectionSettings(options);
  const runtime = createRuntimeFor(context);
  const feeds = await loadFeeds(model, samples, settings, context.signal);
  const inputShapes = Object.fromEntries(
    Object.entries(feeds[0] ?? {}).map(([name, tensor]) => [name, [...tensor.dims]]),
  );
  const groups = findChannelGroups(model, { inputShapes });
  const chosen = chooseGroups(groups, options.groups);
  let statistics: ActivationStatistics | undefined;
  if (options.compensate || needsStatistics(options.criterion)) {
    statistics = await collectActivationStatistics(model, {
      ...context.runOptions(),
      groups,
      feeds,
      runtime,
    });
  }
  return await analyzeSensitivity(model, {
    ...context.runOptions(),
    groups: chosen,
    criterion: createCriterion(options.criterion, model, statistics),
    ratios: options.ratios,
    inputShapes,
    file: output,
    metric: options.metric,
    dataFingerprint: fingerprint([samples.map((sample) => sample.id), settings]),
    evaluate: await createEvaluator(
      context,
      runtime,
      model,
      samples,
      feeds,
      settings,
      options.metric,
    ),
    prune: (candidate, plan) =>
      pruneModel(candidate, {
        plan,
        groups,
        ...(options.compensate && statistics ? { statistics } : {}),
        signal: context.signal,
      }),
  });
}

function chooseGroups<T extends { readonly id: string }>(
  groups: readonly T[],
  ids: readonly string[],
): readonly T[] {
  for (const id of ids) {
    if (!groups.some((group) => group.id === id)) {
      throw new CliError(
        "invalid-option",
        `--groups ${id}: the model has no such channel group; inspect lists them`,
      );
    }
  }
  return ids.length === 0 ? groups : groups.filter((group) => ids.includes(group.id));
}

async function merge(
  context: CommandContext,
  files: readonly string[],
  output: string,
): Promise<SensitivityReport> {
  const reports: SensitivityReport[] = [];
  for (const file of files) reports.push(await readSensitivities(context.path(file)));
  const merged = mergeSensitivities(reports);
  await writeSensitivities(output, merged);
  return merged;
}

/** `ocrslim sensitivity MODEL --data D -o FILE` */
export const sensitivity: Command = defineCommand<SensitivityOptions>({
  name: "sensitivity",
  summary:
    "How much the metric falls when each channel group is cut. Goes on where it was stopped.",
  arguments: [{ syntax: "[model]", description: "A text detector; not needed with --merge." }],
  options: {
    output: outputOption("The sensitivity file (JSON), written point by point."),
    data: optionalData,
    imageRoot: dataOptions.imageRoot,
    images: {
      flags: "--images <count>",
      description: "Pictures used, drawn by the seed. Default: 16.",
      schema: withDefault(integerIn(1, 1_000_000), 16),
    },
    ratios: {
      flags: "--ratios <list>",
      description: "Fractions of channels to remove. Default: 0.1,0.2,…,0.9.",
      schema: withDefault<readonly number[]>(
        numberList(numberIn(0.001, 0.999)),
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
      ),
    },
    metric: {
      flags: "--metric <name>",
      description:
        "agreement with the unpruned model, hmean (needs labels), or map overlap (fastest). Default: agreement.",
      schema: withDefault(oneOf(metricNames), "agreement"),
    },
    groups: {
      flags: "--groups <id>",
      description: "Only this channel group. Repeatable. Default: all.",
      schema: textList(0),
      repeated: true,
    },
    merge: {
      flags: "--merge <file>",
      description: "Merge sensitivity files instead of measuring. Repeatable.",
      schema: textList(0),
      repeated: true,
    },
    compensate: {
      flags: "--compensate",
      description: "Make up for the means of removed channels, as prune --calibration does.",
      schema: flag(),
    },
    ...criterionOptions,
    ...detectionOptions,
  },
  async run(context, args, options) {
    const output = context.path(options.output);
    const isMerge = options.merge.length > 0;
    const [model] = args;
    if (isMerge && (model !== undefined || options.data.length > 0)) {
      throw new CliError(
        "conflicting-options",
        "--merge takes no model and no --data; leave them out",
      );
    }
    if (!isMerge && model === undefined) {
      throw new CliError("missing-option", "no model: name an ONNX file, or give --merge");
    }
    if (!isMerge && options.data.length === 0) {
      throw new CliError("missing-option", "--data is required: give --data <path>");
    }
    await assertWritableFile(output);
    const report = isMerge
      ? await merge(context, options.merge, output)
      : await analyze(context, model ?? "", options, output);
    printReport(context, report, options.output);
  },
});

function printReport(context: CommandContext, report: SensitivityReport, output: string): void {
  const ratios = [
    ...new Set(report.curves.flatMap((curve) => curve.points.map((point) => point.ratio))),
  ].toSorted((a, b) => a - b);
  context.print(
    formatTable(
      [
        { title: "group" },
        { title: "width", align: "right" },
        ...ratios.map((ratio) => ({ title: formatPercent(ratio), align: "right" as const })),
      ],
      report.curves.map((curve) => [
        curve.group,
        String(curve.width),
        ...ratios.map((ratio) => {
          const point = curve.points.find((candidate) => candidate.ratio === ratio);
          return point ? formatPercent(point.loss, 1) : "";
        }),
      ]),
    ),
  );
  context.print(
    `\nbaseline ${report.baseline.toFixed(4)}; ${report.skipped.length} groups skipped`,
  );
  context.printJson({ ...report, file: output });
}
