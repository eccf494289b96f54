import { stat } from "node:fs/promises";
import { assertValidModel, simplify, transform, writeModel } from "@ocrslim/graph";
import { assertDisjointDatasets, type Sample } from "@ocrslim/ocr-det";
import { readPlan } from "@ocrslim/prune";
import { CliError } from "../cli-error.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { dataOptions, outputOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import {
  flag,
  integerIn,
  numberIn,
  optional,
  text,
  textList,
  withDefault,
} from "../options/option.ts";
import { assertWritableFile } from "../output/files.ts";
import { formatCount, formatDuration } from "../output/numbers.ts";
import { formatTable } from "../output/table.ts";
import { keepValidation, readImages } from "../pipeline/data.ts";
import { listFeaturePairs } from "../pipeline/feature-pairs.ts";
import { FINE_TUNE_DEFAULTS, fineTune } from "../pipeline/fine-tune.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";

interface FinetuneOptions extends DetectionFlags {
  teacher: string;
  data: readonly string[];
  imageRoot: string | undefined;
  validation: readonly string[];
  output: string;
  run: string | undefined;
  minutes: number | undefined;
  updates: number | undefined;
  learningRate: number;
  batch: number;
  crop: number;
  labelWeight: number | undefined;
  plan: string | undefined;
  featureWeight: number;
  evaluateEvery: number | undefined;
  restart: boolean;
}

/** Splits off images to choose the best weights by, or reads them. */
async function chooseImages(
  context: CommandContext,
  options: FinetuneOptions,
): Promise<{ readonly training: readonly Sample[]; readonly validation: readonly Sample[] }> {
  const { samples } = await readImages(context, options.data, options.imageRoot);
  if (options.validation.length > 0) {
    const { samples: validation } = await readImages(
      context,
      options.validation,
      options.imageRoot,
    );
    await assertDisjointDatasets({ samples }, { samples: validation });
    return { training: samples, validation };
  }
  return keepValidation(samples, context.seed);
}

function assertLabels({ labelWeight }: FinetuneOptions, training: readonly Sample[]): void {
  const bare = training.find(({ regions }) => regions === undefined);
  if (labelWeight === undefined || !bare) return;
  throw new CliError(
    "unsuitable-data",
    `--label-weight ${labelWeight}: ${bare.imagePath} has no labels; give label files as --data, or leave the option out`,
  );
}

