import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { bench } from "../src/harness/bench.ts";
import type { Benchmark } from "../src/harness/benchmark.ts";
import { toFigure } from "../src/harness/figure.ts";
import { benchmarks } from "../src/tasks.ts";

interface Outcome {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

async function runBench(
  argv: readonly string[],
  list: readonly Benchmark[] = benchmarks,
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await bench(argv, list, {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  });
  return { code, out, err };
}

const size = {
  name: "read/size",
  label: "size",
  unit: "MB",
  direction: "at-most",
  goal: 5,
} as const;
const speed = { name: "read/speed", label: "speed", unit: "MB/s", direction: "at-least" } as const;
const small: Benchmark = {
  name: "small",
  group: "read",
  figures: [size, speed],
  run: async () => [toFigure(size, 7, 2), toFigure(speed, 90.123456, 3)],
};
const lacking: Benchmark = {
  ...small,
  name: "lacking",
  unavailable: () => "it needs pictures; give --data",
};

describe("the list of benchmarks", () => {
  it("names every figure once, by the group of its benchmark", () => {
    const names = benchmarks.flatMap(({ figures }) => figures.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
    for (const { group, figures } of benchmarks) {
      for (const { name } of figures) expect(name.startsWith(`${group}/`), name).toBe(true);
    }
  });

  it("names every benchmark once", () => {
    const names = benchmarks.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("bench", () => {
  it("measures a real benchmark and prints one JSON document, figures as declared", async () => {
    const { code, out } = await runBench(["cost", "--json"]);
    expect(code).toBe(0);
    expect(out).toHaveLength(1);
    const figures: Record<string, unknown>[] = JSON.parse(out[0] ?? "");
    const declared = benchmarks.find(({ name }) => name === "cost")?.figures ?? [];
    expect(figures.length).toBeGreaterThanOrEqual(4);
    for (const figure of figures) {
      const spec = declared.find(({ name }) => name === figure["name"]);
      expect(figure).toMatchObject({
        unit: spec?.unit,
        direction: spec?.direction,
        goal: spec?.goal ?? null,
      });
      expect(figure["value"]).toBeTypeOf("number");
      expect(figure["samples"]).toBeGreaterThan(0);
    }
    expect(figures.filter(({ met }) => met === false)).toEqual([]);
  });

  it("prints name, value, unit, goal and verdict, one line a figure", async () => {
    const { out } = await runBench([], [small]);
    expect(out).toHaveLength(2);
    expect(out[0]).toMatch(/^read\/size\s+7 MB {2}goal ≤ 5 MB {2}NOT met$/);
    expect(out[1]).toMatch(/^read\/speed\s+90\.12 MB\/s$/);
  });

  it("selects by group, by part of a benchmark's name and by part of a figure's", async () => {
    const other: Benchmark = { ...small, name: "other", group: "cost", figures: [speed] };
    const names = async (filter: string): Promise<readonly string[]> => {
      const { err } = await runBench([filter], [small, other]);
      return err.filter((line) => line.endsWith("…"));
    };
    expect(await names("read")).toEqual(["read: small …"]);
    expect(await names("cost")).toEqual(["cost: other …"]);
    expect(await names("sma")).toEqual(["read: small …"]);
    expect(await names("size")).toEqual(["read: small …"]);
    expect(await names("read/")).toHaveLength(2);
  });

  it("says why a benchmark can't be run, and still prints a document", async () => {
    const { code, out, err } = await runBench(["--json"], [lacking]);
    expect(code).toBe(0);
    expect(err).toContain("skipped lacking: it needs pictures; give --data");
    expect(JSON.parse(out[0] ?? "")).toEqual([]);
  });

  it("lists without measuring", async () => {
    const { out, err } = await runBench(["--list"], [small]);
    expect(out).toHaveLength(3);
    expect(err).toEqual([]);
  });

  it("fails if no benchmark matches, naming the filter", async () => {
    const { code, err } = await runBench(["nothing-like-it"]);
    expect(code).toBe(1);
    expect(err.join()).toContain("nothing-like-it");
  });

  it("refuses a path that does not exist, an unknown option and a bad number", async () => {
    await expect(runBench(["--data", "/no/such/folder"], [small])).rejects.toThrow("--data");
    await expect(runBench(["--frobnicate"], [small])).rejects.toThrow("frobnicate");
    await expect(runBench(["--threads", "0"], [small])).rejects.toThrow("--threads is 0");
  });

  it("runs as a command, one line for a bad option", async () => {
    const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
    const flags = ["--conditions=@ocrslim/source", "--import", "tsx", main];
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, [...flags, "--list"]);
    expect(stdout).toContain("read/det-read");
    const failed = run(process.execPath, [...flags, "--threads", "many"]);
    await expect(failed).rejects.toMatchObject({
      code: 1,
      stderr: "bench: --threads is many; give an integer of 1 or more\n",
    });
  });
});
