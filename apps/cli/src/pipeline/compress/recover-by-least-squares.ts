import { join } from "node:path";
import type { LossCurve } from "@ocrslim/graph";
import { analyzeReconstruction, reconstruction } from "@ocrslim/prune";
import type { Feeds } from "@ocrslim/runtime";
import { createChannelGradients } from "@ocrslim/train";
import { writeJson } from "../../output/files.ts";
import { loadCrops, refitModel, spread } from "../refit-model.ts";
import type { Prepared } from "./prepare.ts";
import type { Recovery } from "./recovery.ts";
import type { CompressSettings } from "./settings.ts";

/** Crops that a trial is refitted on; the final model takes all of them. */
const trialCrops = 8;

/** Least fraction of a group's channels that stays: beyond it the estimates say little. */
const minimumKept = 0.25;

/**
 * Chooses channels by what a refit can't make up for, and refits every layer of the pruned model by
 * least squares to the unpruned one's outputs.
 */
export async function recoverByLeastSquares(
  settings: CompressSettings,
  prepared: Prepared,
): Promise<Recovery> {
  const { context, log, runtime, inputShapes } = settings;
  const { simplified, groups, worthwhile } = prepared;
  const feeds = await cropCalibration(settings, prepared);
  log.step(`what a refit can make up for: ${worthwhile.length} groups, ${feeds.length} crops`);
  const analysis = await analyzeReconstruction(simplified, {
    ...context.runOptions(),
    groups: worthwhile,
    inputShapes,
    feeds,
    runtime,
    channelGradients: createChannelGradients({ runtime }),
  });
  const curves = analysis.curves.map((curve) => thinOut(curve, settings.channelMultiple));
  await writeJson(join(settings.folder, "sensitivities.json"), {
    formatVersion: 1,
    kind: "reconstruction",
    metric: curveMetric,
    images: feeds.length,
    curves,
    order: Object.fromEntries(analysis.orders),
    skipped: analysis.skipped,
  });
  const prune: Recovery["prune"] = (plan, effort) =>
    refitModel(simplified, {
      plan,
      groups,
      feeds: effort === "final" ? feeds : spread(feeds, trialCrops),
      runtime,
      runOptions: {
        ...context.runOptions(),
        ...(effort === "final" ? { logger: log.logger } : {}),
      },
    });
  return {
    criterion: reconstruction(analysis),
    curves,
    curveMetric,
    skipped: analysis.skipped,
    images: feeds.length,
    minimumKept,
    prune,
  };
}

const curveMetric = "estimated divergence (KL) of the probability map after a refit";

/** Crops of the calibration images that plans are not tried on. */
async function cropCalibration(settings: CompressSettings, prepared: Prepared): Promise<Feeds[]> {
  const { calibration, context, detection } = settings;
  const tried = new Set(prepared.tried);
  const rest = calibration.filter((_, index) => !tried.has(index));
  const samples = rest.length > 0 ? rest : calibration;
  return await loadCrops(
    prepared.simplified,
    samples,
    detection,
    settings.crops,
    context.runOptions(),
  );
}

/** Only the points that a plan can choose. */
function thinOut(curve: LossCurve, channelMultiple: number): LossCurve {
  const { width } = curve;
  const points = curve.points.filter(({ ratio }) => {
    const kept = Math.round(width * (1 - ratio));
    return kept % channelMultiple === 0;
  });
  return { ...curve, points };
}
