import { readFile, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BenchmarkGroup } from "./harness/benchmark.ts";
import type { Figure } from "./harness/figure.ts";
import { formatGoal, formatValue, formatVerdict } from "./harness/render-figure.ts";
import { type Results, readResults } from "./harness/results-file.ts";

/** The README that has the tables. */
export const README: string = fileURLToPath(new URL("../../README.md", import.meta.url));

/** Where what was measured is kept. */
export const RESULTS_FOLDER: string = fileURLToPath(new URL("../results", import.meta.url));

const BEGIN = "<!-- results:begin -->";
const END = "<!-- results:end -->";

const TITLES: Readonly<Record<BenchmarkGroup, string>> = {
  compress: "`compress`, as the demo runs it",
  prune: "Pruning without training, PP-OCRv4 det",
  accuracy: "The detectors as they are, against PaddleOCR's own pipeline",
  latency: "Latency",
  simplify: "Simplifying",
  groups: "Channel groups",
  cost: "Cost",
  "post-processing": "Post-processing",
  sensitivity: "Sensitivity",
  read: "Reading and writing",
};

/**
 * The tables of the newest value of each figure, in Markdown, with the machines they were measured
 * on.
 */
export function renderTables(results: readonly Results[]): string {
  const newest = new Map<string, { readonly figure: Figure; readonly source: number }>();
  results.forEach(({ figures }, source) => {
    for (const figure of figures) newest.set(figure.name, { figure, source });
  });
  const sections = Object.entries(TITLES).flatMap(([group, title]) => {
    const rows = [...newest.values()]
      .filter(({ figure }) => figure.name.startsWith(`${group}/`))
      .map(({ figure }) => tableRow(figure));
    if (rows.length === 0) return [];
    return [[`**${title}**`, "", "| | measured | goal | |", "| --- | --- | --- | --- |", ...rows]];
  });
  const sources = new Set([...newest.values()].map(({ source }) => source));
  const machines = results.filter((_, source) => sources.has(source)).map(describeSource);
  return [...sections.map((lines) => lines.join("\n")), ...machines].join("\n\n");
}

/** Puts text between the markers. @throws RangeError if the document does not have them. */
export function replaceBetweenMarkers(document: string, text: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new RangeError(`update-readme: the document lacks ${BEGIN} … ${END}; add both lines`);
  }
  return `${document.slice(0, begin + BEGIN.length)}\n${text}\n${document.slice(end)}`;
}

/** Writes the tables of a README anew. @throws RangeError if it lacks the markers. */
export async function updateReadme(file: string, results: readonly Results[]): Promise<void> {
  const updated = replaceBetweenMarkers(await readFile(file, "utf8"), renderTables(results));
  await writeFile(`${file}.tmp`, updated);
  await rename(`${file}.tmp`, file);
}

function tableRow(figure: Figure): string {
  const value = formatValue(figure.value, figure.unit);
  const cells = [figure.label, value, formatGoal(figure), formatVerdict(figure)];
  return `| ${cells.join(" | ")} |`;
}

function describeSource({ date, machine }: Results): string {
  const { cpu, cores, threads, node, runtime, version } = machine;
  return `Measured on ${date}: ${cpu}, ${cores} cores, ${threads ?? "default"} threads, Node ${node}, ${runtime} ${version}.`;
}

// As a script it renders what is recorded, and measures nothing.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await updateReadme(README, await readResults(RESULTS_FOLDER));
}
