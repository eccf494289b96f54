import { stat } from "node:fs/promises";
import {
  assertValidModel,
  computeCost,
  findChannelGroups,
  type Model,
  writeModel,
} from "@ocrslim/graph";
import { type ActivationStatistics, collectActivationStatistics, readPlan } from "@ocrslim/prune";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { outputOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import { integerIn, optional, text, textList, withDefault } from "../options/option.ts";
import { assertWritableFile } from "../output/files.ts";
import { formatBytes, formatCount } from "../output/numbers.ts";
import { formatTable } from "../output/table.ts";
import { readImages, shuffle } from "../pipeline/data.ts";
import { loadFeeds } from "../pipeline/detection.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";
import { pruneModel } from "../pipeline/prune-model.ts";

interface PruneOptions extends DetectionFlags {
  plan: string;
  output: string;
  calibration: readonly string[];
  imageRoot: string | undefined;
  images: number;
}

async function collectStatistics(
  context: CommandContext,
  model: Model,
  inputShapes: Readonly<Record<string, readonly number[]>>,
  options: PruneOptions,
): Promise<ActivationStatistics | undefined> {
  if (options.calibration.length === 0) return undefined;
  const { samples } = await readImages(context, options.calibration, options.imageRoot);
  const chosen = shuffle(samples, context.seed).slice(0, options.images);
  const feeds = await loadFeeds(model, chosen, toDetectionSettings(options), context.signal);
  return collectActivationStatistics(model, {
    ...context.runOptions(),
    groups: findChannelGroups(model, { inputShapes }),
    feeds,
    runtime: createRuntimeFor(context),
  });
}

/** `ocrslim prune MODEL --plan PLAN -o OUT` */
export const prune: Command = defineCommand<PruneOptions>({
  name: "prune",
  summary: "Applies a plan; with --calibration, makes up for the means of what is removed.",
  arguments: [{ syntax: "<model>", description: "The model that the plan was made for." }],
  options: {
    plan: { flags: "--plan <file>", description: "A plan, as plan writes it.", schema: text() },
    output: outputOption("The pruned model."),
    calibration: {
      flags: "--calibration <path>",
      description:
        "Pictures, as --data takes them elsewhere, whose activations give the means. Repeatable.",
      schema: textList(0),
      repeated: true,
    },
    imageRoot: {
      flags: "--image-root <folder>",
      description: "Folder that the paths in label files start from. Default: the label file's.",
      schema: optional(text()),
    },
    images: {
      flags: "--images <count>",
      description: "Calibration pictures used, drawn by the seed. Default: 16.",
      schema: withDefault(integerIn(1, 10_000), 16),
    },
    ...detectionOptions,
  },
  async run(context, args, options) {
    const file = await readModelFile(context, args[0] ?? "");
    const plan = await readPlan(context.path(options.plan));
    const output = context.path(options.output);
    await assertWritableFile(output);
    const { inputShapes } = plan;
    const statistics = await collectStatistics(context, file.model, inputShapes, options);
    const pruned = await pruneModel(file.model, {
      plan,
      ...(statistics ? { statistics } : {}),
      simplify: true,
      signal: context.signal,
      logger: context.logger,
    });
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
      compensated: statistics !== undefined,
      file: options.output,
    });
  },
});
