import { createRandom, type Model } from "@ocrslim/graph";
import {
  computeAgreement,
  createPageSource,
  type PageSource,
  type Sample,
  type Teacher,
  trainingCrop,
} from "@ocrslim/ocr-det";
import type { Runtime } from "@ocrslim/runtime";
import {
  adamW,
  buildTrainingStep,
  clipByNorm,
  cosineRate,
  createOrtEngine,
  distillation,
  exportModel,
  type TrainingData,
  type TrainingEvent,
  type TrainingResult,
  type TrainingState,
  type TrainingStep,
  train,
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
  /** Images to learn from; their labels are not looked at. */
  readonly training: readonly Sample[];
  /** Images to choose the best weights by: none of those above. */
  readonly validation: readonly Sample[];
  readonly cropSize: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly minutes?: number;
  readonly updates?: number;
  /** Updates from one evaluation to the next. */
  readonly evaluateEvery?: number;
  /** Where checkpoints go; a run that was stopped goes on from there. */
  readonly folder?: string;
  readonly resume?: "auto" | "never";
}

/** What works without thought for detectors of PP-OCR's size. */
export const FINE_TUNE_DEFAULTS = { cropSize: 480, batchSize: 4, learningRate: 5e-4 } as const;

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
  const step = await buildTrainingStep(student, {
    inputShapes: { [input]: [batchSize, 3, cropSize, cropSize] },
    loss: distillation(),
    optimizer: adamW({ weightDecay: 0 }),
    clip: clipByNorm(1),
    emaDecay: EMA_DECAY,
  });
  await using teacher = await runtime.load(settings.teacher);
  const teacherInput = imageInputOf(settings.teacher);
  const see: Teacher = async (image) => {
    const [map] = Object.values(await teacher.run({ [teacherInput]: image }));
    if (map) return map;
    throw new CliError("unsuitable-model", "the teacher has no output; take a text detector");
  };
  const pages = createPageSource(settings.training, {
    resize: settings.detection.resize,
    normalize: settings.detection.normalize,
    teacher: see,
  });
  await readAhead(context, pages);
  const measure = await createMeasure(context, settings);
  let latest: TrainingEvent | undefined;
  const run = context.runOptions();
  const result = await train(step, {
    logger: context.logger,
    ...(run.onProgress ? { onProgress: run.onProgress } : {}),
    ...(context.signal ? { signal: context.signal } : {}),
    engine: createOrtEngine({ runtime }),
    data: cropData(settings, input, pages),
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

/** Batches of crops and of the teacher's maps of them. */
function cropData(
  { training, detection, cropSize, batchSize }: FineTuneSettings,
  input: string,
  pages: PageSource,
): TrainingData {
  const { resize, normalize } = detection;
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
      return {
        [input]: { dtype: "float32", dims: [batchSize, 3, cropSize, cropSize], data: images },
        teacher: { dtype: "float32", dims: [batchSize, 1, cropSize, cropSize], data: maps },
      };
    },
  };
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
