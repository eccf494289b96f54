import { stat } from "node:fs/promises";
import {
  assertValidModel,
  computeCost,
  findChannelGroups,
  type Model,
  type PruningPlan,
  simplify,
  transform,
  writeModel,
} from "@ocrslim/graph";
import { collectActivationStatistics, readPlan } from "@ocrslim/prune";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { cropsOption, dataOptions, outputOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import { flag, integerIn, oneOf, text, textList, withDefault } from "../options/option.ts";
import { assertWritableFile } from "../output/files.ts";
import { formatBytes, formatCount } from "../output/numbers.ts";
import { formatTable } from "../output/table.ts";
import { type RecoveryName, recoveryNames } from "../pipeline/compress/recovery.ts";
import { interleave, readImages, shuffle } from "../pipeline/data.ts";
import { loadFeeds } from "../pipeline/detection.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";
import { pruneModel } from "../pipeline/prune-model.ts";
import { loadCrops, refitModel } from "../pipeline/refit-model.ts";

interface PruneOptions extends DetectionFlags {
  keepNormalizations: boolean;
  plan: string;
  output: string;
  calibration: readonly string[];
  recovery: RecoveryName;
  imageRoot: string | undefined;
  images: number;
  crops: number;
}

/** Prunes, and recovers from calibration pictures if there are some. */
async function pruneAndRecover(
  context: CommandContext,
  model: Model,
  plan: PruningPlan,
  options: PruneOptions,
): Promise<Model> {
  const { signal, logger } = context;
  const common = { plan, signal, logger, simplify: !options.keepNormalizations };
  if (options.calibration.length === 0) {
    return await pruneModel(model, common);
  }
  const { kinds } = await readImages(context, options.calibration, options.imageRoot);
  const chosen = interleave(kinds.map((kind) => shuffle(kind, context.seed))).slice(
    0,
    options.images,
  );
  const settings = toDetectionSettings(options);
  const runtime = createRuntimeFor(context);
  const runOptions = context.runOptions();
  const groups = findChannelGroups(model, { inputShapes: plan.inputShapes });
  if (options.recovery === "means") {
    const feeds = await loadFeeds(model, chosen, settings, signal);
    const statistics = await collectActivationStatistics(model, {
      ...runOptions,
      groups,
      feeds,
      runtime,
    });
    return await pruneModel(model, { ...common, statistics, groups });
  }
  const feeds = await loadCrops(model, chosen, settings, options.crops, runOptions);
  const pruned = await refitModel(model, { plan, groups, feeds, runtime, runOptions });
  if (common.simplify) await transform(pruned, simplify(), runOptions);
  return pruned;
}

/** `ocrslim prune MODEL --plan PLAN -o OUT` */
export const prune: Command = defineCommand<PruneOptions>({
  name: "prune",
  summary: "Applies a plan; with --calibration, recovers what can be recovered without training.",
  arguments: [{ syntax: "<model>", description: "The model that the plan was made for." }],
  options: {
    plan: { flags: "--plan <file>", description: "A plan, as plan writes it.", schema: text() },
    output: outputOption("The pruned model."),
    calibration: {
      flags: "--calibration <path>",
      description:
        "Pictures without labels, as --data takes them elsewhere, to recover from. Repeatable.",
      schema: textList(0),
      repeated: true,
    },
    recovery: {
      flags: "--recovery <name>",
      description:
        "least-squares: every layer is refitted; means: biases make up for the means of what is removed. Default: least-squares.",
      schema: withDefault(oneOf(recoveryNames), "least-squares"),
    },
    imageRoot: dataOptions.imageRoot,
    images: {
      flags: "--images <count>",
      description: "Calibration pictures used, drawn by the seed. Default: 16.",
      schema: withDefault(integerIn(1, 10_000), 16),
    },
    crops: cropsOption,
    keepNormalizations: {
      flags: "--keep-normalizations",
      description: "Do not simplify: for a training graph that train goes on with.",
      schema: flag(),
    },
    ...detectionOptions,
  },
  async run(context, args, options) {
    const file = await readModelFile(context, args[0] ?? "");
    const plan = await readPlan(context.path(options.plan));
    const output = context.path(options.output);
    await assertWritableFile(output);
    const { inputShapes } = plan;
    const pruned = await pruneAndRecover(context, file.model, plan, options);
    assertValidModel(pruned);
    const session = await createRuntimeFor(context).load(pruned);
    await session.dispose();
    context.signal?.throwIfAborted();
    await writeModel(pruned, output);
    const before = computeCost(file.model, { inputShapes });
    const after = computeCost(pruned, { inputShapes });
    const bytes = (await stat(output)).size;
    context.print(
      formatTable(
        [
          { title: "model" },
          { title: "MACs", align: "right" },
          { title: "parameters", align: "right" },
          { title: "size", align: "right" },
        ],
        [
          [
            file.name,
            formatCount(before.macs),
            formatCount(before.parameters),
            formatBytes(file.bytes),
          ],
          [
            options.output,
            formatCount(after.macs),
            formatCount(after.parameters),
            formatBytes(bytes),
          ],
        ],
      ),
    );
    context.printJson({
      before: { macs: before.macs, parameters: before.parameters, bytes: file.bytes },
      after: { macs: after.macs, parameters: after.parameters, bytes },
      ratios: {
        macs: after.macs / before.macs,
        parameters: after.parameters / before.parameters,
        bytes: bytes / file.bytes,
      },
      groups: plan.groups.length,
      skipped: plan.skipped,
      recovery: options.calibration.length > 0 ? options.recovery : "none",
      file: options.output,
    });
  },
});
