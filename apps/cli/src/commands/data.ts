import { join } from "node:path";
import {
  detectionBatches,
  drawTargets,
  NORMALIZE_DEFAULTS,
  type PaddleDetectionPlan,
  type Sample,
  writeImage,
} from "@ocrslim/ocr-det";
import { CliError } from "../cli-error.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { dataOptions, optionalData } from "../options/data-options.ts";
import { integerIn, optional, text, withDefault } from "../options/option.ts";
import { createOutputFolder } from "../output/files.ts";
import { formatCount } from "../output/numbers.ts";
import { formatFacts } from "../output/table.ts";
import { readImages, shuffle } from "../pipeline/data.ts";
import { checkLabels, issueKinds, type LabelReport } from "../pipeline/label-issues.ts";
import { readPaddlePlan, readSamples } from "../pipeline/paddle-plan.ts";
import { batchOptionsOf, trainingSetOf } from "../pipeline/train-detector.ts";

interface DataOptions {
  data: readonly string[];
  imageRoot: string | undefined;
  preview: string | undefined;
  count: number;
  size: number | undefined;
  images: number | undefined;
}

/** Where samples come from, and how they become batches: a config's training set, or `--data`. */
async function readSource(
  context: CommandContext,
  options: DataOptions,
): Promise<{ readonly samples: readonly Sample[]; readonly plan?: PaddleDetectionPlan }> {
  const isConfig = "Global" in context.config;
  // A config's evaluation set is also read as `data`; its training set is what is asked for here.
  if (isConfig) {
    const plan = await readPaddlePlan(context, { checkFiles: true });
    return { samples: await readSamples(context, trainingSetOf(plan)), plan };
  }
  if (options.data.length === 0) {
    throw new CliError(
      "missing-option",
      "there is no data: give a PaddleOCR config with -c, or labelled pictures with --data",
    );
  }
  const { samples, labelled, sources } = await readImages(context, options.data, options.imageRoot);
  if (labelled) return { samples };
  throw new CliError(
    "unsuitable-data",
    `--data ${sources.join(", ")}: there are pictures without labels; give label files or folders with ground truth`,
  );
}

/** Writes pictures of augmented samples with their maps; returns their paths. */
async function writePreview(
  context: CommandContext,
  folder: string,
  samples: readonly Sample[],
  plan: PaddleDetectionPlan | undefined,
  options: DataOptions,
): Promise<string[]> {
  const set = plan && trainingSetOf(plan);
  const batches = detectionBatches(samples, {
    ...(set ? batchOptionsOf(set) : {}),
    ...(options.size === undefined ? {} : { size: options.size }),
  });
  const chosen = shuffle([...samples.keys()], context.seed).slice(0, options.count);
  const files: string[] = [];
  for (const [index, sample] of chosen.entries()) {
    context.signal?.throwIfAborted();
    const batch = await batches.loadBatch({ index, seed: context.seed + index, samples: [sample] });
    const file = join(folder, `${String(index + 1).padStart(3, "0")}.png`);
    await writeImage(file, drawTargets(batch, 0, set?.normalize ?? NORMALIZE_DEFAULTS));
    files.push(file);
  }
  return files;
}

/** `ocrslim data --data D --preview DIR` */
export const data: Command = defineCommand<DataOptions>({
  name: "data",
  summary:
    "Looks at a training set: counts, labels that are not as they should be, pictures of what is trained on.",
  details: `Examples:
  ocrslim data -c configs/det/det_mv3_db.yml --preview pictures/
  ocrslim data --data train.txt --preview pictures/ --count 20

In the pictures shrunk text is green, borders are red by their threshold, and what is ignored is blue.`,
  arguments: [],
  options: {
    data: optionalData,
    imageRoot: dataOptions.imageRoot,
    preview: {
      flags: "--preview <folder>",
      description: "Write pictures of augmented samples with their maps. Default: none.",
      schema: optional(text()),
    },
    count: {
      flags: "--count <count>",
      description: "How many pictures, of samples drawn by the seed. Default: 8.",
      schema: withDefault(integerIn(1, 10_000), 8),
    },
    size: {
      flags: "--size <pixels>",
      description: "Side of the pictures, a multiple of 32. Default: the config's, else 640.",
      schema: optional(integerIn(32, 4096)),
    },
    images: {
      flags: "--images <count>",
      description: "Only the first so many images. Default: all.",
      schema: optional(integerIn(1, 10_000_000)),
    },
  },
  async run(context, _args, options) {
    if (options.size !== undefined && options.size % 32 !== 0) {
      throw new CliError("invalid-option", `--size ${options.size}: it must be a multiple of 32`);
    }
    const source = await readSource(context, options);
    const samples = source.samples.slice(0, options.images);
    const report = await checkLabels(context, samples);
    const folder =
      options.preview === undefined
        ? undefined
        : await createOutputFolder(context.path(options.preview));
    let pictures: readonly string[] = [];
    try {
      if (folder) {
        pictures = await writePreview(context, folder.path, samples, source.plan, options);
      }
    } finally {
      await folder?.discardEmpty();
    }
    printReport(context, report);
    if (folder) context.print(`\nwrote ${pictures.length} pictures into ${options.preview}`);
    context.printJson({ ...report, pictures });
  },
});

/** Labels that are named one by one. */
const MOST_NAMED = 10;

function printReport(context: CommandContext, report: LabelReport): void {
  const { images, withoutText, texts, ignored, issues } = report;
  const found = issueKinds.flatMap((kind) => {
    const count = issues.filter((issue) => issue.kind === kind).length;
    return count === 0 ? [] : [[kind, formatCount(count)] as const];
  });
  context.print(
    formatFacts([
      ["images", `${formatCount(images)}, ${formatCount(withoutText)} of them without text`],
      ["texts", `${formatCount(texts)}, ${formatCount(ignored)} of them ignored`],
      ...found,
    ]),
  );
  for (const { image, label, kind } of issues.slice(0, MOST_NAMED)) {
    context.logger.warn(`${image}: label ${label} is ${kind}`);
  }
  const rest = issues.length - MOST_NAMED;
  if (rest > 0) context.logger.warn(`${rest} more; --json names all`);
}
