import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  readPaddleSlimSensitivities,
  readSensitivities,
  writePaddleSlimSensitivities,
  writeSensitivities,
} from "@ocrslim/sensitivity";
import { describe, expect, it } from "vitest";
import { listFiles, runCli, temporaryFolder } from "../support.ts";
import { sweepOptions, writeTinyDetector } from "../sweep-support.ts";

const ratios = ["--ratios", "0.25,0.5,0.75"];

describe("sensitivity in shards", () => {
  it("merges into what one process measures, and says what is missing until then", async () => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const measure = (name: string, ...more: readonly string[]) =>
      runCli([
        ...["sensitivity", model, "-o", join(folder, name), ...ratios],
        ...sweepOptions(),
        ...more,
      ]);
    const whole = await measure("whole.json");
    expect(whole.stderr).toBe("");
    const { file: _, ...report } = JSON.parse(whole.stdout);
    expect(report.curves.map((curve: { points: unknown[] }) => curve.points.length)).toEqual([
      3, 3,
    ]);

    for (const part of ["1", "2", "3"]) {
      expect((await measure(`${part}.json`, "--shard", `${part}/3`)).exitCode).toBe(0);
    }
    const merge = (...parts: readonly string[]) =>
      runCli([
        ...["sensitivity", "-o", join(folder, "merged.json"), "--json"],
        ...parts.flatMap((part) => ["--merge", join(folder, `${part}.json`)]),
      ]);
    const partial = await merge("1", "2");
    expect(partial.exitCode).toBe(0);
    const { missing } = JSON.parse(partial.stdout);
    expect(missing.length).toBeGreaterThan(0);
    expect(partial.stderr).toMatch(new RegExp(`^warning: ${missing.length} points are missing`));
    const all = await merge("3", "1", "2");
    expect(all.stderr).toBe("");
    expect(JSON.parse(all.stdout)).not.toHaveProperty("missing");
    const merged = await readSensitivities(join(folder, "merged.json"));
    expect(merged.curves.toSorted((a, b) => (a.group < b.group ? -1 : 1))).toEqual(report.curves);

    // Parts may also be measured into one file.
    for (const part of ["2/2", "1/2"]) await measure("same.json", "--shard", part);
    expect(await readSensitivities(join(folder, "same.json"))).toEqual(report);
  });

  it.each(["0/2", "3/2", "1", "1/0", "a/b", "-1/2"])("refuses the shard %s", async (shard) => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const output = join(folder, "s.json");
    const argv = ["sensitivity", model, "-o", output, ...sweepOptions(), `--shard=${shard}`];
    const { exitCode, stderr } = await runCli(argv);
    expect(stderr).toMatch(/^error: --shard [^\n]+2\/8\n$/);
    expect(exitCode).toBe(1);
    expect(await listFiles(folder)).toEqual(["tiny.onnx"]);
  });

  it("refuses to merge parts of other models", async () => {
    const folder = await temporaryFolder();
    const files = [];
    for (const seed of [1, 2]) {
      const model = await writeTinyDetector(folder, 64, seed);
      const file = join(folder, `${seed}.json`);
      await runCli(["sensitivity", model, "-o", file, "--ratios", "0.5", ...sweepOptions()]);
      files.push("--merge", file);
    }
    const merged = await runCli(["sensitivity", "-o", join(folder, "m.json"), ...files]);
    expect(merged.exitCode).toBe(1);
    expect(merged.stderr).toMatch(/^error: [^\n]*another model[^\n]*\n$/);
  });
});

