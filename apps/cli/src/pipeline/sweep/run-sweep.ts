import {
  analyzeSensitivity,
  planShards,
  type SensitivityReport,
  suffixMacs,
} from "@ocrslim/sensitivity";
import type { Sweep } from "@ocrslim/sensitivity/queue";
import type { CommandContext } from "../../command.ts";
import { createCriterion } from "../criteria.ts";
import { createRuntimeFor } from "../models.ts";
import { createMeasurer, createPlainFunctions } from "./create-measurer.ts";
import { loadQueue } from "./load-queue.ts";
import { type ChosenPoints, createHead, type SweepInputs } from "./sweep-inputs.ts";
import { createJob } from "./sweep-job.ts";

/** One of several parts of a sweep, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Takes the points of one shard, split by what they run. */
export function takeShard(
  { model, groups, inputShapes }: SweepInputs,
  chosen: ChosenPoints,
  { index, count }: Shard,
): ChosenPoints {
  const costOf = suffixMacs(model, groups, inputShapes);
  return { ...chosen, points: planShards(chosen.points, count, costOf)[index - 1] ?? [] };
}

/** How points are measured in this process. */
export interface LocalOptions {
  /** Whether every variant is run as a whole, one after the other. */
  readonly exact: boolean;
  readonly concurrency: number | undefined;
  /** Bytes of inner values that are kept. */
  readonly memoryLimit: number;
}

/** Measures points in this process, into a file. */
export async function measureHere(
  context: CommandContext,
  inputs: SweepInputs,
  { groups, points }: ChosenPoints,
  file: string,
  { exact, concurrency, memoryLimit }: LocalOptions,
): Promise<SensitivityReport> {
  const { model, inputShapes, settings } = inputs;
  const options = context.runOptions();
  const runtime = createRuntimeFor(context);
  const { criterion: criterionName, metric, dataFingerprint } = await createHead(inputs);
  const limits = { memoryLimit, ...(concurrency === undefined ? {} : { concurrency }) };
  const how = exact
    ? await createPlainFunctions(inputs, runtime, options)
    : {
        // The measurer has its own, with what was seen of activations.
        criterion: createCriterion("l1", model, undefined),
        measurer: () => createMeasurer(inputs, runtime, limits, options),
      };
  const { channelMultiple, maximumLoss } = settings;
  return await analyzeSensitivity(model, {
    ...options,
    ...how,
    ...{ groups, points, channelMultiple, inputShapes, file, criterionName },
    ...(maximumLoss === undefined ? {} : { maximumLoss }),
    ...(metric === undefined ? {} : { metric }),
    ...(dataFingerprint === undefined ? {} : { dataFingerprint }),
  });
}

/** Where workers get their work. */
export interface QueuePlace {
  readonly modelPath: string;
  /** Address of Redis. */
  readonly url: string;
  /** Folder that model and images lie below, as an absolute path. */
  readonly shared: string | undefined;
}

/** Lets workers measure points, and collects them into a file. */
export async function measureByWorkers(
  context: CommandContext,
  inputs: SweepInputs,
  chosen: ChosenPoints,
  file: string,
  { url, shared, modelPath }: QueuePlace,
): Promise<SensitivityReport> {
  const head = await createHead(inputs);
  const sweep: Sweep = {
    head,
    points: chosen.points,
    job: await createJob(inputs, modelPath, shared),
  };
  const { collectSweep, enqueueSweep } = await loadQueue();
  await enqueueSweep(url, sweep);
  return await collectSweep(url, sweep, {
    ...context.runOptions(),
    file,
    skipped: chosen.skipped,
  });
}