/** `ocrslim finetune MODEL --teacher T --data D -o OUT` */
export const finetune: Command = defineCommand<FinetuneOptions>({
  name: "finetune",
  summary:
    "Trains a pruned detector to give the maps of the original one. Needs no labels; goes on where it was stopped.",
  details: `Examples:
  ocrslim finetune slim.onnx --teacher det.onnx --data images/ -o tuned.onnx
  ocrslim finetune slim.onnx --teacher det.onnx --data train.txt --validation val.txt --minutes 60 -o tuned.onnx`,
  arguments: [
    { syntax: "<model>", description: "The detector to train, such as prune writes it." },
  ],
  options: {
    teacher: {
      flags: "--teacher <model>",
      description: "The detector to learn from, such as the unpruned one.",
      schema: text(),
    },
    ...dataOptions,
    validation: {
      flags: "--validation <path>",
      description:
        "Pictures to choose the best weights by, as --data takes them: by hmean if all have labels, else by agreement with the teacher. Repeatable. Default: a tenth of --data, which is then not trained on.",
      schema: textList(0),
      repeated: true,
    },
    output: outputOption("The trained model."),
    run: {
      flags: "--run <folder>",
      description: "Folder of checkpoints. Default: the output's name and `.training`.",
      schema: optional(text()),
    },
    minutes: {
      flags: "--minutes <count>",
      description: "How long to train. Default: 10, without --updates.",
      schema: optional(numberIn(0.05, 100_000)),
    },
    updates: {
      flags: "--updates <count>",
      description: "How many updates of the weights, whatever time they take.",
      schema: optional(integerIn(1, 10_000_000)),
    },
    learningRate: {
      flags: "--learning-rate <rate>",
      description:
        "Highest learning rate of AdamW; it warms up, and falls in a cosine. Default: 0.0005.",
      schema: withDefault(numberIn(1e-8, 1), FINE_TUNE_DEFAULTS.learningRate),
    },
    batch: {
      flags: "--batch <count>",
      description: "Crops in a batch. Default: 4.",
      schema: withDefault(integerIn(1, 256), FINE_TUNE_DEFAULTS.batchSize),
    },
    crop: {
      flags: "--crop <pixels>",
      description: "Side of the crops, a multiple of 32. Default: 480.",
      schema: withDefault(integerIn(64, 4096), FINE_TUNE_DEFAULTS.cropSize),
    },
    labelWeight: {
      flags: "--label-weight <number>",
      description:
        "Learn from the labels of --data as well, with this weight beside the teacher, such as 0.5. Default: labels are not used.",
      schema: optional(numberIn(1e-6, 1000)),
    },
    plan: {
      flags: "--plan <file>",
      description:
        "The plan that the model was pruned by: then inner features are compared as well. --teacher is the model that was pruned. Default: only maps are.",
      schema: optional(text()),
    },
    featureWeight: {
      flags: "--feature-weight <number>",
      description: "How much the features count, with --plan. Default: 0.5.",
      schema: withDefault(numberIn(1e-6, 1000), FINE_TUNE_DEFAULTS.featureWeight),
    },
    evaluateEvery: {
      flags: "--evaluate-every <count>",
      description:
        "Updates from one evaluation to the next. Default: as many as go through all pictures once.",
      schema: optional(integerIn(1, 10_000_000)),
    },
    restart: {
      flags: "--restart",
      description: "Begin anew even if there is a checkpoint.",
      schema: flag(),
    },
    ...detectionOptions,
  },
  async run(context, args, options) {
    if (options.crop % 32 !== 0) {
      throw new CliError("invalid-option", `--crop ${options.crop}: it must be a multiple of 32`);
    }
    const student = await readModelFile(context, args[0] ?? "");
    const teacher = await readModelFile(context, options.teacher);
    const output = context.path(options.output);
    await assertWritableFile(output);
    const images = await chooseImages(context, options);
    assertLabels(options, images.training);
    const plan =
      options.plan === undefined ? undefined : await readPlan(context.path(options.plan));
    await transform(student.model, simplify());
    // The plan's groups are those of the model as it was pruned.
    if (!plan) await transform(teacher.model, simplify());
    const { training, validation } = images;
    context.note(`${training.length} pictures to train on, ${validation.length} to measure on`);
    const minutes = options.minutes ?? (options.updates === undefined ? 10 : undefined);
    const tuned = await fineTune(context, {
      student: student.model,
      teacher: teacher.model,
      runtime: createRuntimeFor(context),
      detection: toDetectionSettings(options),
      training,
      validation,
      cropSize: options.crop,
      batchSize: options.batch,
      learningRate: options.learningRate,
      ...(options.labelWeight === undefined ? {} : { labelWeight: options.labelWeight }),
      ...(plan === undefined
        ? {}
        : {
            features: {
              weight: options.featureWeight,
              pairs: (prefix) =>
                listFeaturePairs({
                  student: student.model,
                  teacher: teacher.model,
                  prefix,
                  plan,
                  inputShapes: plan.inputShapes,
                }),
            },
          }),
      ...(minutes === undefined ? {} : { minutes }),
      ...(options.updates === undefined ? {} : { updates: options.updates }),
      ...(options.evaluateEvery === undefined ? {} : { evaluateEvery: options.evaluateEvery }),
      folder: context.path(options.run ?? `${options.output}.training`),
      resume: options.restart ? "never" : "auto",
    });
    assertValidModel(tuned.model);
    await writeModel(tuned.model, output);
    const { result, metric, before, after } = tuned;
    const seconds = result.elapsedMs / 1000;
    context.print(
      formatTable(
        [{ title: "" }, { title: metric, align: "right" }],
        [
          ["before", before.toFixed(4)],
          [`after, at update ${tuned.bestUpdate} of ${result.updates}`, after.toFixed(4)],
        ],
      ),
    );
    context.print(
      `\n${formatCount(result.updates)} updates in ${formatDuration(seconds)}; wrote ${options.output}`,
    );
    context.printJson({
      metric,
      before,
      after,
      updates: result.updates,
      bestUpdate: tuned.bestUpdate,
      epochs: result.epochs,
      seconds,
      images: { training: training.length, validation: validation.length },
      evaluations: result.evaluations,
      bytes: (await stat(output)).size,
      file: options.output,
    });
  },
});
