import { stat } from "node:fs/promises";
import { join } from "node:path";
import {
  assertValidModel,
  cloneModel,
  createRandom,
  type Model,
  simplify,
  transform,
} from "@ocrslim/graph";
import { type Runtime, randomFeeds } from "@ocrslim/runtime";
import { type Checkpoint, exportModel, readCheckpoint } from "@ocrslim/train";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command.ts";
import { imageInputOf } from "./detection.ts";
import { shrinkMapOf, trainingSetOf } from "./train-detector.ts";
import type { TrainingRun } from "./training-run.ts";
import { buildStep } from "./training-setup.ts";

/** Which weights of a run: those of the best evaluation, or of the last update. */
export const weightNames = ["best", "last"] as const;
export type WeightName = (typeof weightNames)[number];

/** A run's graph with trained weights. */
export interface ExportedRun {
  /** All maps, with batch normalizations as nodes of their own. */
  readonly training: Model;
  readonly weights: WeightName;
  /** Updates that the weights have seen, and what was measured then. */
  readonly update: number;
  readonly metric?: number;
}

/** Puts a run's weights into its graph. @throws CliError `missing-file` if there are none. */
export async function exportRun(
  run: TrainingRun,
  wanted: WeightName | undefined,
): Promise<ExportedRun> {
  const { weights, checkpoint } = await readWeights(run.folder, wanted);
  const { plan, model, microBatch, accumulate } = run;
  const { size } = trainingSetOf(plan);
  const step = await buildStep(model, plan, { size, microBatch, accumulate });
  const training = await exportModel(model, step, checkpoint.state, {
    foldBatchNormalization: false,
  });
  const { updates, best, evaluations } = checkpoint.progress;
  const metric =
    weights === "best"
      ? best?.metric
      : evaluations.find(({ update }) => update === updates)?.metric;
  return { training, weights, update: updates, ...(metric === undefined ? {} : { metric }) };
}

async function readWeights(
  folder: string,
  wanted: WeightName | undefined,
): Promise<{ readonly weights: WeightName; readonly checkpoint: Checkpoint }> {
  const candidates = wanted === undefined ? weightNames : [wanted];
  for (const weights of candidates) {
    const file = join(folder, `${weights}.ckpt`);
    const found = await stat(file).catch(() => undefined);
    if (found) return { weights, checkpoint: await readCheckpoint(file) };
  }
  throw new CliError(
    "missing-file",
    `${folder}: has no ${candidates.map((name) => `${name}.ckpt`).join(" and no ")}; train has not come to a checkpoint yet`,
  );
}

/** The graph for inference: the shrink map alone, batch normalizations folded. */
export async function toInferenceModel(context: CommandContext, training: Model): Promise<Model> {
  const inference = cloneModel(training);
  inference.graph.setOutputs(inference.graph.outputs.slice(0, 1));
  await transform(inference, simplify(), context.runOptions());
  assertValidModel(inference);
  return inference;
}

/** Greatest difference between two graphs' shrink maps that rounding explains. */
const TOLERANCE = 1e-4;

/** Compares a model's map with that of the training graph. @throws CliError `verification-failed`. */
export async function compareWithTraining(
  runtime: Runtime,
  training: Model,
  inference: Model,
  seed: number,
): Promise<number> {
  const shapes = { [imageInputOf(training)]: [1, 3, 224, 320] };
  const feeds = randomFeeds(training, shapes, createRandom(seed));
  const run = async (model: Model): Promise<Float32Array> => {
    await using session = await runtime.load(model);
    const name = shrinkMapOf(model);
    const fetched = await session.run(feeds, [name]);
    return fetched[name]?.data as Float32Array;
  };
  const wanted = await run(training);
  const got = await run(inference);
  let most = got.length === wanted.length ? 0 : Number.POSITIVE_INFINITY;
  wanted.forEach((value, index) => {
    const gap = Math.abs(value - (got[index] ?? Number.NaN));
    if (!(gap <= most)) most = gap;
  });
  if (most <= TOLERANCE) return most;
  throw new CliError(
    "verification-failed",
    `the inference graph's map differs from the training graph's by ${most}, more than ${TOLERANCE}; nothing was written`,
  );
}
