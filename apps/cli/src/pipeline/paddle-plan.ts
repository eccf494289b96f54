import {
  type PaddleDataSet,
  type PaddleDetectionPlan,
  readDataset,
  readPaddleDetectionConfig,
  type Sample,
} from "@ocrslim/ocr-det";
import { CliError } from "../cli-error.ts";
import type { CommandContext } from "../command.ts";
import { readTree } from "../options/config.ts";
import { type ConfigTree, isTree } from "../options/overrides.ts";
import { paddleSections } from "../options/paddle-config.ts";
import { shuffle } from "./data.ts";

/** The sections of a PaddleOCR config, with those of the reader file that version 1.1 names. */
export async function readPaddleTree(context: CommandContext): Promise<ConfigTree> {
  const sections = Object.entries(context.config).filter(([key]) => paddleSections.has(key));
  if (sections.length === 0) {
    throw new CliError(
      "missing-option",
      "there is no detection config; give one of PaddleOCR's with -c",
    );
  }
  const tree: ConfigTree = Object.fromEntries(sections);
  const global = tree["Global"];
  const reader = isTree(global) ? global["reader_yml"] : undefined;
  if (typeof reader !== "string" || tree["TrainReader"] !== undefined) return tree;
  return { ...(await readTree(context.path(reader))), ...tree };
}

/** Reads the config of a run; what has no effect or another one is said in warnings. */
export async function readPaddlePlan(
  context: CommandContext,
  options: { readonly checkFiles: boolean },
): Promise<PaddleDetectionPlan> {
  const plan = await readPaddleDetectionConfig(await readPaddleTree(context), {
    baseFolder: context.path("."),
    ...options,
  });
  for (const path of plan.unknown) {
    context.logger.warn(`${path} is not known here and has no effect`);
  }
  for (const note of plan.notes) context.note(note);
  return plan;
}

/** The samples of a data set; of a source with a ratio, a part of them that the seed chooses. */
export async function readSamples(
  context: CommandContext,
  { sources, imageRoot }: PaddleDataSet,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const { file, ratio } of sources) {
    const all = (await readDataset(file, { imageRoot })).samples;
    if (ratio === 1) {
      samples.push(...all);
      continue;
    }
    const order = shuffle([...all.keys()], context.seed);
    const kept = new Set(order.slice(0, Math.max(1, Math.round(all.length * ratio))));
    samples.push(...all.filter((_, index) => kept.has(index)));
  }
  return samples;
}
