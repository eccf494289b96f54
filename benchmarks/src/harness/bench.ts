import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RESULTS_FOLDER, updateReadmes } from "../update-readme.ts";
import type { Benchmark } from "./benchmark.ts";
import { createContext } from "./create-context.ts";
import type { Figure } from "./figure.ts";
import { describeBenchMachine, findLoadWarning, type Machine } from "./machine.ts";
import { readOptions, USAGE } from "./options.ts";
import { figureToJson, renderFigure } from "./render-figure.ts";
import { recordResults } from "./results-file.ts";
import { runBenchmarks, selectBenchmarks } from "./run-benchmarks.ts";

/** Where lines go; results to `out`, everything else to `err`. */
export interface BenchIo {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * The command `bench`. Returns the exit code: 0 also where goals are missed, 1 if a filter matches
 * nothing or the README could not be updated.
 * @throws OptionError; what a benchmark or a file throws.
 */
export async function bench(
  argv: readonly string[],
  benchmarks: readonly Benchmark[],
  io: BenchIo,
): Promise<0 | 1> {
  const options = readOptions(argv, io.environment);
  const selected = selectBenchmarks(benchmarks, options.filters);
  if (options.help) io.out(USAGE);
  else if (options.list) for (const line of listFigures(selected)) io.out(line);
  if (options.help || options.list) return 0;
  if (selected.length === 0) {
    io.err(`bench: no benchmark matches ${options.filters.join(" ")}; see --list`);
    return 1;
  }
  const warning = findLoadWarning();
  if (warning !== undefined) io.err(`warning: ${warning}`);
  const folder = await mkdtemp(join(tmpdir(), "ocrslim-bench-"));
  try {
    const context = createContext(options, folder, io.err);
    const { figures } = await runBenchmarks(selected, context, {
      onStart: ({ group, name }) => io.err(`${group}: ${name} …`),
      onSkip: ({ name, reason }) => io.err(`skipped ${name}: ${reason}`),
      onFigure: (figure) => options.json || io.out(renderFigure(figure)),
    });
    if (options.json) io.out(JSON.stringify(figures.map(figureToJson), undefined, 2));
    if (!options.record) return 0;
    return await record(figures, describeBenchMachine(context.runtime), io);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function listFigures(benchmarks: readonly Benchmark[]): readonly string[] {
  return benchmarks.flatMap(({ group, name, figures }) => [
    `${group}: ${name}`,
    ...figures.map((figure) => `  ${figure.name.padEnd(44)} ${figure.label}`),
  ]);
}

async function record(figures: readonly Figure[], machine: Machine, io: BenchIo): Promise<0 | 1> {
  const date = new Date().toISOString().slice(0, 10);
  const path = await recordResults(RESULTS_FOLDER, { formatVersion: 1, date, machine, figures });
  io.err(`recorded in ${path}`);
  try {
    await updateReadmes();
    return 0;
  } catch (error) {
    io.err(
      `bench: the READMEs are as they were: ${error instanceof Error ? error.message : error}`,
    );
    return 1;
  }
}
