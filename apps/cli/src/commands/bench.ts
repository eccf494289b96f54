import { LATENCY_DEFAULTS, measureLatency } from "@ocrslim/runtime";
import { CliError } from "../cli-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { integerIn, withDefault } from "../options/option.ts";
import { type ShapeFlags, shapeOptions, toInputShapes } from "../options/shape-options.ts";
import { formatMilliseconds, formatRatio } from "../output/numbers.ts";
import { formatTable } from "../output/table.ts";
import { createRuntimeFor, type ModelFile, readModelFile } from "../pipeline/models.ts";

interface BenchOptions extends ShapeFlags {
  runs: number;
  warmup: number;
}

/** `ocrslim bench A [B]` */
export const bench: Command = defineCommand<BenchOptions>({
  name: "bench",
  summary: "Times one model, or two in turns: median, 95th percentile, ratio.",
  arguments: [
    { syntax: "<model>", description: "An ONNX file." },
    { syntax: "[other]", description: "Another one, to compare with it." },
  ],
  options: {
    ...shapeOptions,
    runs: {
      flags: "--runs <count>",
      description: `Timed runs of each model. Default: ${LATENCY_DEFAULTS.runs}.`,
      schema: withDefault(integerIn(1, 100_000), LATENCY_DEFAULTS.runs),
    },
    warmup: {
      flags: "--warmup <count>",
      description: `Runs before that are not timed. Default: ${LATENCY_DEFAULTS.warmup}.`,
      schema: withDefault(integerIn(0, 100_000), LATENCY_DEFAULTS.warmup),
    },
  },
  async run(context, args, options) {
    const files: ModelFile[] = [];
    for (const name of args) files.push(await readModelFile(context, name));
    const shapes = files.map((file) => toInputShapes(file.model, options));
    const [first, second] = shapes.map((shape) => JSON.stringify(Object.entries(shape).toSorted()));
    if (second !== undefined && first !== second) {
      throw new CliError(
        "conflicting-options",
        `the models take different inputs, ${first} and ${second}; their times cannot be compared`,
      );
    }
    const latency = await measureLatency(
      createRuntimeFor(context),
      files.map((file) => file.model),
      {
        ...context.runOptions(),
        inputShapes: shapes[0] ?? {},
        runs: options.runs,
        warmup: options.warmup,
      },
    );
    const threads = latency.threads ?? "default";
    context.print(`input ${latency.inputShape.join(" × ")}, threads ${threads}`);
    context.print(
      formatTable(
        [
          { title: "model" },
          { title: "median", align: "right" },
          { title: "p95", align: "right" },
          { title: "ratio", align: "right" },
        ],
        latency.models.map((model, index) => [
          files[index]?.name ?? "",
          formatMilliseconds(model.medianMs),
          formatMilliseconds(model.p95Ms),
          index === 0 || latency.ratio === undefined ? "" : formatRatio(latency.ratio),
        ]),
      ),
    );
    context.printJson({
      inputShape: latency.inputShape,
      threads: latency.threads ?? null,
      runs: options.runs,
      models: latency.models.map((model, index) => ({
        path: files[index]?.name,
        medianMs: model.medianMs,
        p95Ms: model.p95Ms,
        meanMs: model.meanMs,
        minMs: model.minMs,
      })),
      ...(latency.ratio === undefined ? {} : { ratio: latency.ratio }),
    });
  },
});
