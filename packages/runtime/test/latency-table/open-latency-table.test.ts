import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { LatencyTable } from "@ocrslim/runtime";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  latencyCacheFolder,
  type OpenLatencyTableOptions,
  openLatencyTable,
} from "../../src/latency-table/open-latency-table.ts";
import { predictLatency } from "../../src/latency-table/predict-latency.ts";
import { readLatencyTable, writeLatencyTable } from "../../src/latency-table/table-file.ts";
import { type FakeProfilerOptions, fakeProfiler } from "./fake-profiler.ts";
import { smallDetector } from "./small-detector.ts";

const model = smallDetector();
const other = smallDetector({ kernel: 5 });

describe("openLatencyTable", () => {
  let cacheFolder = "";
  beforeEach(async () => {
    cacheFolder = await mkdtemp(join(tmpdir(), "ocrslim-table-"));
  });
  afterEach(() => rm(cacheFolder, { recursive: true }));

  const open = async (
    options: Partial<OpenLatencyTableOptions> = {},
    profiler: FakeProfilerOptions = {},
    target = model,
  ): Promise<{ table: LatencyTable; loads: number }> => {
    const runtime = fakeProfiler(profiler);
    const settings = { runtime, cacheFolder, channelMultiple: 8, rounds: 4, ...options };
    const table = await openLatencyTable(target, settings);
    return { table, loads: runtime.loaded.length };
  };

  it("measures once, and reads the cache from then on, until told to measure again", async () => {
    const first = await open();
    expect(first.loads).toBeGreaterThan(0);
    const second = await open();
    expect(second).toEqual({ table: first.table, loads: 0 });
    expect((await open({ remeasure: true })).loads).toBeGreaterThan(0);
    expect(await readdir(cacheFolder)).toHaveLength(1);
  });

  it("has a file for each set of conditions", async () => {
    await open();
    expect((await open({ threads: 2 })).loads).toBeGreaterThan(0);
    expect((await open({}, { version: "2" })).loads).toBeGreaterThan(0);
    expect((await open({}, { threads: 2 })).loads).toBe(0);
    expect(await readdir(cacheFolder)).toHaveLength(3);
  });

  it("extends a table by the layers of another model, at the speed of the newer one", async () => {
    const before = (await open()).table;
    const slow = { drift: () => 3 };
    const { table, loads } = await open({}, slow, other);
    expect(loads).toBeGreaterThan(0);
    expect(table.layers).toHaveLength(before.layers.length + 1);
    for (const target of [model, other]) {
      expect((await open({}, {}, target)).loads).toBe(0);
      expect(predictLatency(target, table).missing).toEqual([]);
    }
    const shares = (of: LatencyTable): readonly number[] =>
      predictLatency(model, of).layers.map(({ share }) => share);
    shares(table).forEach((share, index) => {
      expect(share).toBeCloseTo(shares(before)[index]!, 6);
    });
  });

  it("refuses a given table from another machine, and names what differs", async () => {
    const file = join(cacheFolder, "mine.json");
    const { table } = await open();
    await writeLatencyTable(file, {
      ...table,
      machine: { ...table.machine, cpu: "Another CPU", threads: 7 },
    });
    const before = await readFile(file, "utf8");
    await expect(open({ file })).rejects.toMatchObject({
      code: "table-mismatch",
      message: expect.stringMatching(
        /CPU: Another CPU there.*threads: 7 there, the runtime's own here.*--remeasure/,
      ),
    });
    expect(await readFile(file, "utf8")).toBe(before);
    const renewed = await open({ file, remeasure: true });
    expect(await readLatencyTable(file)).toEqual(renewed.table);
    expect((await open({ file })).loads).toBe(0);
    await writeLatencyTable(file, { ...table, inputShapes: { x: [1, 3, 64, 64] } });
    await expect(open({ file })).rejects.toThrow("x [1, 3, 64, 64] there, x [1, 3, 32, 32] here");
  });

  it("survives a broken cache with a warning", async () => {
    await open();
    const [name = ""] = await readdir(cacheFolder);
    await writeFile(join(cacheFolder, name), '{"formatVersion": 1');
    const warnings: string[] = [];
    const quiet = () => {};
    const logger = {
      debug: quiet,
      info: quiet,
      error: quiet,
      warn: (text: string) => warnings.push(text),
    };
    expect((await open({ logger })).loads).toBeGreaterThan(0);
    expect(warnings).toEqual([expect.stringContaining("is no latency table")]);
    expect((await open({ logger })).loads).toBe(0);
    await open({ logger, cacheFolder: join(cacheFolder, name) });
    expect(warnings.length).toBeGreaterThan(1);
  });
});

describe("readLatencyTable", () => {
  it("refuses what is no table", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ocrslim-table-"));
    const path = join(folder, "table.json");
    try {
      await expect(readLatencyTable(path)).rejects.toMatchObject({ code: "file-access" });
      const runtime = fakeProfiler();
      const table = await openLatencyTable(model, { runtime, file: path, remeasure: true });
      const layer = table.layers.find(({ outputs }) => outputs.length > 1)!;
      const broken: readonly unknown[] = [
        [],
        { ...table, formatVersion: 2 },
        { ...table, machine: { cpu: "x" } },
        { ...table, channelMultiple: 0 },
        { ...table, inputShapes: { x: "1" } },
        { ...table, reference: {} },
        { ...table, repeatability: null },
        { ...table, layers: {} },
        { ...table, layers: [{ ...layer, inputs: [8, 8] }] },
        { ...table, layers: [{ ...layer, times: [[1]] }] },
        { ...table, layers: [{ ...layer, signature: 1 }] },
      ];
      for (const content of broken) {
        await writeFile(path, JSON.stringify(content));
        await expect(
          readLatencyTable(path),
          JSON.stringify(content).slice(0, 80),
        ).rejects.toMatchObject({ code: "malformed-file" });
      }
      await writeLatencyTable(path, table);
      expect(await readLatencyTable(path)).toEqual(table);
      expect(await readdir(folder)).toEqual(["table.json"]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("latencyCacheFolder", () => {
  it("is where each system keeps caches", () => {
    expect(latencyCacheFolder({ XDG_CACHE_HOME: "/c" }, "linux")).toBe(join("/c", "ocrslim"));
    expect(latencyCacheFolder({}, "linux")).toBe(join(homedir(), ".cache", "ocrslim"));
    expect(latencyCacheFolder({}, "darwin")).toBe(join(homedir(), "Library", "Caches", "ocrslim"));
    expect(latencyCacheFolder({ LOCALAPPDATA: "/l" }, "win32")).toBe(join("/l", "ocrslim"));
  });
});
