import type { SensitivityReport } from "@ocrslim/sensitivity";
import { CliError } from "../cli-error.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { dataOptions, optionalData, outputOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import {
  flag,
  integerIn,
  numberIn,
  numberList,
  oneOf,
  optional,
  text,
  textList,
  withDefault,
} from "../options/option.ts";
import { type CriterionFlags, criterionOptions } from "../options/pruning-options.ts";
import { assertWritableFile } from "../output/files.ts";
import { readImages, shuffle } from "../pipeline/data.ts";
import { readModelFile } from "../pipeline/models.ts";
import { drawReport, type Weights, weighGroups } from "../pipeline/sweep/draw-report.ts";
import { estimateHere } from "../pipeline/sweep/estimate-here.ts";
import { assertExports, type ExportFlags, writeExports } from "../pipeline/sweep/export-report.ts";
import { listGaps, mergeFiles } from "../pipeline/sweep/merge-files.ts";
import {
  measureByWorkers,
  measureHere,
  type Shard,
  takeShard,
} from "../pipeline/sweep/run-sweep.ts";
import { assertAllMeasured, showReport } from "../pipeline/sweep/show-report.ts";
import {
  choosePoints,
  type MethodName,
  type MetricName,
  methodNames,
  metricNames,
  prepareSweep,
  type SweepInputs,
} from "../pipeline/sweep/sweep-inputs.ts";

interface SensitivityOptions extends DetectionFlags, CriterionFlags, ExportFlags {
  output: string;
  data: readonly string[];
  imageRoot: string | undefined;
  images: number;
  ratios: readonly number[];
  method: MethodName;
  metric: MetricName;
  groups: readonly string[];
  compensate: boolean;
  maxLoss: number | undefined;
  exact: boolean;
  concurrency: number | undefined;
  memory: number;
  shard: string | undefined;
  merge: readonly string[];
  queue: string | undefined;
  shared: string | undefined;
  profile: boolean;
  plots: string | undefined;
}

async function readInputs(
  context: CommandContext,
  modelName: string,
  options: SensitivityOptions,
): Promise<{ readonly inputs: SweepInputs; readonly modelPath: string }> {
  const { model, path } = await readModelFile(context, modelName);
  const { samples } = await readImages(context, options.data, options.imageRoot);
  const { metric, method, criterion, compensate, channelMultiple, maxLoss } = options;
  const chosen = shuffle(samples, context.seed).slice(0, options.images);
  const inputs = await prepareSweep(model, chosen, {
    ...{ metric, method, criterion, compensate, channelMultiple },
    ...(maxLoss === undefined ? {} : { maximumLoss: maxLoss }),
    detection: toDetectionSettings(options),
    seed: context.seed,
  });
  return { inputs, modelPath: path };
}

async function measure(
  context: CommandContext,
  inputs: SweepInputs,
  modelPath: string,
  options: SensitivityOptions,
  file: string,
): Promise<SensitivityReport> {
  const shard = parseShard(options.shard);
  const all = choosePoints(inputs, options.groups, options.ratios);
  const chosen = shard ? takeShard(inputs, all, shard) : all;
  if (shard) {
    context.note(`shard ${options.shard}: ${chosen.points.length} of ${all.points.length} points`);
  }
  if (options.method === "fisher") return await estimateHere(context, inputs, chosen, file);
  const { queue: url, exact, concurrency, memory } = options;
  if (url !== undefined) {
    const shared = options.shared === undefined ? undefined : context.path(options.shared);
    return await measureByWorkers(context, inputs, chosen, file, { url, shared, modelPath });
  }
  const memoryLimit = memory * 2 ** 20;
  return await measureHere(context, inputs, chosen, file, { exact, concurrency, memoryLimit });
}

/** `2/8`: the second of eight parts. */
function parseShard(value: string | undefined): Shard | undefined {
  if (value === undefined) return undefined;
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(value)?.map(Number) ?? [];
  if (index && count && index <= count) return { index, count };
  throw new CliError(
    "invalid-option",
    `--shard ${JSON.stringify(value)}: it must be a part and how many there are, such as 2/8`,
  );
}

/** Options that a merge, which measures nothing, cannot have. */
function assertMerge(model: string | undefined, options: SensitivityOptions): void {
  if (model !== undefined || options.data.length > 0) {
    throw new CliError(
      "conflicting-options",
      "--merge takes no model and no --data; leave them out",
    );
  }
  if (options.shard !== undefined || options.queue !== undefined || options.profile) {
    throw new CliError(
      "conflicting-options",
      "--merge measures nothing; leave --shard, --queue and --profile out",
    );
  }
}

