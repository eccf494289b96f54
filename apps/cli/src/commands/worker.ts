import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CliError } from "../cli-error.ts";
import { type Command, defineCommand } from "../command.ts";
import { integerIn, numberIn, optional, text, withDefault } from "../options/option.ts";
import { createRuntimeFor } from "../pipeline/models.ts";
import { createMeasurer } from "../pipeline/sweep/create-measurer.ts";
import { loadQueue } from "../pipeline/sweep/load-queue.ts";
import { openSharedSource } from "../pipeline/sweep/shared-files.ts";
import { openJob } from "../pipeline/sweep/sweep-job.ts";

interface WorkerOptions {
  queue: string;
  shared: string | undefined;
  idle: number | undefined;
  concurrency: number | undefined;
  memory: number;
  lock: number;
}

/** `ocrslim worker --queue redis://…` */
export const worker: Command = defineCommand<WorkerOptions>({
  name: "worker",
  summary: "Measures points of ocrslim sensitivity --queue, until it is stopped.",
  details:
    "Run as many as there are machines. Stopped or killed, its points go to the others. Needs the packages bullmq and ioredis.",
  arguments: [],
  options: {
    queue: {
      flags: "--queue <redis>",
      description: "Address of Redis: redis://host:6379.",
      schema: text(),
    },
    shared: {
      flags: "--shared <folder|url>",
      description:
        "Where the folder that sensitivity shares is on this machine, or its http address. Default: the same paths.",
      schema: optional(text()),
    },
    idle: {
      flags: "--idle <seconds>",
      description: "End after so long without work. Default: never.",
      schema: optional(numberIn(0, 1e9)),
    },
    concurrency: {
      flags: "--concurrency <count>",
      description: "Pictures that are run at the same time. Default: one for each core.",
      schema: optional(integerIn(1, 1024)),
    },
    memory: {
      flags: "--memory <MiB>",
      description:
        "For inner values that are kept; what does not fit is computed again. Default: 1024.",
      schema: withDefault(integerIn(0, 1_000_000), 1024),
    },
    lock: {
      flags: "--lock <seconds>",
      description: "After so long without a sign of life, its points go to others. Default: 15.",
      schema: withDefault(numberIn(0.5, 3600), 15),
    },
  },
  async run(context, _args, options) {
    const { queue, concurrency, idle, lock, memory } = options;
    const limits = {
      memoryLimit: memory * 2 ** 20,
      ...(concurrency === undefined ? {} : { concurrency }),
    };
    const { runWorker } = await loadQueue();
    const isUrl = options.shared !== undefined && /^https?:\/\//.test(options.shared);
    const shared =
      isUrl || options.shared === undefined ? options.shared : context.path(options.shared);
    const cache = isUrl ? await mkdtemp(join(tmpdir(), "ocrslim-worker-")) : "";
    try {
      const source = openSharedSource(shared, cache, context.signal);
      const summary = await runWorker(queue, {
        ...context.runOptions(),
        lockMs: lock * 1000,
        ...(idle === undefined ? {} : { idleMs: idle * 1000 }),
        createMeasurer: async ({ head, job }, runOptions) =>
          createMeasurer(
            await openJob(head, job, source),
            createRuntimeFor(context),
            limits,
            runOptions,
          ),
      });
      context.print(`${summary.measured} points measured, ${summary.failed} failed`);
      context.printJson(summary);
      const [refused] = summary.refused;
      if (refused)
        throw new CliError(
          "unsuitable-data",
          `a sweep was left to other workers: ${refused.reason}`,
        );
    } finally {
      if (isUrl) await rm(cache, { recursive: true, force: true });
    }
  },
});
