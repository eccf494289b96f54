import { basename, join } from "node:path";
import {
  assertValidModel,
  cloneModel,
  decodeModel,
  encodeModel,
  type Model,
  writeModel,
} from "@ocrslim/graph";
import { assertDisjointDatasets } from "@ocrslim/ocr-det";
import { type MeasuredPlan, type PlanSearch, writePlan } from "@ocrslim/prune";
import { describeMachine, measureLatency, type Runtime } from "@ocrslim/runtime";
import { writeFileAtomically, writeJson } from "../../output/files.ts";
import { formatDuration, formatMetric, formatPercent } from "../../output/numbers.ts";
import { renderReport } from "../../report/render-report.ts";
import type { AlsoMeasured, BudgetOutcome, CompressReport } from "../../report/types.ts";
import { version } from "../../version.ts";
import { largestDifference, runAll } from "../compare-maps.ts";
import { keepValidation } from "../data.ts";
import { FINE_TUNE_DEFAULTS, fineTune } from "../fine-tune.ts";
import { fitModel } from "../fit-model.ts";
import { choosePlan } from "./choose-plan.ts";
import { drawPictures } from "./draw-pictures.ts";
import {
  collectMeasures,
  compareLatency,
  detectOnEvaluation,
  measureOthers,
  profileModels,
} from "./measure-models.ts";
import { losslessTolerance, type Prepared, prepare } from "./prepare.ts";
import { recoverByLeastSquares } from "./recover-by-least-squares.ts";
import { recoverByMeans } from "./recover-by-means.ts";
import type { Recovery } from "./recovery.ts";
import type { CompressSettings } from "./settings.ts";

/** What a run folder holds. */
const files = {
  model: "model.onnx",
  simplified: "simplified.onnx",
  plan: "plan.json",
  sensitivities: "sensitivities.json",
  report: "report.json",
  html: "report.html",
  log: "log.txt",
  pictures: "pictures",
} as const;

/** Of checkpoints, in the run folder. */
const trainingFolder = "training";

/** Applies the chosen plan, and makes sure that the written bytes are a sound model. */
async function buildSlim(
  settings: CompressSettings,
  prepared: Prepared,
  recovery: Recovery,
  chosen: MeasuredPlan | undefined,
): Promise<{ model: Model; bytes: number }> {
  settings.log.step("prune, recover, verify");
  const pruned = chosen
    ? await recovery.prune(chosen.plan, "final")
    : cloneModel(prepared.simplified);
  const tuned = chosen ? await tune(settings, prepared, pruned) : pruned;
  const model = await fitSafely(settings, prepared, tuned);
  const bytes = encodeModel(model);
  const read = decodeModel(bytes);
  assertValidModel(read);
  return { model: read, bytes: bytes.length };
}

/** Brings the model into its fastest form here, and takes that only if it computes the same. */
async function fitSafely(
  settings: CompressSettings,
  prepared: Prepared,
  model: Model,
): Promise<Model> {
  const { context, log, fit, runtime, inputShapes } = settings;
  if (fit === "none") return model;
  const checked = prepared.sensitivityFeeds.slice(0, 2);
  const wanted = await runAll(runtime, model, checked, context.signal);
  let fastest = model;
  // Parts that measure faster alone may not be as a whole, and a busy machine misleads.
  for (const basis of ["rule", "measured"] as const) {
    const trial = cloneModel(model);
    let accepted = 0;
    await fitModel(trial, {
      ...{ fit, runtime, inputShapes, basis },
      runOptions: context.runOptions(),
      onCandidate: (candidate) => {
        if (candidate.accepted) accepted++;
      },
    });
    if (accepted === 0) continue;
    const found = await runAll(runtime, trial, checked, context.signal);
    const difference = largestDifference(wanted, found);
    const { ratio = 1 } = await measureLatency(runtime, [fastest, trial], {
      ...(context.signal ? { signal: context.signal } : {}),
      ...{ inputShapes, runs: 20, maxSeconds: 8 },
    });
    log.note(
      `${accepted} rewrites for speed, ${basis}: latency ${formatPercent(ratio)} of before, largest difference ${difference.toExponential(1)}`,
    );
    if (difference <= losslessTolerance && ratio < 1) fastest = trial;
  }
  return fastest;
}

