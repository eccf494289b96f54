import { profileModel } from "@ocrslim/runtime";
import type { SensitivityReport } from "@ocrslim/sensitivity";
import type { CommandContext } from "../../command.ts";
import { createOutputFolder } from "../../output/files.ts";
import type { GroupShare } from "../../output/sensitivity-table.ts";
import { writeSensitivityPlots } from "../../report/sensitivity-plots.ts";
import { loadFeeds } from "../detection.ts";
import { createRuntimeFor } from "../models.ts";
import { computeGroupShares } from "./group-shares.ts";
import type { SweepInputs } from "./sweep-inputs.ts";

/** What groups weigh in the model, and what that is in milliseconds. */
export interface Weights {
  readonly shares: ReadonlyMap<string, GroupShare>;
  readonly latencyMs?: number;
}

/** Weighs the groups by MACs, and with a profile of one image by latency. */
export async function weighGroups(
  context: CommandContext,
  { model, groups, inputShapes, samples, settings }: SweepInputs,
  isProfiled: boolean,
): Promise<Weights> {
  if (!isProfiled) return { shares: computeGroupShares(model, groups, inputShapes) };
  const { signal } = context;
  const [feeds] = await loadFeeds(model, samples.slice(0, 1), settings.detection, signal);
  const profile = await profileModel(createRuntimeFor(context), model, {
    feeds: feeds ?? {},
    ...(signal ? { signal } : {}),
  });
  const shares = computeGroupShares(model, groups, inputShapes, profile);
  return { shares, latencyMs: profile.totalMs };
}

/** Draws a report into a folder, which is created if need be. */
export async function drawReport(
  context: CommandContext,
  report: SensitivityReport,
  { shares, latencyMs }: Weights,
  folder: string,
): Promise<void> {
  const { path } = await createOutputFolder(context.path(folder));
  const totals = latencyMs === undefined ? {} : { latencyMs };
  const files = await writeSensitivityPlots(report, shares, path, totals);
  context.note(`drawn: ${files.join(", ")}`);
}
