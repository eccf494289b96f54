import { createRandom, type Model } from "@ocrslim/graph";
import {
  computeAgreement,
  createPageSource,
  detectionBatches,
  type PageSource,
  type Sample,
  type Teacher,
  trainingCrop,
} from "@ocrslim/ocr-det";
import type { Runtime, Session } from "@ocrslim/runtime";
import {
  adamW,
  type Batch,
  buildTrainingStep,
  clipByNorm,
  cosineRate,
  createOrtEngine,
  dbLoss,
  distillation,
  exportModel,
  type FeaturePair,
  featureDistillation,
  findParameters,
  joinModels,
  type Loss,
  type TrainingData,
  type TrainingEvent,
  type TrainingResult,
  type TrainingState,
  type TrainingStep,
  train,
  weightedSum,
} from "@ocrslim/train";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command.ts";
import type { DetectionSettings } from "../options/detection-options.ts";
import { compareWithLabels, detectAll, imageInputOf } from "./detection.ts";
import { fingerprint } from "./fingerprint.ts";

/** How a model is fine-tuned. */
export interface FineTuneSettings {
  readonly student: Model;
  readonly teacher: Model;
  readonly runtime: Runtime;
  readonly detection: DetectionSettings;
  /** Images to learn from; their labels count only with `labelWeight`. */
  readonly training: readonly Sample[];
  /** Images to choose the best weights by: none of those above. */
  readonly validation: readonly Sample[];
  readonly cropSize: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /**
   * How much the loss against labels counts beside the teacher, above 0; all training images need
   * labels then, and are augmented as for training from scratch. Default: labels are not used.
   */
  readonly labelWeight?: number;
  /** Inner values that are compared as well, and how much that counts, above 0. Default: none. */
  readonly features?: {
    readonly pairs: (prefix: string) => readonly FeaturePair[];
    readonly weight: number;
  };
  readonly minutes?: number;
  readonly updates?: number;
  /** Updates from one evaluation to the next. */
  readonly evaluateEvery?: number;
  /** Where checkpoints go; a run that was stopped goes on from there. */
  readonly folder?: string;
  readonly resume?: "auto" | "never";
}

/** What works without thought for detectors of PP-OCR's size. */
export const FINE_TUNE_DEFAULTS = {
  cropSize: 480,
  batchSize: 4,
  learningRate: 5e-4,
  featureWeight: 0.5,
} as const;

/** What came of it. */
export interface FineTuned {
  /** With the weights that did best on the validation images. */
  readonly model: Model;
  /** What the metric is: `hmean` where all validation images have labels. */
  readonly metric: "hmean" | "agreement";
  /** Before the first update, and of the best weights. */
  readonly before: number;
  readonly after: number;
  readonly bestUpdate: number;
  readonly result: TrainingResult;
}

/** Decay of the average of weights: about the last hundred updates count. */
const EMA_DECAY = 0.99;

/** Until the learning rate is full: the optimizer's averages are of few gradients at first. */
const WARM_UP = { fraction: 0.05 } as const;

/** Makes a smaller detector give the maps of a larger one, by training on crops of images. */
export async function fineTune(
  context: CommandContext,
  settings: FineTuneSettings,
): Promise<FineTuned> {
  const { student, runtime, cropSize, batchSize, learningRate } = settings;
  const input = imageInputOf(student);
  const isJoined = settings.labelWeight !== undefined || settings.features !== undefined;
  const step = await buildTrainingStep(
    isJoined ? await joinModels(student, { [TEACHER]: settings.teacher }) : student,
    {
      inputShapes: { [input]: [batchSize, 3, cropSize, cropSize] },
      loss: isJoined ? jointLoss(settings) : distillation(),
      // The teacher's stay as they are.
      ...(isJoined ? { parameters: findParameters(student).map(({ name }) => name) } : {}),
      optimizer: adamW({ weightDecay: 0 }),
      clip: clipByNorm(1),
      emaDecay: EMA_DECAY,
    },
  );
  await using teacher = await runtime.load(settings.teacher);
  const data =
    settings.labelWeight === undefined
      ? await cropData(context, settings, step, teacher)
      : labelledData(settings, step);
  const measure = await createMeasure(context, settings);
  let latest: TrainingEvent | undefined;
  const run = context.runOptions();
  const result = await train(step, {
    logger: context.logger,
    ...(run.onProgress ? { onProgress: run.onProgress } : {}),
    ...(context.signal ? { signal: context.signal } : {}),
    engine: createOrtEngine({ runtime }),
    data,
    batchSize,
    schedule: cosineRate({ learningRate, warmUp: WARM_UP, final: 0.02 * learningRate }),
    seed: context.seed,
    ...(settings.minutes === undefined ? {} : { minutes: settings.minutes }),
    ...(settings.updates === undefined ? {} : { updates: settings.updates }),
    ...(settings.evaluateEvery === undefined ? {} : { evaluateEvery: settings.evaluateEvery }),
    evaluate: async (state) => {
      const metric = await measure.of(step, state);
      const loss = latest ? `, loss ${latest.loss.toFixed(4)}` : "";
      context.note(`update ${latest?.update ?? 0}: ${measure.name} ${metric.toFixed(4)}${loss}`);
      return { metric };
    },
    evaluateFirst: true,
    ...(settings.folder === undefined ? {} : { checkpoint: { folder: settings.folder } }),
    resume: settings.resume ?? "auto",
    diagnostics: { runtime },
    onStep: (event) => {
      latest = event;
    },
  });
  const best = result.best;
  return {
    model: await exportModel(student, step, best?.state ?? result.state),
    metric: measure.name,
    before: result.evaluations[0]?.metric ?? Number.NaN,
    after: best?.metric ?? Number.NaN,
    bestUpdate: best?.update ?? result.updates,
    result,
  };
}

