import {
  type ChannelGroup,
  findChannelGroups,
  type LossCurve,
  type Model,
  type PruningPlan,
} from "@ocrslim/graph";
import {
  type ActivationStatistics,
  type Allocation,
  budget,
  collectActivationStatistics,
  ignoreFirstConvolutions,
  type PlanPruningOptions,
  planPruning,
  ratiosFromLoss,
  uniformRatio,
  writePlan,
} from "@ocrslim/prune";
import { measureLatency } from "@ocrslim/runtime";
import { hashModel, ratiosByLossMonotone, readSensitivities } from "@ocrslim/sensitivity";
import { CliError } from "../cli-error.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { dataOptions, optionalData, outputOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import { integerIn, numberIn, optional, text, textList, withDefault } from "../options/option.ts";
import {
  type BudgetFlags,
  budgetOptions,
  type CriterionFlags,
  weightCriterionOptions,
} from "../options/pruning-options.ts";
import { toInputShapes } from "../options/shape-options.ts";
import { assertWritableFile } from "../output/files.ts";
import { formatPercent } from "../output/numbers.ts";
import { formatFacts, formatTable } from "../output/table.ts";
import { createCriterion, needsStatistics } from "../pipeline/criteria.ts";
import { readImages, shuffle } from "../pipeline/data.ts";
import { loadFeeds } from "../pipeline/detection.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";
import { pruneModel } from "../pipeline/prune-model.ts";
import { searchBudget } from "../pipeline/search-budget.ts";

interface PlanOptions extends DetectionFlags, BudgetFlags, CriterionFlags {
  output: string;
  sensitivity: string | undefined;
  ratio: number | undefined;
  ignore: readonly string[];
  keepFirst: number;
  data: readonly string[];
  imageRoot: string | undefined;
  inputShape: readonly string[];
  images: number;
}

/** Everything that making a plan needs, but the allocation. */
type PlanBase = Omit<PlanPruningOptions, "allocation">;

async function collectStatistics(
  context: CommandContext,
  model: Model,
  groups: readonly ChannelGroup[],
  options: PlanOptions,
): Promise<ActivationStatistics | undefined> {
  if (!needsStatistics(options.criterion) || options.data.length === 0) return undefined;
  const { samples } = await readImages(context, options.data, options.imageRoot);
  const chosen = shuffle(samples, context.seed).slice(0, options.images);
  return collectActivationStatistics(model, {
    ...context.runOptions(),
    groups,
    feeds: await loadFeeds(model, chosen, toDetectionSettings(options), context.signal),
    runtime: createRuntimeFor(context),
  });
}

/** Reads the curves and makes sure that they are of this model. */
async function readCurves(
  context: CommandContext,
  model: Model,
  path: string | undefined,
): Promise<readonly LossCurve[] | undefined> {
  if (path === undefined) return undefined;
  const report = await readSensitivities(context.path(path));
  if (report.modelHash !== (await hashModel(model))) {
    throw new CliError(
      "unsuitable-model",
      `--sensitivity ${path}: was measured on another model; run sensitivity on this one`,
    );
  }
  return report.curves;
}

function countTargets(options: PlanOptions): number {
  const { macs, parameters, latency, maxLoss, ratio } = options;
  return [macs, parameters, latency, maxLoss, ratio].filter((value) => value !== undefined).length;
}

function createAllocation(
  options: PlanOptions,
  curves: readonly LossCurve[] | undefined,
): Allocation {
  const losses = curves ? { losses: curves } : {};
  if (options.ratio !== undefined) return uniformRatio(options.ratio);
  if (options.macs !== undefined) return budget({ macs: options.macs }, losses);
  if (options.parameters !== undefined) return budget({ parameters: options.parameters }, losses);
  if (curves) return ratiosFromLoss(ratiosByLossMonotone(curves, options.maxLoss ?? 0));
  throw new CliError("missing-option", "--max-loss needs curves: give --sensitivity <file>");
}

/** Looks for the plan whose model measures the wanted fraction of the original's latency. */
async function planForLatency(
  context: CommandContext,
  model: Model,
  base: PlanBase,
  wanted: number,
  curves: readonly LossCurve[] | undefined,
): Promise<PruningPlan> {
  const runtime = createRuntimeFor(context);
  const { inputShapes } = base;
  const runOptions = context.signal ? { signal: context.signal } : {};
  const found = await searchBudget(
    { kind: "latency", wanted, maximumLoss: undefined },
    async (_axis, kept) => {
      const plan = planPruning(model, {
        ...base,
        allocation: budget({ macs: kept }, curves ? { losses: curves } : {}),
      });
      const pruned = await pruneModel(model, { plan, groups: base.groups, simplify: true });
      const latency = await measureLatency(runtime, [model, pruned], {
        ...runOptions,
        inputShapes,
        runs: 15,
        warmup: 3,
        maxSeconds: 6,
      });
      const latencyRatio = latency.ratio ?? 1;
      context.note(`MACs ${formatPercent(kept)}: latency ${formatPercent(latencyRatio)}`);
      const { macsRatio, parametersRatio } = readPrediction(plan);
      return { plan, kept, macsRatio, parametersRatio, loss: 0, latencyRatio };
    },
  );
  const plan = found.chosen?.plan;
  if (!plan) throw new CliError("unsuitable-model", "no channel of this model can be removed");
  const { provenance } = plan;
  return { ...plan, provenance: { ...provenance, budget: found.budget } };
}

