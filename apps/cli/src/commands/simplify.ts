import { stat } from "node:fs/promises";
import {
  assertValidModel,
  cloneModel,
  createRandom,
  type Model,
  simplify as simplifyModel,
  transform,
  writeModel,
} from "@ocrslim/graph";
import { type Feeds, randomFeeds } from "@ocrslim/runtime";
import { CliError } from "../cli-error.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { dataOptions, optionalData, outputOption } from "../options/data-options.ts";
import {
  type DetectionFlags,
  detectionOptions,
  toDetectionSettings,
} from "../options/detection-options.ts";
import { numberIn, textList, withDefault } from "../options/option.ts";
import { toInputShapes } from "../options/shape-options.ts";
import { assertWritableFile } from "../output/files.ts";
import { formatBytes } from "../output/numbers.ts";
import { formatTable } from "../output/table.ts";
import { largestDifference, runAll } from "../pipeline/compare-maps.ts";
import { readImages } from "../pipeline/data.ts";
import { loadFeeds } from "../pipeline/detection.ts";
import { createRuntimeFor, readModelFile } from "../pipeline/models.ts";

interface SimplifyOptions extends DetectionFlags {
  output: string;
  data: readonly string[];
  imageRoot: string | undefined;
  inputShape: readonly string[];
  tolerance: number;
}

/** Most pictures that a check runs on. */
const checkedImages = 4;

async function createFeeds(
  context: CommandContext,
  model: Model,
  options: SimplifyOptions,
): Promise<{ feeds: Feeds[]; what: string }> {
  if (options.data.length > 0) {
    const { samples } = await readImages(context, options.data, options.imageRoot);
    const checked = samples.slice(0, checkedImages);
    const feeds = await loadFeeds(model, checked, toDetectionSettings(options), context.signal);
    return { feeds, what: `${feeds.length} images` };
  }
  const random = createRandom(context.seed);
  const shapes = toInputShapes(model, options);
  const feeds = Array.from({ length: 2 }, () => randomFeeds(model, shapes, random));
  return { feeds, what: `${feeds.length} random inputs` };
}

/** `ocrslim simplify MODEL -o OUT` */
export const simplify: Command = defineCommand<SimplifyOptions>({
  name: "simplify",
  summary: "The lossless transforms, checked against the original on pictures or random inputs.",
  arguments: [{ syntax: "<model>", description: "An ONNX file." }],
  options: {
    output: outputOption("The simplified model."),
    data: optionalData,
    imageRoot: dataOptions.imageRoot,
    inputShape: {
      flags: "--input-shape <name:dims>",
      description: "Dims of one input, such as x:1,3,640,640, for random inputs. Repeatable.",
      schema: textList(0),
      repeated: true,
    },
    tolerance: {
      flags: "--tolerance <difference>",
      description: "Largest difference of any output that is accepted, 0 to 1. Default: 0.001.",
      schema: withDefault(numberIn(0, 1), 0.001),
    },
    ...detectionOptions,
  },
  async run(context, args, options) {
    const start = performance.now();
    const file = await readModelFile(context, args[0] ?? "");
    const output = context.path(options.output);
    await assertWritableFile(output);
    const { feeds, what } = await createFeeds(context, file.model, options);
    const simplified = cloneModel(file.model);
    const steps = await transform(simplified, simplifyModel(), context.runOptions());
    assertValidModel(simplified);
    const runtime = createRuntimeFor(context);
    const difference = largestDifference(
      await runAll(runtime, file.model, feeds, context.signal),
      await runAll(runtime, simplified, feeds, context.signal),
    );
    if (difference > options.tolerance) {
      throw new CliError(
        "verification-failed",
        `${file.name}: the simplified model differs by ${difference.toExponential(2)}, more than --tolerance ${options.tolerance}; nothing was written`,
      );
    }
    context.signal?.throwIfAborted();
    await writeModel(simplified, output);
    const before = { nodes: [...file.model.graph.nodes].length, bytes: file.bytes };
    const after = { nodes: [...simplified.graph.nodes].length, bytes: (await stat(output)).size };
    context.print(
      formatTable(
        [{ title: "model" }, { title: "nodes", align: "right" }, { title: "size", align: "right" }],
        [
          [file.name, String(before.nodes), formatBytes(before.bytes)],
          [options.output, String(after.nodes), formatBytes(after.bytes)],
        ],
      ),
    );
    context.print(`largest difference ${difference.toExponential(2)} on ${what}`);
    context.printJson({
      before,
      after,
      largestDifference: difference,
      checkedOn: what,
      counts: steps[0]?.counts ?? {},
      seconds: (performance.now() - start) / 1000,
      file: options.output,
    });
  },
});