/** Decodes the pages and shows them to the teacher once, so that training need not wait for it. */
async function readAhead(context: CommandContext, pages: PageSource): Promise<void> {
  const { onProgress } = context.runOptions();
  const task = "see pages";
  onProgress?.({ kind: "start", task, total: pages.size, unit: "pages" });
  for (let index = 0; index < pages.size; index++) {
    context.signal?.throwIfAborted();
    await pages.page(index);
    onProgress?.({ kind: "advance", task, done: index + 1, total: pages.size, unit: "pages" });
  }
  onProgress?.({ kind: "end", task });
}

/** Pages that the teacher has seen, so that it runs once for a page and not once for each crop. */
async function seePages(
  context: CommandContext,
  { teacher: model, training, detection }: FineTuneSettings,
  teacher: Session,
): Promise<PageSource> {
  const input = imageInputOf(model);
  const see: Teacher = async (image) => {
    const [map] = Object.values(await teacher.run({ [input]: image }));
    if (map) return map;
    throw new CliError("unsuitable-model", "the teacher has no output; take a text detector");
  };
  const pages = createPageSource(training, {
    resize: detection.resize,
    normalize: detection.normalize,
    teacher: see,
  });
  await readAhead(context, pages);
  return pages;
}

/** Batches of crops and, unless the teacher stands in the step itself, of its maps of them. */
async function cropData(
  context: CommandContext,
  settings: FineTuneSettings,
  step: TrainingStep,
  teacher: Session,
): Promise<TrainingData> {
  const { student, training, detection, cropSize, batchSize } = settings;
  const { resize, normalize } = detection;
  const pages = await seePages(context, settings, teacher);
  const input = imageInputOf(student);
  const plane = cropSize * cropSize;
  return {
    size: training.length,
    fingerprint: fingerprint([training.map(({ id }) => id), resize, normalize, cropSize]),
    async loadBatch({ samples, seed }) {
      const random = createRandom(seed);
      const images = new Float32Array(batchSize * 3 * plane);
      const maps = new Float32Array(batchSize * plane);
      for (const [index, sample] of samples.entries()) {
        const page = await pages.page(sample);
        const crop = trainingCrop(page, { size: cropSize, random, normalize });
        images.set(crop.image, index * 3 * plane);
        if (crop.map) maps.set(crop.map, index * plane);
      }
      return onlyInputs(step, {
        [input]: { dtype: "float32", dims: [batchSize, 3, cropSize, cropSize], data: images },
        teacher: { dtype: "float32", dims: [batchSize, 1, cropSize, cropSize], data: maps },
      });
    },
  };
}

/** Batches of augmented crops with the maps that their labels make. */
function labelledData(
  { student, training, detection, cropSize }: FineTuneSettings,
  step: TrainingStep,
): TrainingData {
  const input = imageInputOf(student);
  const batches = detectionBatches(training, { size: cropSize, normalize: detection.normalize });
  return {
    size: batches.size,
    fingerprint: batches.fingerprint,
    async loadBatch(request) {
      const { x, ...targets } = await batches.loadBatch(request);
      return onlyInputs(step, { [input]: x, ...targets });
    },
  };
}

/** The tensors that the step takes. */
function onlyInputs(step: TrainingStep, tensors: Batch): Batch {
  const wanted = new Set(step.batch.map(({ name }) => name));
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => wanted.has(name)));
}

/** Name that the teacher's values stand behind where it is computed in the step. */
const TEACHER = "teacher";

/** The teacher's map, its features and the labels, as far as they are asked for. */
function jointLoss({ student, teacher, labelWeight, features }: FineTuneSettings): Loss {
  const [map, wanted] = [student, teacher].map(({ graph }) => graph.outputs[0]?.name ?? "");
  const terms: [number, Loss][] = [
    [1, distillation({ output: map ?? "", teacherOutput: `${TEACHER}/${wanted}` })],
  ];
  if (labelWeight !== undefined)
    terms.push([labelWeight, dbLoss({ outputs: [map ?? ""], alpha: 1 })]);
  if (features) {
    terms.push([features.weight, featureDistillation({ pairs: features.pairs(TEACHER) })]);
  }
  return (context) =>
    weightedSum(
      context.ops,
      terms.map(([weight, loss]) => [weight, loss(context)]),
    );
}

interface Measure {
  readonly name: "hmean" | "agreement";
  of(step: TrainingStep, state: TrainingState): Promise<number>;
}

/** Hmean where all validation images have labels, else agreement with the teacher's detections. */
async function createMeasure(
  context: CommandContext,
  { student, teacher, runtime, detection, validation }: FineTuneSettings,
): Promise<Measure> {
  const quiet = context.signal ? { signal: context.signal } : {};
  const detect = async (step: TrainingStep, state: TrainingState) =>
    detectAll(runtime, await exportModel(student, step, state), detection, validation, quiet);
  if (validation.every((sample) => sample.regions !== undefined)) {
    return {
      name: "hmean",
      of: async (step, state) =>
        compareWithLabels(validation, await detect(step, state))?.hmean ?? 0,
    };
  }
  const reference = await detectAll(runtime, teacher, detection, validation, quiet);
  return {
    name: "agreement",
    of: async (step, state) => computeAgreement(reference, await detect(step, state)).hmean,
  };
}
