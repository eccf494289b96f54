import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Figure } from "./figure.ts";
import type { Machine } from "./machine.ts";

/** What was measured on one machine on one day. */
export interface Results {
  readonly formatVersion: 1;
  /** `2026-01-31`, UTC. */
  readonly date: string;
  readonly machine: Machine;
  /** Ordered by name. */
  readonly figures: readonly Figure[];
}

/** `2026-01-31-amd-epyc-7b13.json` */
export function nameResultsFile({ date, machine }: Pick<Results, "date" | "machine">): string {
  const cpu = machine.cpu
    .toLowerCase()
    .replace(/\((r|tm)\)|@.*|\b(cpu|processor)\b/g, " ")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return `${date}-${cpu || "unknown"}.json`;
}

/**
 * Keeps results in a folder. Those of the same day and CPU go into one file, where a figure measured
 * again replaces the earlier one. Returns the path.
 */
export async function recordResults(folder: string, results: Results): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, nameResultsFile(results));
  const earlier = await readFile(path, "utf8").catch(() => undefined);
  const figures = new Map<string, Figure>();
  if (earlier !== undefined) {
    for (const figure of (JSON.parse(earlier) as Results).figures) figures.set(figure.name, figure);
  }
  for (const figure of results.figures) figures.set(figure.name, figure);
  const sorted = [...figures.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const text = `${JSON.stringify({ ...results, figures: sorted }, undefined, 2)}\n`;
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
  return path;
}

/** All results of a folder, oldest first; none if there is no such folder. */
export async function readResults(folder: string): Promise<readonly Results[]> {
  const names = await readdir(folder).catch((): string[] => []);
  const texts = names
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => readFile(join(folder, name), "utf8"));
  return (await Promise.all(texts)).map((text) => JSON.parse(text) as Results);
}
