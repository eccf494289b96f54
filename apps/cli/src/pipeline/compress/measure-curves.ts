import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ChannelGroup, Criterion } from "@ocrslim/graph";
import type { ActivationStatistics } from "@ocrslim/prune";
import {
  analyzeSensitivity,
  type PointSpec,
  SensitivityError,
  type SensitivityReport,
} from "@ocrslim/sensitivity";
import { createMapEvaluator } from "../compare-maps.ts";
import { fingerprint } from "../fingerprint.ts";
import { pruneModel } from "../prune-model.ts";
import type { Prepared } from "./prepare.ts";
import type { CompressSettings } from "./settings.ts";

/** Removed fractions that are aimed at; each point is then moved to a width that a plan may have. */
const aimedRatios = [0.125, 0.25, 0.5, 0.75] as const;

/**
 * Lists what is measured: few points for each group, at multiples of the channel multiple, because
 * a plan can only choose among those.
 */
export function listCurvePoints(
  groups: readonly ChannelGroup[],
  channelMultiple: number,
): readonly PointSpec[] {
  return groups.flatMap((group) => {
    const widths = new Set<number>();
    for (const ratio of aimedRatios) {
      const multiples = Math.round((group.width * (1 - ratio)) / channelMultiple);
      const width = Math.max(1, multiples) * channelMultiple;
      if (width < group.width) widths.add(width);
    }
    const largest = Math.floor((group.width - 1) / channelMultiple) * channelMultiple;
    if (largest >= channelMultiple) widths.add(largest);
    return [...widths]
      .toSorted((a, b) => b - a)
      .map((width) => ({
        group: group.id,
        width: group.width,
        ratio: 1 - width / group.width,
        removed: group.width - width,
      }));
  });
}

/**
 * Measures the curves by map overlap on a few small pictures, with the means of removed channels
 * made up for, as the final model has them. Goes on with a file of an earlier run of the same kind.
 */
export async function measureCurves(
  settings: CompressSettings,
  prepared: Prepared,
  criterion: Criterion,
  statistics: ActivationStatistics,
): Promise<SensitivityReport> {
  const { context, log, runtime } = settings;
  const { simplified, groups, worthwhile, sensitivityFeeds } = prepared;
  const points = listCurvePoints(worthwhile, settings.channelMultiple);
  log.step(
    `sensitivity of ${worthwhile.length} groups, ${points.length} points, ${sensitivityFeeds.length} images`,
  );
  const evaluate = await createMapEvaluator(runtime, simplified, sensitivityFeeds, context.signal);
  const file = join(settings.folder, "sensitivities.json");
  const analyze = (): Promise<SensitivityReport> =>
    analyzeSensitivity(simplified, {
      ...context.runOptions(),
      logger: log.logger,
      groups: worthwhile,
      points,
      criterion,
      criterionName: settings.criterion,
      inputShapes: settings.inputShapes,
      channelMultiple: settings.channelMultiple,
      metric: "map overlap",
      dataFingerprint: fingerprint([
        settings.calibration.map((sample) => sample.imagePath),
        settings.detection,
        settings.sensitivitySize,
        sensitivityFeeds.length,
      ]),
      file,
      evaluate,
      prune: (model, plan) =>
        pruneModel(model, { plan, groups, statistics, signal: context.signal }),
    });
  try {
    return await analyze();
  } catch (error) {
    const isOther =
      error instanceof SensitivityError &&
      (error.code === "contradiction" || error.code === "malformed-file");
    if (!isOther) throw error;
    log.note("the run folder holds the curves of another run; they are measured anew");
    await rm(file, { force: true });
    return await analyze();
  }
}