/** The predicted kept fractions of a plan. */
export function readPrediction(plan: PruningPlan): { macsRatio: number; parametersRatio: number } {
  const predicted = plan.provenance["predicted"] as Readonly<Record<string, number>> | undefined;
  return {
    macsRatio: predicted?.["macsRatio"] ?? 1,
    parametersRatio: predicted?.["parametersRatio"] ?? 1,
  };
}

function printPlan(context: CommandContext, plan: PruningPlan, output: string): void {
  const prediction = readPrediction(plan);
  context.print(
    formatTable(
      [
        { title: "group" },
        { title: "width", align: "right" },
        { title: "kept", align: "right" },
        { title: "share", align: "right" },
      ],
      plan.groups.map((group) => [
        group.id,
        String(group.width),
        String(group.keep.length),
        formatPercent(group.keep.length / group.width),
      ]),
    ),
  );
  context.print(
    `\n${formatFacts([
      ["MACs kept", formatPercent(prediction.macsRatio, 1)],
      ["parameters kept", formatPercent(prediction.parametersRatio, 1)],
      ["groups left whole", `${plan.skipped.length}; the plan says why`],
    ])}`,
  );
  const report = plan.provenance["budget"] as { met?: boolean; reason?: string } | undefined;
  if (report?.met === false) context.logger.warn(report.reason ?? "the budget was not met");
  context.printJson({ ...plan, file: output });
}

/** `ocrslim plan MODEL -o PLAN` */
export const plan: Command = defineCommand<PlanOptions>({
  name: "plan",
  summary: "Decides which channels stay, for a budget; the plan is JSON that can be edited.",
  details:
    "One of --macs, --parameters, --latency, --max-loss (with --sensitivity) and --ratio is needed.",
  arguments: [{ syntax: "<model>", description: "An ONNX file; simplify it first." }],
  options: {
    output: outputOption("The plan (JSON)."),
    sensitivity: {
      flags: "--sensitivity <file>",
      description: "Curves, as sensitivity writes them. Default: none, by scores.",
      schema: optional(text()),
    },
    ...budgetOptions,
    ratio: {
      flags: "--ratio <fraction>",
      description: "Remove this fraction of the channels of every group, 0 to 0.99.",
      schema: optional(numberIn(0, 0.99)),
    },
    ...weightCriterionOptions,
    ignore: {
      flags: "--ignore <id>",
      description: "Leave this group whole. Repeatable.",
      schema: textList(0),
      repeated: true,
    },
    keepFirst: {
      flags: "--keep-first <count>",
      description: "Leave the first so many convolutions whole; PaddleOCR keeps 4. Default: 0.",
      schema: withDefault(integerIn(0, 1000), 0),
    },
    data: optionalData,
    imageRoot: dataOptions.imageRoot,
    images: {
      flags: "--images <count>",
      description: "Pictures used for activations, drawn by the seed. Default: 16.",
      schema: withDefault(integerIn(1, 10_000), 16),
    },
    inputShape: {
      flags: "--input-shape <name:dims>",
      description:
        "Dims of one input at which costs are counted, such as x:1,3,640,640. Repeatable.",
      schema: textList(0),
      repeated: true,
    },
    ...detectionOptions,
  },
  async run(context, args, options) {
    const targets = countTargets(options);
    if (targets !== 1) {
      throw new CliError(
        targets === 0 ? "missing-option" : "conflicting-options",
        `give one of --macs, --parameters, --latency, --max-loss and --ratio, not ${targets}`,
      );
    }
    const { model } = await readModelFile(context, args[0] ?? "");
    const output = context.path(options.output);
    await assertWritableFile(output);
    const inputShapes = toInputShapes(model, options);
    const groups = findChannelGroups(model, { inputShapes });
    const curves = await readCurves(context, model, options.sensitivity);
    const statistics = await collectStatistics(context, model, groups, options);
    const base: PlanBase = {
      groups,
      criterion: createCriterion(options.criterion, model, statistics),
      inputShapes,
      channelMultiple: options.channelMultiple,
      ignore: [
        ...options.ignore,
        ...(options.keepFirst > 0 ? [ignoreFirstConvolutions(options.keepFirst)] : []),
      ],
    };
    const made =
      options.latency === undefined
        ? planPruning(model, { ...base, allocation: createAllocation(options, curves) })
        : await planForLatency(context, model, base, options.latency, curves);
    context.signal?.throwIfAborted();
    await writePlan(made, output);
    printPlan(context, made, options.output);
  },
});