/** Fine-tunes, if that was asked for. */
async function tune(
  settings: CompressSettings,
  prepared: Prepared,
  student: Model,
): Promise<Model> {
  const { context, log, finetuneMinutes, folder } = settings;
  if (finetuneMinutes === 0) return student;
  log.step(`fine-tune for ${formatDuration(finetuneMinutes * 60)}`);
  const tuned = await fineTune(context, {
    student,
    teacher: prepared.simplified,
    runtime: settings.runtime,
    detection: settings.detection,
    ...keepValidation(settings.training, context.seed),
    ...FINE_TUNE_DEFAULTS,
    minutes: finetuneMinutes,
    folder: join(folder, trainingFolder),
  });
  const { result, metric, before, after } = tuned;
  log.note(
    `${result.updates} updates: ${metric} on held-back images ${formatMetric(before)} → ${formatMetric(after)}`,
  );
  return tuned.model;
}

/** Ratios of separate measurements differ by some percent without any reason. */
const noticeable = 1.05;

function listNotes(
  settings: CompressSettings,
  prepared: Prepared,
  search: PlanSearch,
  loss: number,
  latency: { readonly simplified: number; readonly slim: number },
  others: readonly AlsoMeasured[],
): string[] {
  const notes = [...prepared.notes, ...notesOnKinds(settings, search, others)];
  const { maximumLoss } = settings.target;
  if (!search.chosen)
    notes.push("No channel could go within the allowed loss: the model is only simplified.");
  if (maximumLoss !== undefined && loss > maximumLoss) {
    notes.push(
      `On the held-out images the loss is ${formatPercent(loss, 1)}; the allowed ${formatPercent(maximumLoss, 1)} held on the calibration images.`,
    );
  }
  if (search.chosen && latency.slim > latency.simplified * noticeable) {
    notes.push(
      `Removing channels brought no speed on this machine: the simplified model alone measures ${formatPercent(latency.simplified)} of the original's latency.`,
    );
  }
  return notes;
}

/** A model that is refitted on one kind of image forgets others: people must know. */
function notesOnKinds(
  { sources }: CompressSettings,
  { chosen }: PlanSearch,
  others: readonly AlsoMeasured[],
): string[] {
  if (!chosen) return [];
  const worse = others.flatMap(({ source, before, after }) => {
    const lost =
      before.hmean !== undefined && after.hmean !== undefined && before.hmean > 0
        ? (before.hmean - after.hmean) / before.hmean
        : before.agreement - after.agreement;
    return lost > 0.02 ? [`${source}: ${formatPercent(lost, 1)} lost`] : [];
  });
  if (worse.length > 0) {
    return [
      `It suffers on images that were not calibrated on (${worse.join("; ")}). Give --data some of every kind that matters.`,
    ];
  }
  if (sources.length > 1 || others.length > 0) return [];
  return [
    `Calibrated on ${sources.join(", ")} alone: on other kinds of images the slim model may lose much more. Give --data some of every kind that matters, and see how much with --also-measure.`,
  ];
}

