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
  createPlanner,
  ignoreFirstConvolutions,
  type PlannerOptions,
  planPruning,
  ratiosFromLoss,
  readPlanLatencies,
  searchPlan,
  uniformRatio,
  writePlan,
} from "@ocrslim/prune";
import { measureLatency } from "@ocrslim/runtime";
import { ratiosByLossMonotone } from "@ocrslim/sensitivity";
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
  remeasureOption,
  weightCriterionOptions,
} from "../options/pruning-options.ts";
import { toInputShapes } from "../options/shape-options.ts";
import { assertWritableFile } from "../output/files.ts";
import { formatPercent } from "../output/numbers.ts";
import { formatFacts, formatTable } from "../output/table.ts";
import { createCriterion, needsStatistics } from "../pipeline/criteria.ts";
import { readImages, shuffle } from "../pipeline/data.ts";
import { loadFeeds } from "../pipeline/detection.ts";
import { openLatencyModel } from "../pipeline/latency-model.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";
import { pruneModel } from "../pipeline/prune-model.ts";
import { readCurves } from "../pipeline/read-curves.ts";

interface PlanOptions extends DetectionFlags, BudgetFlags, CriterionFlags {
  output: string;
  sensitivity: string | undefined;
  ratio: number | undefined;
  ignore: readonly string[];
  keepFirst: number;
  remeasure: boolean;
  data: readonly string[];
  imageRoot: string | undefined;
  inputShape: readonly string[];
  images: number;
}

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

/** Looks for the plan whose model measures the wanted fraction of this one's latency. */
async function planForLatency(
  context: CommandContext,
  model: Model,
  base: PlannerOptions,
  { latency: wanted = 1, remeasure }: PlanOptions,
  curves: readonly LossCurve[] | undefined,
): Promise<PruningPlan> {
  const runtime = createRuntimeFor(context);
  const { inputShapes, groups } = base;
  const runOptions = context.runOptions();
  const latencyModel = await openLatencyModel(model, {
    runtime,
    groups,
    inputShapes,
    remeasure,
    runOptions,
  });
  const planner = createPlanner(model, base);
  const losses = curves ? { losses: curves } : {};
  const { chosen, outcome } = await searchPlan({
    ...runOptions,
    target: { latency: wanted },
    makePlan: (kept) =>
      planner.plan(
        latencyModel
          ? budget({ latency: kept }, { ...losses, latencyModel })
          : budget({ macs: kept }, losses),
      ),
    async measure(plan) {
      const pruned = await pruneModel(model, { plan, groups, simplify: true });
      const found = await measureLatency(runtime, [model, pruned], {
        ...(context.signal ? { signal: context.signal } : {}),
        inputShapes,
        runs: 15,
        warmup: 3,
        maxSeconds: 6,
      });
      const ratio = found.ratio ?? 1;
      const { predicted } = readPlanLatencies(plan);
      const guess = predicted ? `${formatPercent(predicted.ratio, 1)} predicted, ` : "";
      context.note(`latency: ${guess}${formatPercent(ratio, 1)} measured`);
      return {
        ...readPrediction(plan),
        loss: Number(plan.provenance["expectedLoss"] ?? 0),
        latency: { medianMs: found.models[1]?.medianMs ?? Number.NaN, ratio },
      };
    },
  });
  if (!chosen) throw new CliError("unsuitable-model", outcome.reason ?? "nothing can be removed");
  const { plan } = chosen;
  const { wanted: asked, reached, met, reason } = outcome;
  const report = {
    // The name that plans of earlier versions have, and the one that prune gives.
    kind: "latency",
    quantity: "latency",
    wanted: asked,
    reached,
    met,
    ...(reason ? { reason } : {}),
  };
  return { ...plan, provenance: { ...plan.provenance, budget: report } };
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
      description:
        "Curves, as sensitivity writes them, or a pickle of PaddleSlim's. Default: none, by scores.",
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
    remeasure: remeasureOption,
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
    const curves =
      options.sensitivity === undefined
        ? undefined
        : await readCurves(context, model, groups, options.sensitivity);
    const statistics = await collectStatistics(context, model, groups, options);
    const base: PlannerOptions = {
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
        : await planForLatency(context, model, base, options, curves);
    context.signal?.throwIfAborted();
    await writePlan(made, output);
    printPlan(context, made, options.output);
  },
});
