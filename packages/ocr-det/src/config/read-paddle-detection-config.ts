import { stat } from "node:fs/promises";
import { assertDbDetectorConfig } from "../builder/check-config.ts";
import { OcrDetError } from "../errors.ts";
import type { PaddleDataSet, PaddleDetectionPlan } from "./paddle-plan.ts";
import { functionName, readArchitecture, readStaticArchitecture } from "./read-architecture.ts";
import {
  readEvaluationSet,
  readStaticEvaluationSet,
  readStaticTrainingSet,
  readTrainingSet,
} from "./read-data-sets.ts";
import { readGlobal } from "./read-global.ts";
import { readLoss } from "./read-loss.ts";
import { readBetas, readOptimizer } from "./read-optimizer.ts";
import { readPostProcess } from "./read-post-process.ts";
import { readSchedule, readStaticSchedule } from "./read-schedule.ts";
import { configError, createSection, type Findings, type Section } from "./section.ts";

/** Options of {@link readPaddleDetectionConfig}. */
export interface ReadPaddleDetectionConfigOptions {
  /** Folder that relative paths start from: PaddleOCR's own. Default: the working folder. */
  readonly baseFolder?: string;
  /** Whether label files and image folders must be there. Default: true. */
  readonly checkFiles?: boolean;
}

/**
 * Reads a PaddleOCR detection config (`configs/det/*.yml`): of version 2.0 and later, or of 1.1, to
 * whose content that of its `Global.reader_yml` has been added. `config` is the parsed YAML.
 *
 * Keys that are not known are listed in `unknown`, never dropped in silence; what is understood and
 * done in another way is said in `notes`.
 *
 * @throws OcrDetError `invalid-option` naming key, value and what is possible: another architecture,
 * loss, optimizer or schedule, values that are out of range or contradict each other;
 * `file-not-found` for a label file or image folder that is not there.
 * @example
 * const plan = await readPaddleDetectionConfig(parse(await readFile("det_mv3_db.yml", "utf8")), {
 *   baseFolder: "PaddleOCR",
 * });
 * const model = buildDbDetector(plan.detector);
 */
export async function readPaddleDetectionConfig(
  config: unknown,
  options: ReadPaddleDetectionConfigOptions = {},
): Promise<PaddleDetectionPlan> {
  const { baseFolder = ".", checkFiles = true } = options;
  const findings: Findings = { unknown: [], notes: [] };
  const root = createSection(config, "", findings);
  if (root.raw("Global") === undefined || root.raw("Architecture") === undefined) {
    throw configError(
      root.raw("Global") === undefined ? "Global" : "Architecture",
      undefined,
      "give a detection config of PaddleOCR, such as configs/det/det_mv3_db.yml",
    );
  }
  const isStatic = root.section("Architecture").raw("function") !== undefined;
  const plan = isStatic
    ? readStaticForm(root, baseFolder, findings)
    : readDynamicForm(root, baseFolder, findings);
  root.finish();
  assertDbDetectorConfig(plan.detector);
  if (checkFiles) {
    await assertFiles(plan.training, isStatic ? "TrainReader" : "Train.dataset", isStatic);
    await assertFiles(plan.evaluation, isStatic ? "EvalReader" : "Eval.dataset", isStatic);
  }
  return { ...plan, unknown: findings.unknown, notes: findings.notes };
}

type Plan = Omit<PaddleDetectionPlan, "unknown" | "notes">;

/** PaddleOCR 2.0 and later. */
function readDynamicForm(root: Section, baseFolder: string, findings: Findings): Plan {
  const global = root.section("Global");
  const settings = readGlobal(global, baseFolder);
  global.finish();
  const loss = root.section("Loss");
  const optimizer = root.section("Optimizer");
  const postProcess = root.section("PostProcess");
  const metric = root.section("Metric");
  metric.oneOf("name", ["DetMetric"]);
  metric.oneOf("main_indicator", ["hmean"]);
  metric.finish();
  root.skip("profiler_options", "Test");
  const training = readTrainingSet(root, baseFolder, findings);
  const evaluation = readEvaluationSet(root, baseFolder, findings);
  return {
    form: "2.0",
    detector: readArchitecture(root, findings),
    loss: readLoss(loss, loss.text("name"), "name"),
    optimizer: readOptimizer(optimizer, findings),
    schedule: readSchedule(optimizer.section("lr")),
    ...(training ? { training } : {}),
    ...(evaluation ? { evaluation } : {}),
    postprocess: readPostProcess(postProcess, postProcess.text("name"), "name"),
    ...settings,
  };
}

/** PaddleOCR 1.1, of static graphs. */
function readStaticForm(root: Section, baseFolder: string, findings: Findings): Plan {
  const global = root.section("Global");
  const settings = readGlobal(global, baseFolder);
  const [, height = 640, width = 640] =
    global.numbers("image_shape", { integer: true, atLeast: 1 }) ?? [];
  if (height !== width || height % 32 !== 0) {
    global.fail(
      "image_shape",
      "give a square with sides of a multiple of 32, such as [3, 640, 640]",
    );
  }
  const batchSize = global.number("train_batch_size_per_card", { integer: true, atLeast: 1 }) ?? 16;
  global.skip("test_batch_size_per_card");
  global.finish();
  const loss = root.section("Loss");
  const optimizer = root.section("Optimizer");
  const postProcess = root.section("PostProcess");
  if (functionName(optimizer) !== "AdamDecay") optimizer.fail("function", "possible is AdamDecay");
  const schedule = readStaticSchedule(optimizer, findings);
  const weightDecay = optimizer.number("l2_decay", { atLeast: 0 }) ?? 0;
  const betas = readBetas(optimizer);
  optimizer.finish();
  root.skip("TestReader");
  const training = readStaticTrainingSet(root, { baseFolder, size: height, batchSize });
  const evaluation = readStaticEvaluationSet(root, baseFolder, findings);
  return {
    form: "1.1",
    detector: readStaticArchitecture(root, findings),
    loss: readLoss(loss, functionName(loss), "function"),
    optimizer: { kind: "adam", ...betas, weightDecay, decaysAll: true },
    schedule,
    ...(training ? { training } : {}),
    ...(evaluation ? { evaluation } : {}),
    postprocess: readPostProcess(postProcess, functionName(postProcess), "function"),
    ...settings,
  };
}

/** @throws OcrDetError `file-not-found`. */
async function assertFiles(
  set: PaddleDataSet | undefined,
  path: string,
  isStatic: boolean,
): Promise<void> {
  if (!set) return;
  const wanted = [
    ...set.sources.map(({ file }) => ({
      file,
      key: isStatic ? "label_file_path" : "label_file_list",
      what: "a label file",
    })),
    { file: set.imageRoot, key: isStatic ? "img_set_dir" : "data_dir", what: "a folder" },
  ];
  for (const { file, key, what } of wanted) {
    const found = await stat(file).catch(() => undefined);
    if (found) continue;
    throw new OcrDetError(
      "file-not-found",
      `readPaddleDetectionConfig: ${path}.${key} names ${file}, which does not exist; give ${what} that does, relative to the base folder`,
      { file },
    );
  }
}
