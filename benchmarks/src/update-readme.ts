import { readFile, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BenchmarkGroup } from "./harness/benchmark.ts";
import type { Figure } from "./harness/figure.ts";
import { formatGoal, formatValue, formatVerdict } from "./harness/render-figure.ts";
import { type Results, readResults } from "./harness/results-file.ts";

/** The README that has the table of the main results. */
export const README: string = fileURLToPath(new URL("../../README.md", import.meta.url));

/** The README that has all tables. */
export const FULL_README: string = fileURLToPath(new URL("../README.md", import.meta.url));

/** Where what was measured is kept. */
export const RESULTS_FOLDER: string = fileURLToPath(new URL("../results", import.meta.url));

const BEGIN = "<!-- results:begin -->";
const END = "<!-- results:end -->";

const TITLES: Readonly<Record<BenchmarkGroup, string>> = {
  compress: "`compress`, as the demo runs it",
  "compress-latency": "`compress --latency`, without training",
  finetune: "Fine-tuning",
  "training-data": "Training data",
  "train-step": "Training steps",
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

/** What the first README shows, in this order. */
const HIGHLIGHTS: readonly string[] = [
  "compress/demo-macs",
  "compress/demo-latency",
  "compress/demo-hmean-original",
  "compress/demo-hmean",
  "compress/demo-agreement",
  "compress/demo-seconds",
  "compress-latency/det-60-32-latency",
  "compress-latency/det-60-32-sroie",
  "compress-latency/det-60-32-debmake-pages",
  "compress-latency/det-40-32-latency",
  "compress-latency/det-40-32-sroie",
  "compress-latency/det-40-32-debmake-pages",
  "compress-latency/det-40-32-seconds",
  "prune/uniform-10-means-sroie",
  "prune/uniform-10-means-debmake",
  "simplify/det-nodes",
  "simplify/det-time",
  "simplify/det-difference",
  "simplify/det-noise",
  "latency/det-simplified-ratio",
  "latency/det-onnxslim-ratio",
  "groups/det-time",
  "read/det-read",
  "read/det-write",
  "post-processing/python-ratio",
  "finetune/latency",
  "finetune/sroie",
  "finetune/debmake",
  "train-step/per-torch-1",
  "train-step/per-torch-4",
];

/** One table of the main results. */
export function renderHighlights(results: readonly Results[]): string {
  const newest = findNewest(results);
  const rows = HIGHLIGHTS.flatMap((name) => {
    const entry = newest.get(name);
    return entry ? [tableRow(entry.figure)] : [];
  });
  const shown = HIGHLIGHTS.flatMap((name) => newest.get(name)?.source ?? []);
  return [[...TABLE_HEAD, ...rows].join("\n"), ...describeSources(results, shown)].join("\n\n");
}

const TABLE_HEAD = ["| | measured | goal | |", "| --- | --- | --- | --- |"] as const;

interface Newest {
  readonly figure: Figure;
  /** Index of the results it is from. */
  readonly source: number;
}

function findNewest(results: readonly Results[]): ReadonlyMap<string, Newest> {
  const newest = new Map<string, Newest>();
  results.forEach(({ figures }, source) => {
    for (const figure of figures) newest.set(figure.name, { figure, source });
  });
  return newest;
}

function describeSources(results: readonly Results[], used: readonly number[]): readonly string[] {
  const sources = new Set(used);
  return results.filter((_, source) => sources.has(source)).map(describeSource);
}

/**
 * The tables of the newest value of each figure, in Markdown, with the machines they were measured
 * on.
 */
export function renderTables(results: readonly Results[]): string {
  const newest = findNewest(results);
  const sections = Object.entries(TITLES).flatMap(([group, title]) => {
    const rows = [...newest.values()]
      .filter(({ figure }) => figure.name.startsWith(`${group}/`))
      .map(({ figure }) => tableRow(figure));
    if (rows.length === 0) return [];
    return [[`**${title}**`, "", ...TABLE_HEAD, ...rows]];
  });
  const machines = describeSources(
    results,
    [...newest.values()].map(({ source }) => source),
  );
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

/** Writes the results into a document anew. @throws RangeError if it lacks the markers. */
export async function updateReadme(file: string, rendered: string): Promise<void> {
  const updated = replaceBetweenMarkers(await readFile(file, "utf8"), rendered);
  await writeFile(`${file}.tmp`, updated);
  await rename(`${file}.tmp`, file);
}

/** Writes what is recorded into both READMEs. */
export async function updateReadmes(): Promise<void> {
  const results = await readResults(RESULTS_FOLDER);
  await updateReadme(README, renderHighlights(results));
  await updateReadme(FULL_README, renderTables(results));
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
  await updateReadmes();
}