function assertMeasurement(model: string | undefined, options: SensitivityOptions): void {
  if (model === undefined) {
    throw new CliError("missing-option", "no model: name an ONNX file, or give --merge");
  }
  if (options.data.length === 0) {
    throw new CliError("missing-option", "--data is required: give --data <path>");
  }
  const { shared, queue, exact, maxLoss, method, shard } = options;
  const refuse = (message: string): never => {
    throw new CliError("conflicting-options", message);
  };
  if (shared !== undefined && queue === undefined) {
    refuse("--shared is for workers: give --queue as well");
  }
  if (exact && (maxLoss !== undefined || queue !== undefined || method !== "ablation")) {
    refuse("--exact measures all in this process: leave --max-loss, --queue and --method out");
  }
  if (
    method === "fisher" &&
    (queue !== undefined || shard !== undefined || maxLoss !== undefined)
  ) {
    refuse("--method fisher estimates all at once: leave --queue, --shard and --max-loss out");
  }
  if (method === "fisher" && options.compensate) {
    refuse("--method fisher prunes nothing: leave --compensate out");
  }
}

/** `ocrslim sensitivity MODEL --data D -o FILE` */
export const sensitivity: Command = defineCommand<SensitivityOptions>({
  name: "sensitivity",
  summary:
    "How much the metric falls when each channel group is cut. Goes on where it was stopped.",
  details:
    "Several machines: --shard 1/3, 2/3 and 3/3, then --merge; or --queue, and ocrslim worker on each. Several processes may write one file.",
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
    method: {
      flags: "--method <name>",
      description:
        "ablation: by the metric. output-distance: by what the maps lose, which few pictures tell. fisher: an estimate from gradients. Default: ablation.",
      schema: withDefault(oneOf(methodNames), "ablation"),
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
    compensate: {
      flags: "--compensate",
      description: "Make up for the means of removed channels, as prune --calibration does.",
      schema: flag(),
    },
    maxLoss: {
      flags: "--max-loss <fraction>",
      description:
        "Only find out which ratios lose more than this fraction of the metric, 0 to 1: much faster. Default: measure all.",
      schema: optional(numberIn(0, 1)),
    },
    exact: {
      flags: "--exact",
      description: "Run every pruned model as a whole, one after the other: the plain way, slow.",
      schema: flag(),
    },
    concurrency: {
      flags: "--concurrency <count>",
      description: "Pictures that are run at the same time. Default: one for each core.",
      schema: optional(integerIn(1, 1024)),
    },
    memory: {
      flags: "--memory <MiB>",
      description:
        "For inner values that are kept; what does not fit is computed again. Default: 1024.",
      schema: withDefault(integerIn(0, 1_000_000), 1024),
    },
    shard: {
      flags: "--shard <part/count>",
      description: "Measure only this part of the points, such as 2/8; parts cost about the same.",
      schema: optional(text()),
    },
    merge: {
      flags: "--merge <file>",
      description: "Merge sensitivity files instead of measuring. Repeatable.",
      schema: textList(0),
      repeated: true,
    },
    queue: {
      flags: "--queue <redis>",
      description:
        "Let workers measure (ocrslim worker), and collect: redis://host:6379. Needs the packages bullmq and ioredis.",
      schema: optional(text()),
    },
    shared: {
      flags: "--shared <folder>",
      description:
        "With --queue: the folder that workers share, model and pictures lie below it. Default: they have the same paths.",
      schema: optional(text()),
    },
    profile: {
      flags: "--profile",
      description: "Also measure which share of the latency each group has.",
      schema: flag(),
    },
    plots: {
      flags: "--plots <folder>",
      description: "Also draw curves.svg, map.svg and sensitivity.html.",
      schema: optional(text()),
    },
    exportCsv: {
      flags: "--export-csv <file>",
      description: "Also write the points as CSV.",
      schema: optional(text()),
    },
    exportPaddleslim: {
      flags: "--export-paddleslim <file>",
      description: "Also write the losses as PaddleSlim's pickled dict, by names of weights.",
      schema: optional(text()),
    },
    ...criterionOptions,
    channelMultiple: {
      flags: "--channel-multiple <count>",
      description: "Kept widths are multiples of this, 1 to 256. Default: 1.",
      schema: withDefault(integerIn(1, 256), 1),
    },
    ...detectionOptions,
  },
  async run(context, args, options) {
    const output = context.path(options.output);
    const isMerge = options.merge.length > 0;
    if (isMerge) assertMerge(args[0], options);
    else assertMeasurement(args[0], options);
    await assertWritableFile(output);
    await assertExports(context, options);
    let report: SensitivityReport;
    let weights: Weights = { shares: new Map() };
    if (isMerge) {
      report = await mergeFiles(context, options.merge, output);
      await writeExports(context, report, [], options);
    } else {
      const { inputs, modelPath } = await readInputs(context, args[0] ?? "", options);
      report = await measure(context, inputs, modelPath, options, output);
      await writeExports(context, report, inputs.groups, options);
      weights = await weighGroups(context, inputs, options.profile);
    }
    if (options.plots !== undefined) await drawReport(context, report, weights, options.plots);
    const missing = isMerge ? listGaps(report) : [];
    showReport(context, report, { output: options.output, shares: weights.shares, missing });
    assertAllMeasured(report, options.output);
  },
});