describe("sensitivity by other ways", () => {
  const measure = async (folder: string, name: string, ...more: readonly string[]) => {
    const model = await writeTinyDetector(folder);
    const output = join(folder, name);
    const argv = ["sensitivity", model, "-o", output, "--ratios", "0.25,0.5,0.75"];
    const result = await runCli([...argv, ...sweepOptions(), ...more]);
    expect(result.stderr).toBe("");
    return await readSensitivities(output);
  };

  it("finds what running whole models finds", async () => {
    const folder = await temporaryFolder();
    const fast = await measure(folder, "fast.json");
    const exact = await measure(folder, "exact.json", "--exact");
    expect(fast.curves.length).toBe(2);
    for (const [index, curve] of exact.curves.entries()) {
      for (const [at, { metric }] of curve.points.entries()) {
        expect(fast.curves[index]?.points[at]?.metric).toBeCloseTo(metric, 5);
      }
    }
  });

  it("looks only for where a limit is crossed", async () => {
    const folder = await temporaryFolder();
    const all = await measure(folder, "all.json");
    const [curve] = all.curves;
    const limit = ((curve?.points[0]?.loss ?? 0) + (curve?.points[1]?.loss ?? 0)) / 2;
    const raced = await measure(folder, "raced.json", "--max-loss", String(limit));
    const count = ({ curves }: typeof all) =>
      curves.reduce((sum, { points }) => sum + points.length, 0);
    expect(count(raced)).toBeLessThanOrEqual(count(all));
    const bought = raced.curves[0]?.points.filter(({ loss }) => loss <= limit).at(-1)?.ratio;
    expect(bought).toBe(0.25);
  });

  it("compares maps by what they tell, and says so", async () => {
    const folder = await temporaryFolder();
    const report = await measure(folder, "distance.json", "--method", "output-distance");
    expect(report.metric).toBe("output-distance");
    expect(report.baseline).toBeCloseTo(1, 6);
    for (const { points } of report.curves) {
      for (const { loss } of points) expect(loss).toBeGreaterThan(0);
    }
  });

  it.each<[string, readonly string[]]>([
    ["--exact with a limit", ["--exact", "--max-loss", "0.1"]],
    ["gradients in shards", ["--method", "fisher", "--shard", "1/2"]],
    ["a shared folder without workers", ["--shared", "."]],
  ])("refuses %s", async (_, more) => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const argv = ["sensitivity", model, "-o", join(folder, "s.json"), ...sweepOptions()];
    const { exitCode, stderr } = await runCli([...argv, ...more]);
    expect(stderr).toMatch(/^error: --[^\n]+\n$/);
    expect(exitCode).toBe(1);
  });

  it("ends with 1 if points failed, and says which and why", async () => {
    const folder = await temporaryFolder();
    await measure(folder, "s.json");
    const file = join(folder, "s.json");
    const report = await readSensitivities(file);
    const failed = [{ group: "conv_w_2", ratio: 0.9, removed: 11, reason: "image 3 is broken" }];
    await writeSensitivities(file, { ...report, failed });
    const merged = ["sensitivity", "--merge", file, "-o", join(folder, "merged.json")];
    const { exitCode, stdout, stderr } = await runCli(merged);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("conv_w_2");
    expect(stderr).toMatch(
      /\nerror: 1 points [^\n]*"conv_w_2" at ratio 0.9: image 3 is broken[^\n]*\n$/,
    );
  });
});

