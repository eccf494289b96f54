import { assertValidModel, readModel } from "@ocrslim/graph";
import type { Sample } from "@ocrslim/ocr-det";
import { hashModel, type ReportHead } from "@ocrslim/sensitivity";
import type { JsonValue } from "@ocrslim/sensitivity/queue";
import { z } from "zod";
import { CliError } from "../../cli-error.ts";
import type { DetectionSettings } from "../../options/detection-options.ts";
import { criterionNames } from "../criteria.ts";
import { describeSharedFile, type SharedSource } from "./shared-files.ts";
import { metricNames, prepareSweep, type SweepInputs } from "./sweep-inputs.ts";

const sharedFile = z.object({
  path: z.string().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const region = z.object({
  points: z.array(z.tuple([z.number(), z.number()])),
  text: z.string(),
  ignored: z.boolean(),
});

/** What a worker gets to know beside the head of the sensitivity file. */
const sweepJob = z.object({
  version: z.literal(1),
  model: sharedFile,
  images: z
    .array(z.object({ id: z.string(), file: sharedFile, regions: z.array(region).optional() }))
    .min(1),
  settings: z.object({
    method: z.enum(["ablation", "output-distance"]),
    metric: z.enum(metricNames),
    criterion: z.enum(criterionNames),
    compensate: z.boolean(),
    channelMultiple: z.int().min(1),
    maximumLoss: z.number().min(0).max(1).optional(),
    detection: z.custom<DetectionSettings>((value) => typeof value === "object" && value !== null),
    seed: z.int(),
  }),
});

/** Describes a sweep for workers: model and images by content and place, labels, and all settings. */
export async function createJob(
  inputs: SweepInputs,
  modelPath: string,
  shared: string | undefined,
): Promise<JsonValue> {
  const images = [];
  for (const { id, imagePath, regions } of inputs.samples) {
    const file = await describeSharedFile(imagePath, shared);
    images.push({ id, file, ...(regions ? { regions } : {}) });
  }
  const job = {
    version: 1,
    model: await describeSharedFile(modelPath, shared),
    images,
    settings: inputs.settings,
  };
  return JSON.parse(JSON.stringify(job)) as JsonValue;
}

/**
 * Finds what a job describes, and makes sure that it is what was enqueued.
 * @throws CliError `unsuitable-data` if this version does not understand the job, or a file is another
 * one; `missing-file`; `unsuitable-model` if the model is another one.
 */
export async function openJob(
  head: ReportHead,
  json: JsonValue,
  source: SharedSource,
): Promise<SweepInputs> {
  const parsed = sweepJob.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0] ?? { path: [], message: "" };
    throw new CliError(
      "unsuitable-data",
      `the sweep's ${path.join(".") || "description"} is not understood (${message}); run the same version of ocrslim everywhere`,
    );
  }
  const { model: modelFile, images, settings } = parsed.data;
  const path = await source.locate(modelFile);
  const model = await readModel(path);
  assertValidModel(model);
  if ((await hashModel(model)) !== head.modelHash) {
    throw new CliError(
      "unsuitable-model",
      `${path}: it is another model than the sweep's; copy the right one with all its files`,
    );
  }
  const samples: Sample[] = [];
  for (const { id, file, regions } of images) {
    const imagePath = await source.locate(file);
    samples.push({ id, imagePath, ...(regions ? { regions } : {}) });
  }
  const { maximumLoss, ...others } = settings;
  return await prepareSweep(model, samples, {
    ...others,
    ...(maximumLoss === undefined ? {} : { maximumLoss }),
  });
}