/** Runs all steps, writes the run folder, and returns its report. */
export async function compressDetector(
  settings: CompressSettings,
  options: Readonly<Record<string, unknown>>,
): Promise<CompressReport> {
  const start = performance.now();
  const { folder, original, calibration, evaluation, context, log, runtime, sources } = settings;
  await assertDisjointDatasets(calibration, evaluation);
  for (const set of settings.alsoMeasure) await assertDisjointDatasets(calibration, set.samples);

  const prepared = await prepare(settings);
  const recovery =
    settings.recovery === "means"
      ? await recoverByMeans(settings, prepared)
      : await recoverByLeastSquares(settings, prepared);
  const search = await choosePlan(settings, prepared, recovery);
  const { chosen } = search;
  const slim = await buildSlim(settings, prepared, recovery, chosen);
  const models = { original: original.model, simplified: prepared.simplified, slim: slim.model };
  const found = await detectOnEvaluation(settings, models);
  const alsoMeasured = await measureOthers(settings, models);
  const latency = await compareLatency(settings, models);
  const profile = await profileModels(settings, models);

  log.step("write the run folder");
  const measures = collectMeasures(settings, models, found, latency, {
    original: original.bytes,
    simplified: encodeModel(prepared.simplified).length,
    slim: slim.bytes,
  });
  const { original: before, simplified, slim: after } = measures;
  const labelled = before.hmean !== undefined && after.hmean !== undefined && before.hmean > 0;
  const loss = labelled
    ? ((before.hmean ?? 0) - (after.hmean ?? 0)) / (before.hmean ?? 1)
    : before.agreement - after.agreement;
  const kept = new Map(chosen?.plan.groups.map((group) => [group.id, group.keep.length]));
  const skippedIds = new Set([...prepared.skipped, ...recovery.skipped].map((skip) => skip.group));
  const report: CompressReport = {
    formatVersion: 1,
    version,
    model: basename(original.name),
    before,
    simplified,
    after,
    ratios: {
      latency: latency.ratio.slim,
      macs: after.macs / before.macs,
      parameters: after.parameters / before.parameters,
      bytes: after.bytes / before.bytes,
    },
    loss,
    lossOf: labelled ? "hmean" : "agreement",
    slower: latency.ratio.slim > 1,
    budget: describeOutcome(search),
    seconds: (performance.now() - start) / 1000,
    files: settings.finetuneMinutes > 0 && chosen ? { ...files, training: trainingFolder } : files,
    data: {
      sources,
      seed: context.seed,
      calibration: calibration.map((sample) => sample.id),
      evaluation: evaluation.map((sample) => sample.id),
      labelled,
      sensitivityImages: recovery.images,
    },
    alsoMeasured,
    latency: {
      inputShape: latency.inputShape,
      threads: latency.threads,
      rounds: latency.rounds,
      simplifiedRatio: latency.ratio.simplified,
    },
    groups: prepared.worthwhile.map(({ id, width }) => ({
      id,
      width,
      kept: kept.get(id) ?? width,
    })),
    curves: recovery.curves,
    curveMetric: recovery.curveMetric,
    skipped: [
      ...prepared.skipped,
      ...recovery.skipped,
      ...(chosen?.plan.skipped.filter((skip) => !skippedIds.has(skip.group)) ?? []),
    ],
    trials: search.tried.map((trial) => ({
      macsRatio: trial.macsRatio,
      agreement: 1 - trial.loss,
      ...(trial.latency ? { latencyRatio: trial.latency.ratio } : {}),
      chosen: trial === chosen,
      onFront: search.front.includes(trial),
    })),
    profile: { before: profile.original, simplified: profile.simplified, after: profile.slim },
    pictures: await drawPictures(folder, evaluation, found.original, found.slim),
    machine: machineFacts(runtime),
    options,
    notes: listNotes(settings, prepared, search, loss, latency.ratio, alsoMeasured),
  };
  context.signal?.throwIfAborted();
  if (chosen) await writePlan(chosen.plan, join(folder, files.plan));
  else await writeEmptyPlan(settings, prepared, join(folder, files.plan));
  await writeModel(slim.model, join(folder, files.model));
  await writeJson(join(folder, files.report), report);
  await writeFileAtomically(join(folder, files.html), await renderReport(report, folder));
  await writeFileAtomically(join(folder, files.log), log.text());
  return report;
}

/** Met within half a percent: measurements differ by as much. */
const nearEnough = 0.005;

function describeOutcome({ outcome }: PlanSearch): BudgetOutcome {
  const { quantity, wanted, reached, met, reason } = outcome;
  return {
    kind: quantity === "loss" ? "max-loss" : quantity,
    wanted,
    reached,
    met: met || (quantity !== "loss" && reached <= wanted + nearEnough),
    ...(reason === undefined ? {} : { reason }),
  };
}

function machineFacts(runtime: Runtime): Record<string, string | number> {
  const machine = describeMachine(runtime);
  return {
    CPU: machine.cpu,
    cores: machine.cores,
    threads: machine.threads ?? "default",
    runtime: `${machine.runtime} ${machine.version}`,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
}

async function writeEmptyPlan(
  settings: CompressSettings,
  prepared: Prepared,
  path: string,
): Promise<void> {
  const reason = "no channel can go within the allowed loss";
  await writePlan(
    {
      formatVersion: 1,
      inputShapes: settings.inputShapes,
      groups: [],
      skipped: prepared.groups.map((group) => ({ group: group.id, reason })),
      provenance: { budget: { met: false, reason } },
    },
    path,
  );
}
