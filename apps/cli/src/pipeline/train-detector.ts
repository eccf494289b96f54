import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { Model } from "@ocrslim/graph";
import {
  createDetectionData,
  type DetectionBatchOptions,
  type DetectionDataOptions,
  type PaddleDetectionPlan,
  type PaddleTrainingSet,
  type Sample,
  writePaddleLabels,
} from "@ocrslim/ocr-det";
import type { Runtime } from "@ocrslim/runtime";
import {
  createOrtEngine,
  createWorkerData,
  exportModel,
  type TrainingData,
  type TrainingEvent,
  type TrainingResult,
  type TrainingState,
  type TrainingStep,
  train,
  type WorkerData,
} from "@ocrslim/train";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command.ts";
import type { DetectionSettings } from "../options/detection-options.ts";
import { formatDuration } from "../output/numbers.ts";
import { compareWithLabels, detectAll, imageInputOf } from "./detection.ts";
import { readSamples } from "./paddle-plan.ts";
import type { TrainingRun } from "./training-run.ts";
import { buildStep, toSchedule } from "./training-setup.ts";

/** How long a run is, and what it uses. */
export interface TrainDetectorOptions {
  readonly runtime: Runtime;
  readonly updates?: number;
  readonly minutes?: number;
  readonly epochs?: number;
  /** Updates from one evaluation to the next. */
  readonly evaluateEvery?: number;
  /** Only the first so many images of the evaluation set. */
  readonly evaluationImages?: number;
  /** Threads that make batches; 0: this one. */
  readonly workers: number;
  readonly resume: "auto" | "never";
}

/** What came of it. */
export interface TrainedDetector {
  readonly step: TrainingStep;
  readonly result: TrainingResult;
  readonly images: { readonly training: number; readonly evaluation: number };
}

/** Trains the detector of a run; a run that was stopped goes on from its last checkpoint. */
export async function trainDetector(
  context: CommandContext,
  run: TrainingRun,
  options: TrainDetectorOptions,
): Promise<TrainedDetector> {
  const { plan, model, microBatch, accumulate } = run;
  const set = trainingSetOf(plan);
  const step = await buildStep(model, plan, { size: set.size, microBatch, accumulate });
  const evaluation = await readEvaluation(context, plan, options.evaluationImages);
  await using data = await openData(context, run, set, step, options.workers);
  const updatesPerEpoch = data.size / set.batchSize;
  const hasLimit = options.updates !== undefined || options.minutes !== undefined;
  const epochs = options.epochs ?? (hasLimit ? undefined : plan.epochs);
  const log = createLog(join(run.folder, "log.jsonl"));
  let latest: TrainingEvent | undefined;
  const evaluateEvery = options.evaluateEvery ?? plan.evaluateEvery;
  const { onProgress } = context.runOptions();
  const result = await train(step, {
    logger: context.logger,
    ...(onProgress ? { onProgress } : {}),
    ...(context.signal ? { signal: context.signal } : {}),
    engine: createOrtEngine({ runtime: options.runtime }),
    data,
    batchSize: microBatch,
    schedule: toSchedule(plan.schedule, { epochs: plan.epochs, updatesPerEpoch }),
    seed: context.seed,
    ...(options.updates === undefined ? {} : { updates: options.updates }),
    ...(options.minutes === undefined ? {} : { minutes: options.minutes }),
    ...(epochs === undefined ? {} : { epochs }),
    ...(evaluateEvery === undefined ? {} : { evaluateEvery }),
    ...(evaluation
      ? {
          evaluate: async (state: TrainingState) => {
            const found = await measure(context, options.runtime, model, step, state, evaluation);
            const update = latest?.update ?? 0;
            log({ kind: "evaluation", update, ...found });
            context.note(describe(found.hmean, latest));
            return { metric: found.hmean, reports: found };
          },
        }
      : {}),
    checkpoint: { folder: run.folder },
    resume: options.resume,
    diagnostics: { runtime: options.runtime },
    onStep: (event) => {
      latest = event;
      if (event.update % LOG_EVERY === 0 || event.update === event.total) {
        log({ kind: "update", ...event });
      }
    },
  });
  return {
    step,
    result,
    images: { training: data.size, evaluation: evaluation?.samples.length ?? 0 },
  };
}

/** Updates from one line of the log to the next, as PaddleOCR's `print_batch_step`. */
const LOG_EVERY = 10;

