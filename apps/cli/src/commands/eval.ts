import { evaluateDetector } from "@ocrslim/ocr-det";
import { CliError } from "../cli-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { type DataFlags, dataOptions, imagesOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import { formatMetric, formatMilliseconds } from "../output/numbers.ts";
import { formatFacts } from "../output/table.ts";
import { readImages } from "../pipeline/data.ts";
import { withDetector } from "../pipeline/detection.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";

interface EvalOptions extends DetectionFlags, DataFlags {
  images: number | undefined;
}

/** `ocrslim eval MODEL --data LABELS` */
export const evaluate: Command = defineCommand<EvalOptions>({
  name: "eval",
  summary: "Precision, recall and hmean on labelled images, as PaddleOCR computes them.",
  arguments: [{ syntax: "<model>", description: "A text detector, ONNX." }],
  options: {
    ...dataOptions,
    ...detectionOptions,
    images: imagesOption("Only the first so many images. Default: all."),
  },
  async run(context, args, options) {
    const file = await readModelFile(context, args[0] ?? "");
    const data = await readImages(context, options.data, options.imageRoot);
    const unlabelled = data.samples.find((sample) => sample.regions === undefined);
    if (unlabelled) {
      throw new CliError(
        "unsuitable-data",
        `--data ${data.sources.join(", ")}: ${unlabelled.imagePath} has no labels; give a label file, or compare models with compress`,
      );
    }
    const samples = data.samples.slice(0, options.images);
    const report = await withDetector(
      createRuntimeFor(context),
      file.model,
      toDetectionSettings(options),
      (detector) => evaluateDetector(detector, samples, context.runOptions()),
    );
    const { perImage: _, ...metrics } = report;
    const ms = report.millisecondsPerImage;
    context.print(
      formatFacts([
        ["images", String(report.images)],
        ["precision", formatMetric(report.precision)],
        ["recall", formatMetric(report.recall)],
        ["hmean", formatMetric(report.hmean)],
        [
          "boxes",
          `${report.matched} matched, ${report.truthCare} labelled, ${report.predictedCare} found`,
        ],
        [
          "per image",
          `preprocess ${formatMilliseconds(ms.preprocess)}, forward ${formatMilliseconds(ms.forward)}, post-process ${formatMilliseconds(ms.postprocess)}`,
        ],
      ]),
    );
    context.printJson(metrics);
  },
});
