import { collectActivationStatistics } from "@ocrslim/prune";
import type { Feeds } from "@ocrslim/runtime";
import { createCriterion } from "../criteria.ts";
import { loadFeeds } from "../detection.ts";
import { pruneModel } from "../prune-model.ts";
import { measureCurves } from "./measure-curves.ts";
import type { Prepared } from "./prepare.ts";
import type { Recovery } from "./recovery.ts";
import type { CompressSettings } from "./settings.ts";

/**
 * Chooses channels by a criterion and by measured ablation, and makes up for the means of those that
 * go: exact and quick, for small cuts.
 */
export async function recoverByMeans(
  settings: CompressSettings,
  prepared: Prepared,
): Promise<Recovery> {
  const { context, log, runtime, calibration, detection } = settings;
  const { simplified, groups } = prepared;
  const { signal } = context;
  async function* stream(): AsyncGenerator<Feeds> {
    for (const sample of calibration) {
      yield* await loadFeeds(simplified, [sample], detection, signal);
    }
  }
  log.step("collect activations");
  const statistics = await collectActivationStatistics(simplified, {
    ...context.runOptions(),
    logger: log.logger,
    groups,
    feeds: stream(),
    runtime,
  });
  const criterion = createCriterion(settings.criterion, simplified, statistics);
  const sensitivity = await measureCurves(settings, prepared, criterion, statistics);
  return {
    criterion,
    curves: sensitivity.curves,
    curveMetric: `relative loss of ${sensitivity.metric ?? "the metric"}`,
    skipped: [],
    images: prepared.sensitivityFeeds.length,
    minimumKept: 0,
    prune: (plan, effort) =>
      pruneModel(simplified, {
        plan,
        groups,
        statistics,
        simplify: effort === "final",
        signal,
        logger: log.logger,
      }),
  };
}