/** The training part of a plan. @throws CliError `invalid-config` if there is none. */
export function trainingSetOf({ training, form }: PaddleDetectionPlan): PaddleTrainingSet {
  if (training) return training;
  throw new CliError(
    "invalid-config",
    `the config has no ${form === "2.0" ? "Train section" : "TrainReader (Global.reader_yml names its file)"}; training needs one`,
  );
}

/** How batches of a training set are made. */
export function batchOptionsOf(set: PaddleTrainingSet): DetectionBatchOptions {
  const { size, augmentations, targets, normalize, growShrinkRatioOver } = set;
  return {
    size,
    augmentations,
    targets,
    normalize,
    ...(growShrinkRatioOver === undefined ? {} : { growShrinkRatioOver }),
  };
}

type Disposable = TrainingData & AsyncDisposable;

/** Batches for a step, from worker threads or from this one. */
async function openData(
  context: CommandContext,
  { folder, model }: TrainingRun,
  set: PaddleTrainingSet,
  step: TrainingStep,
  workers: number,
): Promise<Disposable> {
  // One label file, in which the images of all sources stand that the run uses: workers read it.
  const labels = join(folder, "train.txt");
  await writePaddleLabels(labels, await readSamples(context, set));
  const options: DetectionDataOptions = { ...batchOptionsOf(set), sources: [labels] };
  const source = workers === 0 ? await createDetectionData(options) : await start(options, workers);
  const input = imageInputOf(model);
  const wanted = new Set(step.batch.map(({ name }) => name));
  return {
    size: source.size,
    ...(source.fingerprint === undefined ? {} : { fingerprint: source.fingerprint }),
    async loadBatch(request) {
      const { x, ...targets } = await source.loadBatch(request);
      const tensors = Object.entries({ ...targets, ...(x ? { [input]: x } : {}) });
      return Object.fromEntries(tensors.filter(([name]) => wanted.has(name)));
    },
    async [Symbol.asyncDispose]() {
      if (Symbol.asyncDispose in source) await source[Symbol.asyncDispose]();
    },
  };
}

function start(options: DetectionDataOptions, workers: number): Promise<WorkerData> {
  const module = import.meta.resolve("@ocrslim/ocr-det");
  return createWorkerData({ module, export: "createDetectionData", options, workers });
}

interface Evaluation {
  readonly samples: readonly Sample[];
  readonly settings: DetectionSettings;
}

async function readEvaluation(
  context: CommandContext,
  { evaluation, postprocess }: PaddleDetectionPlan,
  limit: number | undefined,
): Promise<Evaluation | undefined> {
  if (!evaluation) {
    context.logger.warn("the config has no Eval section: nothing is measured, and nothing is best");
    return undefined;
  }
  const { resize, normalize } = evaluation;
  const samples = (await readSamples(context, evaluation)).slice(0, limit);
  return { samples, settings: { resize, normalize, postprocess } };
}

/** Precision, recall and hmean of a state's inference graph. */
async function measure(
  context: CommandContext,
  runtime: Runtime,
  model: Model,
  step: TrainingStep,
  state: TrainingState,
  { samples, settings }: Evaluation,
): Promise<{ readonly precision: number; readonly recall: number; readonly hmean: number }> {
  const detector = await exportModel(model, step, state, { outputs: [shrinkMapOf(model)] });
  const quiet = context.signal ? { signal: context.signal } : {};
  const found = await detectAll(runtime, detector, settings, samples, quiet);
  const metrics = compareWithLabels(samples, found);
  return {
    precision: metrics?.precision ?? 0,
    recall: metrics?.recall ?? 0,
    hmean: metrics?.hmean ?? 0,
  };
}

/** Name of the output that inference needs: the first. */
export function shrinkMapOf({ graph }: Model): string {
  return graph.outputs[0]?.name ?? "";
}

function describe(hmean: number, latest: TrainingEvent | undefined): string {
  const metric = `hmean ${hmean.toFixed(4)}`;
  if (!latest) return `update 0: ${metric}`;
  const { update, epoch, loss, samplesPerSecond, remainingSeconds } = latest;
  const facts = [
    metric,
    `loss ${loss.toFixed(4)}`,
    `${samplesPerSecond.toFixed(1)} images/s`,
    `${formatDuration(remainingSeconds)} left`,
  ];
  return `update ${update} (epoch ${epoch.toFixed(1)}): ${facts.join(", ")}`;
}

/** Writes JSON lines; at once, so that a killed run has them. */
function createLog(path: string): (entry: object) => void {
  return (entry) => appendFileSync(path, `${JSON.stringify(entry)}\n`);
}
