import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BenchmarkContext } from "../harness/benchmark.ts";

/** A labelled set that a benchmark measures on. */
export type LabelledSet = "sroie" | "debmake-pages" | "icdar2015";

/** Label file of a set's part for measuring. */
export function labelFile(context: BenchmarkContext, set: LabelledSet): string {
  return join(context.dataFolder ?? "", set, "val.txt");
}

/** Why sets can't be measured on, or `undefined` if all are there. */
export function findMissingSets(
  context: BenchmarkContext,
  sets: readonly LabelledSet[],
): string | undefined {
  if (context.dataFolder === undefined) {
    return `it needs ${sets.join(" and ")}; give their folder with --data or OCRSLIM_DATA`;
  }
  const missing = sets.filter((set) => !existsSync(labelFile(context, set)));
  if (missing.length === 0) return undefined;
  return `${missing.join(", ")}/val.txt is not in ${context.dataFolder}; give another --data`;
}