describe("sensitivity in other forms", () => {
  it("exports CSV and PaddleSlim's file, by the names of the weights", async () => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const [csv, pickle] = [join(folder, "s.csv"), join(folder, "sen.data")];
    const { stdout } = await runCli([
      ...["sensitivity", model, "-o", join(folder, "s.json"), ...ratios, ...sweepOptions()],
      ...["--export-csv", csv, "--export-paddleslim", pickle],
    ]);
    const report = JSON.parse(stdout);
    expect((await readFile(csv, "utf8")).trim().split("\r\n")).toHaveLength(1 + 6);
    const { kind, curves } = await readPaddleSlimSensitivities(pickle);
    expect(kind).toBe("static");
    expect(curves.map(({ parameter }) => parameter)).toEqual(["conv_w", "conv_w_2"]);
    expect(curves[0]?.points).toEqual(
      report.curves[0].points.map(({ ratio, loss }: { ratio: number; loss: number }) => ({
        ratio,
        loss,
      })),
    );
  });

  it("draws curves and a map", async () => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const plots = join(folder, "plots");
    const argv = ["sensitivity", model, "-o", join(folder, "s.json"), ...ratios, ...sweepOptions()];
    const { exitCode } = await runCli([...argv, "--plots", plots, "--profile"]);
    expect(exitCode).toBe(0);
    expect(await listFiles(plots)).toEqual(["curves.svg", "map.svg", "sensitivity.html"]);
  });

  it("prints a ranked table", async () => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const options = sweepOptions().filter((option) => option !== "--json");
    const argv = ["sensitivity", model, "-o", join(folder, "s.json"), ...ratios, ...options];
    const { stdout } = await runCli(argv);
    expect(stdout).toMatch(/group +width +MACs +loss at 50 %/);
    // 16 of 3 + 12 of 16 + 1 of 12 channels: the first group touches 240 of 252 products.
    expect(stdout).toMatch(/conv_w +16 +95\.2 %/);
    expect(stdout).toContain("map 1.0000 on 2 images unpruned; 1 groups skipped");
  });

  it("hands PaddleSlim's losses to a plan", async () => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const pickle = join(folder, "sen.data");
    const curve = (group: string, loss: number) => ({
      ...{ group, width: 16 },
      points: [{ ratio: 0.5, loss }],
    });
    await writePaddleSlimSensitivities(pickle, [
      curve("conv_w", 0.001),
      curve("conv_w_2", 0.5),
      curve("conv2d_9.w_0", 0),
    ]);
    const argv = [
      "plan",
      model,
      "--sensitivity",
      pickle,
      "--max-loss",
      "0.01",
      "--json",
      "--channel-multiple",
      "1",
    ];
    const { exitCode, stdout, stderr } = await runCli([...argv, "-o", join(folder, "plan.json")]);
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout).groups).toMatchObject([{ id: "conv_w", width: 16 }]);
    expect(stderr).toContain("1 parameters (conv2d_9.w_0, …) are not in the model");

    await writePaddleSlimSensitivities(pickle, [curve("conv2d_9.w_0", 0)]);
    const other = await runCli([...argv, "-o", join(folder, "plan.json")]);
    expect(other.exitCode).toBe(1);
    expect(other.stderr).toContain("none of its parameters");
  });

  it("refuses a place for exports that is not there, before it measures", async () => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const { exitCode, stderr } = await runCli([
      ...["sensitivity", model, "-o", join(folder, "s.json"), ...sweepOptions()],
      ...["--export-csv", join(folder, "missing", "s.csv")],
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("does not exist");
    expect(await listFiles(folder)).toEqual(["tiny.onnx"]);
  });
});

describe("sensitivity given a bad file", () => {
  it.each<[string, (text: string) => string, string]>([
    ["that is cut off", (text) => text.slice(0, -30), "breaks off"],
    ["of a newer version", (text) => text.replace('"formatVersion": 1', '"formatVersion": 9'), "9"],
    ["of another model", (text) => text.replace(/"modelHash": "../, '"modelHash": "zz'), "model"],
    [
      "of other data",
      (text) => text.replace(/"dataFingerprint": "../, '"dataFingerprint": "zz'),
      "data",
    ],
  ])("refuses one %s, and leaves it as it is", async (_, damage, word) => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const file = join(folder, "s.json");
    const argv = ["sensitivity", model, "-o", file, "--ratios", "0.5", ...sweepOptions()];
    await runCli(argv);
    const damaged = damage(await readFile(file, "utf8"));
    await writeFile(file, damaged);
    const { exitCode, stderr } = await runCli(argv);
    expect(stderr).toMatch(new RegExp(`^error: [^\\n]*s\\.json[^\\n]*${word}[^\\n]*\\n$`));
    expect(exitCode).toBe(1);
    expect(await readFile(file, "utf8")).toBe(damaged);
  });

  it.each([
    ["a ratio of 0", "0,0.5"],
    ["a ratio of 1", "0.5,1"],
    ["a ratio given twice", "0.5,0.5"],
  ])("refuses %s", async (_, list) => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const argv = ["sensitivity", model, "-o", join(folder, "s.json"), ...sweepOptions()];
    const { exitCode, stderr } = await runCli([...argv, "--ratios", list]);
    expect(stderr).toMatch(/^error: [^\n]*ratio[^\n]*\n$/);
    expect(exitCode).toBe(1);
  });
});
