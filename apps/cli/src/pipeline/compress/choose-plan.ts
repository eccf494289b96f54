import { cloneModel, computeCost, type Model } from "@ocrslim/graph";
import { computeAgreement } from "@ocrslim/ocr-det";
import {
  budget,
  createPlanner,
  type LatencyModel,
  type PlanMeasurement,
  type PlanSearch,
  searchPlan,
} from "@ocrslim/prune";
import { measureLatency } from "@ocrslim/runtime";
import { formatPercent } from "../../output/numbers.ts";
import { detectAll } from "../detection.ts";
import { fitModel } from "../fit-model.ts";
import { openLatencyModel } from "../latency-model.ts";
import { type Prepared, pick } from "./prepare.ts";
import type { Recovery } from "./recovery.ts";
import type { CompressSettings, Target } from "./settings.ts";

function describeTarget({ kind, wanted, maximumLoss }: Target): string {
  const parts = [
    ...(kind === undefined ? [] : [`${kind} ${formatPercent(wanted)}`]),
    ...(maximumLoss === undefined ? [] : [`loss at most ${formatPercent(maximumLoss, 1)}`]),
  ];
  return parts.join(", ");
}

/** Times of a model over the original's, in turns with it. */
const timing = { runs: 15, warmup: 3, maxSeconds: 6 } as const;

/** Prunes by one plan after the other until the target is met. */
export async function choosePlan(
  settings: CompressSettings,
  prepared: Prepared,
  recovery: Recovery,
): Promise<PlanSearch> {
  const { context, log, target, inputShapes } = settings;
  const { simplified, groups } = prepared;
  const { kind } = target;
  const planner = createPlanner(simplified, {
    groups,
    criterion: recovery.criterion,
    inputShapes,
    channelMultiple: settings.channelMultiple,
    minimumKept: recovery.minimumKept,
    random: context.runOptions().random ?? (() => 0),
  });
  const isTimed = kind === undefined || kind === "latency";
  const time = isTimed ? await predictTimes(settings, prepared) : undefined;
  const start = await startOf(settings, prepared, isTimed);
  log.step(`choose a plan: ${describeTarget(target)}`);
  const options = { losses: recovery.curves };
  return await searchPlan({
    ...context.runOptions(),
    target: {
      ...(kind === undefined ? {} : { [kind]: target.wanted }),
      ...(target.maximumLoss === undefined ? {} : { maximumLoss: target.maximumLoss }),
    },
    // A target is a fraction of the original; plans are made for the simplified model.
    makePlan: (kept) =>
      planner.plan(
        time
          ? budget(
              { latency: Math.min(1, kept / start.latency) },
              { ...options, latencyModel: time },
            )
          : kind === "parameters"
            ? budget({ parameters: Math.min(1, kept / start.parameters) }, options)
            : // Time follows MACs roughly, which the search corrects by what it measures.
              budget({ macs: Math.min(1, kept / (isTimed ? start.latency : start.macs)) }, options),
      ),
    measure: (plan) => measurePlan(settings, prepared, recovery.prune(plan, "trial")),
  });
}

/** The table of this machine, measured if there is none yet. */
async function predictTimes(
  settings: CompressSettings,
  { simplified, groups }: Prepared,
): Promise<LatencyModel | undefined> {
  const { context, log, runtime, inputShapes, remeasure } = settings;
  log.step("measure milliseconds by width");
  const model = await openLatencyModel(simplified, {
    runtime,
    groups,
    inputShapes,
    remeasure,
    runOptions: context.runOptions(),
  });
  if (!model) return undefined;
  log.note(
    `${model.original.toFixed(1)} ms; widths worth having are multiples of ${model.channelMultiple}`,
  );
  return model;
}

/** What the simplified model, in its fastest form, costs of the original. */
async function startOf(
  settings: CompressSettings,
  { simplified }: Prepared,
  isTimed: boolean,
): Promise<{ readonly macs: number; readonly parameters: number; readonly latency: number }> {
  const { original, inputShapes } = settings;
  const before = computeCost(original.model, { inputShapes });
  const after = computeCost(simplified, { inputShapes });
  const latency = isTimed ? (await timeOf(settings, await fitted(settings, simplified))).ratio : 1;
  return {
    macs: after.macs / before.macs,
    parameters: after.parameters / before.parameters,
    latency: Math.min(1, latency),
  };
}

async function fitted(settings: CompressSettings, model: Model): Promise<Model> {
  const { fit, runtime, inputShapes, context } = settings;
  const copy = cloneModel(model);
  const { signal } = context;
  const runOptions = signal ? { signal } : {};
  await fitModel(copy, { fit, runtime, inputShapes, runOptions, basis: "rule" });
  return copy;
}

async function timeOf(
  { runtime, original, inputShapes, context }: CompressSettings,
  model: Model,
): Promise<{ readonly medianMs: number; readonly ratio: number }> {
  const { models, ratio } = await measureLatency(runtime, [original.model, model], {
    ...(context.signal ? { signal: context.signal } : {}),
    inputShapes,
    ...timing,
  });
  return { medianMs: models[1]?.medianMs ?? Number.NaN, ratio: ratio ?? 1 };
}

/** What a pruned model costs and loses, on images that it was not fitted on. */
async function measurePlan(
  settings: CompressSettings,
  { tried, reference }: Prepared,
  pruning: Promise<Model>,
): Promise<PlanMeasurement> {
  const { context, log, runtime, detection, original, inputShapes } = settings;
  context.signal?.throwIfAborted();
  const pruned = await pruning;
  const samples = pick(settings.calibration, tried);
  const quiet = context.signal ? { signal: context.signal } : {};
  const found = await detectAll(runtime, pruned, detection, samples, quiet);
  const agreement = computeAgreement(reference, found).hmean;
  const [before, after] = [original.model, pruned].map((model) =>
    computeCost(model, { inputShapes }),
  );
  const latency = await timeOf(settings, await fitted(settings, pruned));
  const macsRatio = (after?.macs ?? 0) / (before?.macs ?? 1);
  log.note(
    `latency ${formatPercent(latency.ratio)}, MACs ${formatPercent(macsRatio, 1)}: agreement ${formatPercent(agreement, 1)}`,
  );
  return {
    loss: 1 - agreement,
    macsRatio,
    parametersRatio: (after?.parameters ?? 0) / (before?.parameters ?? 1),
    latency,
  };
}
