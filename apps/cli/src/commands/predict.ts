import { basename, extname, join } from "node:path";
import { type Detection, decodeImage, drawDetections, writeImage } from "@ocrslim/ocr-det";
import { CliError } from "../cli-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { dataOptions, imagesOption, optionalData, outputOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import { createOutputFolder, writeFileAtomically } from "../output/files.ts";
import { readImages } from "../pipeline/data.ts";
import { withDetector } from "../pipeline/detection.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";

interface PredictOptions extends DetectionFlags {
  output: string;
  data: readonly string[];
  imageRoot: string | undefined;
  images: number | undefined;
}

/** One line of PaddleOCR's result file. */
export function formatResultLine(path: string, detections: readonly Detection[]): string {
  const boxes = detections.map(({ points, score }) => ({ transcription: "", points, score }));
  return `${path}\t${JSON.stringify(boxes)}`;
}

/** A picture's name in the output folder: its own, with a number if that is taken. */
function uniqueName(imagePath: string, taken: Set<string>): string {
  const extension = extname(imagePath);
  const stem = basename(imagePath, extension);
  for (let number = 1; ; number++) {
    const name = `${stem}${number === 1 ? "" : `-${number}`}.jpg`;
    if (!taken.has(name)) {
      taken.add(name);
      return name;
    }
  }
}

/** `ocrslim predict MODEL IMAGES… -o DIR` */
export const predict: Command = defineCommand<PredictOptions>({
  name: "predict",
  summary: "Finds text: result lines as PaddleOCR writes them, and pictures with the boxes.",
  details: "Writes predictions.txt and pictures/ into the output folder.",
  arguments: [
    { syntax: "<model>", description: "A text detector, ONNX." },
    { syntax: "[images...]", description: "Pictures, folders of pictures, or label files." },
  ],
  options: {
    output: outputOption("Folder for the results; created if it is not there."),
    data: optionalData,
    imageRoot: dataOptions.imageRoot,
    ...detectionOptions,
    images: imagesOption("Only the first so many images. Default: all."),
  },
  async run(context, args, options) {
    const [modelName = "", ...imageNames] = args;
    const sources = imageNames.length > 0 ? imageNames : options.data;
    if (sources.length === 0) {
      throw new CliError("missing-option", "no images: name pictures or folders after the model");
    }
    const file = await readModelFile(context, modelName);
    const { samples: all } = await readImages(context, sources, options.imageRoot);
    const samples = all.slice(0, options.images);
    const folder = await createOutputFolder(context.path(options.output));
    const pictures = await createOutputFolder(join(folder.path, "pictures"));
    const { onProgress } = context.progress;
    const lines: string[] = [];
    const documents: unknown[] = [];
    try {
      await withDetector(
        createRuntimeFor(context),
        file.model,
        toDetectionSettings(options),
        async (detector) => {
          const taken = new Set<string>();
          const total = samples.length;
          onProgress({ kind: "start", task: "predict", total, unit: "images" });
          for (const sample of samples) {
            context.signal?.throwIfAborted();
            const image = await decodeImage(sample.imagePath);
            const { detections } = await detector.detect(image);
            const picture = join("pictures", uniqueName(sample.imagePath, taken));
            await writeImage(join(folder.path, picture), drawDetections(image, detections));
            lines.push(formatResultLine(sample.imagePath, detections));
            documents.push({ path: sample.imagePath, picture, detections });
            onProgress({ kind: "advance", task: "predict", done: lines.length, total });
          }
          onProgress({ kind: "end", task: "predict" });
        },
      );
      const results = join(folder.path, "predictions.txt");
      await writeFileAtomically(results, `${lines.join("\n")}\n`);
    } catch (error) {
      await pictures.discardEmpty();
      await folder.discardEmpty();
      throw error;
    }
    const boxes = lines.length;
    context.print(`${boxes} images → ${join(options.output, "predictions.txt")} and pictures/`);
    context.printJson({
      folder: options.output,
      results: join(options.output, "predictions.txt"),
      images: documents,
    });
  },
});
