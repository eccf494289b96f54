import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Figure, toFigure } from "../src/harness/figure.ts";
import { findLoadWarning, type Machine } from "../src/harness/machine.ts";
import { nameResultsFile, readResults, recordResults } from "../src/harness/results-file.ts";
import { median, medianRatio, timeRounds } from "../src/harness/time-rounds.ts";
import { renderTables, replaceBetweenMarkers, updateReadme } from "../src/update-readme.ts";

const machine: Machine = {
  cpu: "Intel(R) Xeon(R) Processor @ 2.10GHz",
  cores: 2,
  threads: 2,
  runtime: "onnxruntime-node",
  version: "1.2.3",
  node: "v20.0.0",
  platform: "linux x64",
};
const spec = {
  name: "read/a",
  label: "reads a",
  unit: "ms",
  direction: "at-most",
  goal: 5,
} as const;
const results = (date: string, ...figures: readonly Figure[]) =>
  ({ formatVersion: 1, date, machine, figures }) as const;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ocrslim-results-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a figure", () => {
  it("meets its goal on the side that its direction says, the goal itself included", () => {
    const least = { ...spec, direction: "at-least" } as const;
    expect([4, 5, 6].map((value) => toFigure(spec, value, 1).met)).toEqual([true, true, false]);
    expect([4, 5, 6].map((value) => toFigure(least, value, 1).met)).toEqual([false, true, true]);
    expect(toFigure(spec, Number.NaN, 1).met).toBe(false);
  });

  it("has no verdict without a goal", () => {
    const { goal: _goal, ...free } = spec;
    expect("met" in toFigure(free, 1, 1)).toBe(false);
  });
});

describe("recorded results", () => {
  it("are named by date and CPU", () => {
    expect(nameResultsFile({ date: "2026-01-31", machine })).toBe("2026-01-31-intel-xeon.json");
  });

  it("of one day are merged, a figure measured again replacing the earlier one", async () => {
    const other = { ...spec, name: "read/b" };
    await recordResults(folder, results("2026-01-30", toFigure(spec, 1, 1)));
    await recordResults(folder, results("2026-01-31", toFigure(other, 2, 1), toFigure(spec, 9, 1)));
    const path = await recordResults(folder, results("2026-01-31", toFigure(spec, 3, 1)));
    const { figures } = JSON.parse(await readFile(path, "utf8"));
    expect(figures.map(({ name, value }: Figure) => [name, value])).toEqual([
      ["read/a", 3],
      ["read/b", 2],
    ]);
    expect((await readResults(folder)).map(({ date }) => date)).toEqual([
      "2026-01-30",
      "2026-01-31",
    ]);
  });

  it("of no folder are none", async () => {
    expect(await readResults(join(folder, "nothing"))).toEqual([]);
  });

  it("become tables of the newest values", () => {
    const text = renderTables([
      results("2026-01-30", toFigure(spec, 1, 1)),
      results("2026-01-31", toFigure(spec, 7, 1)),
    ]);
    expect(text).toContain("| reads a | 7 ms | ≤ 5 ms | NOT met |");
    expect(text).toContain("2026-01-31");
    expect(text).not.toContain("2026-01-30");
  });

  it("are written between the README's markers, and nothing else is changed", async () => {
    const readme = join(folder, "README.md");
    await writeFile(readme, "before\n<!-- results:begin -->\nold\n<!-- results:end -->\nafter\n");
    await updateReadme(readme, renderTables([results("2026-01-31", toFigure(spec, 7, 1))]));
    const text = await readFile(readme, "utf8");
    expect(text).toMatch(
      /^before\n<!-- results:begin -->\n[\s\S]*7 ms[\s\S]*\n<!-- results:end -->\nafter\n$/,
    );
    expect(text).not.toContain("old");
  });

  it("are refused by a README without markers", () => {
    expect(() => replaceBetweenMarkers("no markers", "text")).toThrow("results:begin");
  });
});

describe("timeRounds", () => {
  it("runs entrants in turns, the order changing from round to round", async () => {
    const order: string[] = [];
    const samples = await timeRounds([() => order.push("a"), async () => order.push("b")], {
      rounds: 2,
      warmup: 1,
    });
    expect(order.join("")).toMatch(/^(ab|ba)abba$/);
    expect(samples.map((list) => list.length)).toEqual([2, 2]);
  });

  it("takes ratios round by round, so that a drift of the machine cancels", () => {
    expect(medianRatio([2, 4, 60], [1, 2, 30])).toBe(2);
    expect(median([3, 1, 2])).toBe(2);
  });
});

describe("the load warning", () => {
  it("comes above one process per core", () => {
    expect(findLoadWarning(1.9, 2)).toBeUndefined();
    expect(findLoadWarning(2.5, 2)).toContain("2.5 on 2 cores");
  });
});
