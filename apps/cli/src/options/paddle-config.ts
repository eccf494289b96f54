import { type ConfigTree, isTree } from "./overrides.ts";

/** What a PaddleOCR detection config says that concerns us. */
export interface PaddleConfig {
  /** Values by option key. */
  readonly values: Readonly<Record<string, unknown>>;
  /** One line for each key that was not understood where that may change a result. */
  readonly warnings: readonly string[];
}

/** Top-level sections of PaddleOCR's detection configs, those of version 1.1 at the end. */
export const paddleSections: ReadonlySet<string> = new Set([
  "Global",
  "Architecture",
  "Loss",
  "Optimizer",
  "PostProcess",
  "Metric",
  "Train",
  "Eval",
  "Test",
  "profiler_options",
  "Backbone",
  "Head",
  "TrainReader",
  "EvalReader",
  "TestReader",
]);

/** Option key by config key; `undefined`: known, and of no effect here. */
type KeyTable = ReadonlyMap<string, string | undefined>;

const postProcessKeys: KeyTable = new Map([
  ["name", undefined],
  ["function", undefined],
  ["thresh", "thresh"],
  ["box_thresh", "boxThresh"],
  ["max_candidates", "maxCandidates"],
  ["unclip_ratio", "unclipRatio"],
  ["use_dilation", "dilation"],
  ["score_mode", "scoreMode"],
  ["box_type", "boxType"],
]);

const resizeKeys: KeyTable = new Map([
  ["limit_side_len", "limitSideLen"],
  ["limit_type", "limitType"],
  ["image_shape", "imageShape"],
  ["keep_ratio", "keepRatio"],
  ["resize_long", "resizeLong"],
]);

const evalDatasetKeys: KeyTable = new Map([
  ["name", undefined],
  ["data_dir", "imageRoot"],
  ["label_file_list", "data"],
  ["ratio_list", undefined],
  ["transforms", undefined],
]);

/** Transforms whose work is done here in the same way, with no settings of their own. */
const plainTransforms: ReadonlySet<string> = new Set(["DetLabelEncode", "ToCHWImage", "KeepKeys"]);

function readSection(
  section: unknown,
  where: string,
  keys: KeyTable,
  into: Record<string, unknown>,
  warnings: string[],
): void {
  if (!isTree(section)) return;
  for (const [key, value] of Object.entries(section)) {
    if (!keys.has(key)) {
      warnings.push(`${where}.${key} is not known here and has no effect`);
      continue;
    }
    const option = keys.get(key);
    if (option !== undefined && value !== null) into[option] = value;
  }
}

function readDecode(options: unknown, where: string, warnings: string[]): void {
  if (!isTree(options)) return;
  const mode = options["img_mode"];
  if (mode !== undefined && mode !== "BGR") {
    warnings.push(
      `${where}.img_mode ${JSON.stringify(mode)} has no effect: images are read as BGR`,
    );
  }
}

function readNormalize(options: unknown, into: Record<string, unknown>): void {
  if (!isTree(options)) return;
  for (const key of ["mean", "std", "scale"] as const) {
    if (options[key] !== undefined)
      into[`normalize${key[0]?.toUpperCase()}${key.slice(1)}`] = options[key];
  }
}

function readTransforms(
  transforms: unknown,
  into: Record<string, unknown>,
  warnings: string[],
): void {
  if (!Array.isArray(transforms)) return;
  for (const entry of transforms) {
    if (!isTree(entry)) continue;
    for (const [name, options] of Object.entries(entry)) {
      const where = `Eval.dataset.transforms.${name}`;
      if (name === "DetResizeForTest") readSection(options, where, resizeKeys, into, warnings);
      else if (name === "DecodeImage") readDecode(options, where, warnings);
      else if (name === "NormalizeImage") readNormalize(options, into);
      else if (!plainTransforms.has(name)) {
        warnings.push(`${where} is not known here and has no effect`);
      }
    }
  }
}

/**
 * Reads what concerns evaluation from a PaddleOCR detection config: post-processing, the resize and
 * normalisation of `Eval.dataset.transforms`, and where the data lies. Training sections are left
 * alone.
 */
export function readPaddleConfig(tree: ConfigTree): PaddleConfig {
  const values: Record<string, unknown> = {};
  const warnings: string[] = [];
  const postProcess = tree["PostProcess"];
  readSection(postProcess, "PostProcess", postProcessKeys, values, warnings);
  if (isTree(postProcess)) {
    const name = postProcess["name"];
    if (name !== undefined && name !== "DBPostProcess") {
      warnings.push(`PostProcess.name ${JSON.stringify(name)} is not known: DBPostProcess is used`);
    }
  }
  const evaluation = tree["Eval"];
  const dataset = isTree(evaluation) ? evaluation["dataset"] : undefined;
  readSection(dataset, "Eval.dataset", evalDatasetKeys, values, warnings);
  if (isTree(dataset)) readTransforms(dataset["transforms"], values, warnings);
  const global = tree["Global"];
  if (isTree(global) && global["seed"] !== undefined && global["seed"] !== null) {
    values["seed"] = global["seed"];
  }
  return { values, warnings };
}
