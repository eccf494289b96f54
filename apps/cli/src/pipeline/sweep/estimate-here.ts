import {
  createOutputDistanceMetric,
  estimateFisher,
  type SensitivityReport,
  writeSensitivities,
} from "@ocrslim/sensitivity";
import { createChannelGradients } from "@ocrslim/train";
import type { CommandContext } from "../../command.ts";
import { createCriterion } from "../criteria.ts";
import { loadFeeds } from "../detection.ts";
import { createRuntimeFor } from "../models.ts";
import { collectFor } from "./create-measurer.ts";
import { type ChosenPoints, createHead, type SweepInputs } from "./sweep-inputs.ts";

/** Estimates all points from gradients, into a file that replaces what was there. */
export async function estimateHere(
  context: CommandContext,
  inputs: SweepInputs,
  { groups, points }: ChosenPoints,
  file: string,
): Promise<SensitivityReport> {
  const { model, samples, settings, inputShapes } = inputs;
  const options = context.runOptions();
  const runtime = createRuntimeFor(context);
  const feeds = await loadFeeds(model, samples, settings.detection, context.signal);
  const statistics = await collectFor(inputs, runtime, options);
  const { information } = await createOutputDistanceMetric(model, {
    ...{ feeds, runtime },
    ...(context.signal ? { signal: context.signal } : {}),
  });
  const { criterion, dataFingerprint, channelMultiple } = await createHead(inputs);
  const report = await estimateFisher(model, {
    ...options,
    ...{ groups, points, inputShapes, feeds, information, channelMultiple },
    criterion: createCriterion(settings.criterion, model, statistics),
    criterionName: criterion,
    channelGradients: createChannelGradients({ runtime }),
    ...(dataFingerprint === undefined ? {} : { dataFingerprint }),
  });
  await writeSensitivities(file, report);
  return report;
}
