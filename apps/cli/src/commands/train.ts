import { CliError } from "../cli-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { outputOption } from "../options/data-options.ts";
import { flag, integerIn, numberIn, optional, text, withDefault } from "../options/option.ts";
import { createOutputFolder } from "../output/files.ts";
import { formatCount, formatDuration } from "../output/numbers.ts";
import { formatFacts } from "../output/table.ts";
import { createRuntimeFor } from "../pipeline/models.ts";
import { readPaddlePlan } from "../pipeline/paddle-plan.ts";
import { trainDetector, trainingSetOf } from "../pipeline/train-detector.ts";
import { chooseMicroBatch, openRun } from "../pipeline/training-run.ts";

interface TrainOptions {
  output: string;
  pretrained: string | undefined;
  minutes: number | undefined;
  updates: number | undefined;
  epochs: number | undefined;
  microBatch: number | undefined;
  evaluateEvery: number | undefined;
  images: number | undefined;
  workers: number;
  restart: boolean;
}

/** `ocrslim train --config YAML -o RUNDIR` */
export const trainCommand: Command = defineCommand<TrainOptions>({
  name: "train",
  summary:
    "Trains a detector as one of PaddleOCR's detection configs says. Goes on where it was stopped.",
  details: `Examples:
  ocrslim train -c configs/det/det_mv3_db.yml -o Global.pretrained_model= -o run/
  ocrslim train -c det.yml --pretrained best_accuracy.pdparams --minutes 60 -o run/
  ocrslim train -c det.yml --pretrained pruned.onnx -o Optimizer.lr.learning_rate=0.0001 -o run/

Paths in a config start from the working folder, as PaddleOCR's do. The run folder gets config.json,
model.onnx (the graph that is trained), last.ckpt, best.ckpt and log.jsonl; export makes models of it.`,
  arguments: [],
  options: {
    output: outputOption("Folder of the run."),
    pretrained: {
      flags: "--pretrained <file>",
      description:
        "Weights to begin with: .pdparams of the config's architecture, or an .onnx training graph, such as a pruned one. Default: the config's Global.pretrained_model.",
      schema: optional(text()),
    },
    minutes: {
      flags: "--minutes <count>",
      description: "How long to train.",
      schema: optional(numberIn(0.05, 100_000)),
    },
    updates: {
      flags: "--updates <count>",
      description: "How many updates of the weights.",
      schema: optional(integerIn(1, 100_000_000)),
    },
    epochs: {
      flags: "--epochs <count>",
      description:
        "How many passes over the training set. Default: the config's epoch_num, without --updates and --minutes.",
      schema: optional(numberIn(0.001, 1_000_000)),
    },
    microBatch: {
      flags: "--micro-batch <count>",
      description:
        "Images of one step, a divisor of the config's batch; several steps make an update. Default: at most the pixels of 4 images of 640 × 640.",
      schema: optional(integerIn(1, 1024)),
    },
    evaluateEvery: {
      flags: "--evaluate-every <count>",
      description:
        "Updates from one evaluation to the next. Default: the config's eval_batch_step.",
      schema: optional(integerIn(1, 100_000_000)),
    },
    images: {
      flags: "--images <count>",
      description: "Only the first so many images of the config's Eval set. Default: all.",
      schema: optional(integerIn(1, 1_000_000)),
    },
    workers: {
      flags: "--workers <count>",
      description: "Threads that make batches; 0: none of their own. Default: 1.",
      schema: withDefault(integerIn(0, 256), 1),
    },
    restart: {
      flags: "--restart",
      description: "Begin anew even if the folder holds a run.",
      schema: flag(),
    },
  },
  async run(context, _args, options) {
    const plan = await readPaddlePlan(context, { checkFiles: true });
    const { batchSize, size } = trainingSetOf(plan);
    const microBatch = options.microBatch ?? chooseMicroBatch(batchSize, size);
    if (batchSize % microBatch !== 0) {
      throw new CliError(
        "invalid-option",
        `--micro-batch ${microBatch}: it must divide the batch of ${batchSize}; change that with -o Train.loader.batch_size_per_card=`,
      );
    }
    const folder = await createOutputFolder(context.path(options.output));
    try {
      const run = await openRun(context, {
        plan,
        folder: folder.path,
        microBatch,
        accumulate: batchSize / microBatch,
        pretrained: options.pretrained,
        restart: options.restart,
      });
      const { updates, minutes, epochs, evaluateEvery, images } = options;
      const trained = await trainDetector(context, run, {
        runtime: createRuntimeFor(context),
        ...(updates === undefined ? {} : { updates }),
        ...(minutes === undefined ? {} : { minutes }),
        ...(epochs === undefined ? {} : { epochs }),
        ...(evaluateEvery === undefined ? {} : { evaluateEvery }),
        ...(images === undefined ? {} : { evaluationImages: images }),
        workers: options.workers,
        resume: options.restart ? "never" : "auto",
      });
      const { result } = trained;
      const { best } = result;
      context.print(
        formatFacts([
          [
            "images",
            `${trained.images.training} to train on, ${trained.images.evaluation} to measure on`,
          ],
          ["updates", `${formatCount(result.updates)}, ${result.epochs.toFixed(1)} epochs`],
          ["time", formatDuration(result.elapsedMs / 1000)],
          [
            "best hmean",
            best ? `${best.metric.toFixed(4)} at update ${best.update}` : "not measured",
          ],
        ]),
      );
      context.print(`\nwrote ${options.output}; ocrslim export makes models of it`);
      context.printJson({
        metric: "hmean",
        ...(best ? { best: { update: best.update, ...best.reports } } : {}),
        updates: result.updates,
        epochs: result.epochs,
        resumedFrom: result.resumedFrom,
        seconds: result.elapsedMs / 1000,
        images: trained.images,
        evaluations: result.evaluations,
        unknownKeys: plan.unknown,
        folder: options.output,
      });
    } finally {
      await folder.discardEmpty();
    }
  },
});
