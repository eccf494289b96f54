import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { computeCost, type Model, writeModel } from "@ocrslim/graph";
import { writePdparams } from "@ocrslim/ocr-det";
import { CliError } from "../cli-error.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { outputOption } from "../options/data-options.ts";
import { flag, oneOf, optional, text } from "../options/option.ts";
import { assertWritableFile } from "../output/files.ts";
import { formatBytes, formatCount } from "../output/numbers.ts";
import { formatFacts } from "../output/table.ts";
import { imageInputOf } from "../pipeline/detection.ts";
import {
  compareWithTraining,
  type ExportedRun,
  exportRun,
  toInferenceModel,
  type WeightName,
  weightNames,
} from "../pipeline/export-run.ts";
import { createRuntimeFor } from "../pipeline/models.ts";
import { readPaddlePlan } from "../pipeline/paddle-plan.ts";
import { buildModel, readRun } from "../pipeline/training-run.ts";

interface ExportOptions {
  output: string;
  weights: WeightName | undefined;
  pretrained: string | undefined;
  training: boolean;
}

/** The graph with its weights: of a run, or of a config and a file of weights. */
async function readSource(
  context: CommandContext,
  run: string | undefined,
  options: ExportOptions,
): Promise<ExportedRun | { readonly training: Model; readonly weights: "given" }> {
  if (run !== undefined) {
    if (options.pretrained !== undefined) {
      throw new CliError("conflicting-options", "give a run or --pretrained, not both");
    }
    return await exportRun(await readRun(context.path(run)), options.weights);
  }
  const plan = await readPaddlePlan(context, { checkFiles: false });
  if (options.pretrained === undefined && plan.pretrained === undefined) {
    throw new CliError(
      "missing-option",
      "there are no weights: name a run, or give a config with -c and .pdparams with --pretrained",
    );
  }
  return { training: await buildModel(context, plan, options.pretrained), weights: "given" };
}

/** `ocrslim export RUN -o OUT` */
export const exportCommand: Command = defineCommand<ExportOptions>({
  name: "export",
  summary:
    "Makes the inference model of a training run, or of a PaddleOCR config and its .pdparams.",
  details: `Examples:
  ocrslim export run/ -o det.onnx
  ocrslim export run/ --training -o det-training.onnx
  ocrslim export run/ -o det.pdparams
  ocrslim export -c det_mv3_db.yml --pretrained best_accuracy.pdparams -o det.onnx`,
  arguments: [{ syntax: "[run]", description: "Folder that train wrote." }],
  options: {
    output: outputOption("The model, .onnx; or its weights for PaddleOCR, .pdparams."),
    weights: {
      flags: "--weights <name>",
      description: "best (by hmean) or last. Default: best, and last where nothing was measured.",
      schema: optional(oneOf(weightNames)),
    },
    pretrained: {
      flags: "--pretrained <file>",
      description: "Without a run: .pdparams of the architecture that -c says.",
      schema: optional(text()),
    },
    training: {
      flags: "--training",
      description:
        "Keep all maps and the batch normalizations: a graph that can be pruned and trained on.",
      schema: flag(),
    },
  },
  async run(context, args, options) {
    const output = context.path(options.output);
    const ending = extname(output).toLowerCase();
    if (ending !== ".onnx" && ending !== ".pdparams") {
      throw new CliError(
        "invalid-option",
        `-o ${options.output}: it must end in .onnx or .pdparams`,
      );
    }
    await assertWritableFile(output);
    const source = await readSource(context, args[0], options);
    const { training } = source;
    const isInference = ending === ".onnx" && !options.training;
    const model = isInference ? await toInferenceModel(context, training) : training;
    const difference = isInference
      ? await compareWithTraining(createRuntimeFor(context), training, model, context.seed)
      : undefined;
    context.signal?.throwIfAborted();
    await (ending === ".onnx" ? writeModel(model, output) : writePdparams(model, output));
    const inputShapes = { [imageInputOf(model)]: [1, 3, 640, 640] };
    const { macs, parameters } = computeCost(model, { inputShapes });
    const bytes = (await stat(output)).size;
    const maps = model.graph.outputs.map(({ name }) => name);
    context.print(
      formatFacts([
        ["weights", describeWeights(source)],
        ["maps", maps.join(", ")],
        ["parameters", formatCount(parameters)],
        ["MACs at 640 × 640", formatCount(macs)],
        ["size", formatBytes(bytes)],
        ...(difference === undefined
          ? []
          : [["difference to the training graph", difference.toExponential(1)] as const]),
      ]),
    );
    context.print(`\nwrote ${options.output}`);
    const { training: _, ...facts } = source;
    context.printJson({
      ...facts,
      maps,
      macs,
      parameters,
      bytes,
      ...(difference === undefined ? {} : { difference }),
      file: options.output,
    });
  },
});

function describeWeights(source: Awaited<ReturnType<typeof readSource>>): string {
  if (source.weights === "given") return "as given";
  const metric = source.metric === undefined ? "" : `, hmean ${source.metric.toFixed(4)}`;
  return `${source.weights}: update ${source.update}${metric}`;
}
