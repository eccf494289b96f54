import { readFile, rm, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { assertValidModel, type Model, readModel, writeModel } from "@ocrslim/graph";
import {
  buildDbDetector,
  loadPaddleWeights,
  type PaddleDetectionPlan,
  readPdparams,
} from "@ocrslim/ocr-det";
import { z } from "zod";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command.ts";
import { writeJson } from "../output/files.ts";
import { fingerprint } from "./fingerprint.ts";

/** What stands in a run's folder beside its checkpoints. */
export interface TrainingRun {
  readonly folder: string;
  /** The graph that is trained, with the weights that it began with. */
  readonly model: Model;
  readonly plan: PaddleDetectionPlan;
  /** Images of one step, and steps of one update. */
  readonly microBatch: number;
  readonly accumulate: number;
}

/** `config.json` of a run. */
interface RunFile {
  readonly formatVersion: 1;
  /** Of what must be the same when the run goes on. */
  readonly identity: string;
  readonly microBatch: number;
  readonly accumulate: number;
  readonly begunFrom: string;
  readonly seed: number;
  readonly plan: PaddleDetectionPlan;
}

/** Only what is looked at before the plan is trusted; it was written by `train`. */
const runFileSchema = z.looseObject({
  formatVersion: z.literal(1),
  identity: z.string(),
  microBatch: z.int().min(1),
  accumulate: z.int().min(1),
  plan: z.looseObject({ training: z.looseObject({ size: z.int().min(32) }) }),
});

const configFile = (folder: string): string => join(folder, "config.json");
const modelFile = (folder: string): string => join(folder, "model.onnx");

/** Most pixels of a step: memory grows with them, by gigabytes. */
const STEP_PIXELS = 4 * 640 * 640;

/** The greatest divisor of the batch whose images a step can hold. */
export function chooseMicroBatch(batchSize: number, size: number): number {
  const most = Math.max(1, Math.floor(STEP_PIXELS / (size * size)));
  let best = 1;
  for (let count = 1; count <= Math.min(batchSize, most); count++) {
    if (batchSize % count === 0) best = count;
  }
  return best;
}

/** What a run is begun with. */
export interface BeginOptions {
  readonly plan: PaddleDetectionPlan;
  readonly folder: string;
  readonly microBatch: number;
  readonly accumulate: number;
  /** `.pdparams` or `.onnx`; wins over the config's. */
  readonly pretrained: string | undefined;
  readonly restart: boolean;
}

/**
 * Opens a run's folder: a new one gets the graph and the settings, one that is there must be of the
 * same run.
 * @throws CliError `conflicting-options` if it is of another run.
 */
export async function openRun(
  context: CommandContext,
  options: BeginOptions,
): Promise<TrainingRun> {
  const { plan, folder, microBatch, accumulate } = options;
  const begunFrom = options.pretrained ?? plan.pretrained ?? "random weights";
  const { detector, loss, optimizer, training, emaDecay } = plan;
  const identity = fingerprint([
    ...[detector, loss, optimizer, training, emaDecay ?? null],
    ...[begunFrom, microBatch, accumulate, context.seed],
  ]);
  const before = options.restart ? undefined : await readRunFile(folder);
  if (before) {
    if (before.identity !== identity) {
      throw new CliError(
        "conflicting-options",
        `${folder}: holds a run with other settings; give the same ones to go on, --restart to begin anew, or another folder with -o`,
      );
    }
  } else {
    await writeModel(await buildModel(context, plan, options.pretrained), modelFile(folder));
    await rm(join(folder, "log.jsonl"), { force: true });
    const file: RunFile = {
      formatVersion: 1,
      identity,
      microBatch,
      accumulate,
      begunFrom,
      seed: context.seed,
      plan,
    };
    await writeJson(configFile(folder), file);
  }
  // Read even if it was just made: numbers are rounded in a file, and a run must go on to the same bits.
  return { folder, model: await readModel(modelFile(folder)), plan, microBatch, accumulate };
}

/** Opens the folder of a run that `train` made. @throws CliError `missing-file`, `invalid-config`. */
export async function readRun(folder: string): Promise<TrainingRun> {
  const file = await readRunFile(folder);
  if (!file) {
    throw new CliError(
      "missing-file",
      `${folder}: has no config.json; give the folder that train wrote with -o`,
    );
  }
  const { plan, microBatch, accumulate } = file;
  return { folder, model: await readModel(modelFile(folder)), plan, microBatch, accumulate };
}

async function readRunFile(folder: string): Promise<RunFile | undefined> {
  const path = configFile(folder);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new CliError("invalid-config", `${path}: is not JSON; train again with --restart`, {
      cause: error,
    });
  }
  const result = runFileSchema.safeParse(parsed);
  if (result.success) return parsed as RunFile;
  const [issue] = result.error.issues;
  throw new CliError(
    "invalid-config",
    `${path}: ${issue?.path.join(".")}: ${issue?.message}; train again with --restart`,
  );
}

/** The training graph, with new weights or with given ones. */
export async function buildModel(
  context: CommandContext,
  plan: PaddleDetectionPlan,
  pretrained: string | undefined,
): Promise<Model> {
  const path =
    pretrained === undefined ? await findConfigured(plan.pretrained) : context.path(pretrained);
  if (path !== undefined && extname(path) === ".onnx") return await readTrainable(path);
  const model = buildDbDetector({ ...plan.detector, seed: context.seed });
  if (path !== undefined) loadPaddleWeights(model, await readPdparams(path));
  return model;
}

/** The file of `Global.pretrained_model`, which PaddleOCR names without its ending. */
async function findConfigured(configured: string | undefined): Promise<string | undefined> {
  if (configured === undefined) return undefined;
  for (const path of [configured, `${configured}.pdparams`]) {
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  throw new CliError(
    "missing-file",
    `Global.pretrained_model: there is no file ${configured}(.pdparams); give one with --pretrained, or begin with random weights: -o Global.pretrained_model=`,
  );
}

/** A graph with the shrink map, or with it and the two others. */
async function readTrainable(path: string): Promise<Model> {
  const model = await readModel(path);
  assertValidModel(model);
  const count = model.graph.outputs.length;
  if (count === 1 || count === 3) return model;
  throw new CliError(
    "unsuitable-model",
    `${path}: has ${count} outputs; give a graph with the shrink map, or with the shrink, threshold and binary maps`,
  );
}
