import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  calibrationPages,
  detector,
  listFiles,
  runCli,
  small,
  temporaryFolder,
} from "../support.ts";

async function readJson(path: string) {
  return JSON.parse(await readFile(path, "utf8"));
}

describe("simplify", () => {
  it("writes a smaller graph that computes the same", async () => {
    const folder = await temporaryFolder();
    const output = join(folder, "simplified.onnx");
    const argv = [
      "simplify",
      detector,
      "-o",
      output,
      "--data",
      calibrationPages,
      "--json",
      ...small,
    ];
    const { exitCode, stdout } = await runCli(argv);
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.before.nodes).toBe(672);
    expect(report.after.nodes).toBeLessThanOrEqual(230);
    expect(report.largestDifference).toBeLessThan(1e-3);
    expect(report.checkedOn).toBe("4 images");
    expect(await listFiles(folder)).toEqual(["simplified.onnx"]);
  });

  it("writes nothing if the outputs differ by more than is accepted", async () => {
    const folder = await temporaryFolder();
    const argv = ["simplify", detector, "-o", join(folder, "out.onnx"), "--tolerance", "0"];
    const { exitCode, stderr } = await runCli([...argv, "--data", calibrationPages, ...small]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("differs by");
    expect(await listFiles(folder)).toEqual([]);
  });
});

describe("plan and prune", () => {
  it("carries out what was planned", async () => {
    const folder = await temporaryFolder();
    const plan = join(folder, "plan.json");
    const planned = await runCli(["plan", detector, "-o", plan, "--macs", "0.6", "--json"]);
    expect(planned.stderr).toBe("");
    expect(planned.exitCode).toBe(0);
    const predicted = (await readJson(plan)).provenance.predicted;
    expect(predicted.macsRatio).toBeLessThanOrEqual(0.6);

    const output = join(folder, "pruned.onnx");
    const pruned = await runCli(["prune", detector, "--plan", plan, "-o", output, "--json"]);
    expect(pruned.exitCode).toBe(0);
    const report = JSON.parse(pruned.stdout);
    expect(report.ratios.macs).toBeCloseTo(predicted.macsRatio, 1);
    expect(report.recovery).toBe("none");
    const inspected = await runCli(["inspect", output, "--json"]);
    expect(JSON.parse(inspected.stdout).macs).toBe(report.after.macs);
  });

  it.each(["least-squares", "means"])(
    "recovers by %s if there are calibration images",
    async (recovery) => {
      const folder = await temporaryFolder();
      const plan = join(folder, "plan.json");
      await runCli(["plan", detector, "-o", plan, "--ratio", "0.2", "--quiet"]);
      const outputs: Buffer[] = [];
      const calibrated = [
        "--calibration",
        calibrationPages,
        "--images",
        "2",
        "--recovery",
        recovery,
        ...small,
      ];
      for (const more of [[], calibrated]) {
        const output = join(folder, `pruned${more.length}.onnx`);
        const argv = ["prune", detector, "--plan", plan, "-o", output, "--json", ...more];
        const { exitCode, stdout } = await runCli(argv);
        expect(exitCode).toBe(0);
        expect(JSON.parse(stdout).recovery).toBe(more.length > 0 ? recovery : "none");
        outputs.push(await readFile(output));
      }
      expect(outputs[0]?.equals(outputs[1] ?? Buffer.alloc(0))).toBe(false);
    },
  );

  it("keeps PaddleOCR's habits and groups that are named", async () => {
    const folder = await temporaryFolder();
    const file = join(folder, "plan.json");
    const free = await runCli(["plan", detector, "-o", file, "--ratio", "0.5", "--json"]);
    const [group] = JSON.parse(free.stdout).groups.slice(-1);
    const argv = ["plan", detector, "-o", file, "--ratio", "0.5", "--json", "--keep-first", "4"];
    const kept = JSON.parse((await runCli([...argv, "--ignore", group.id])).stdout);
    expect(kept.groups.length).toBeLessThan(JSON.parse(free.stdout).groups.length);
    expect(kept.skipped.map((skip: { group: string }) => skip.group)).toContain(group.id);
  });

  it.each([
    ["no budget", [], "give one of"],
    ["two budgets", ["--macs", "0.5", "--max-loss", "0.1"], "give one of"],
    ["a largest loss without curves", ["--max-loss", "0.1"], "--sensitivity"],
    ["a criterion that needs images", ["--macs", "0.5", "--criterion", "flap"], "--data"],
  ])("refuses %s", async (_, more, text) => {
    const folder = await temporaryFolder();
    const argv = ["plan", detector, "-o", join(folder, "plan.json"), ...more];
    const { exitCode, stderr } = await runCli(argv);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(text);
    expect(await listFiles(folder)).toEqual([]);
  });
});

describe("sensitivity", () => {
  const common = ["--images", "1", "--ratios", "0.25,0.5", "--metric", "map", "--json", ...small];

  it("measures, resumes, and feeds a plan", async () => {
    const folder = await temporaryFolder();
    const inspected = JSON.parse((await runCli(["inspect", detector, "--json"])).stdout);
    const [first, second] = inspected.groups.filter(
      (group: { blocked?: string; width: number }) => !group.blocked && group.width >= 64,
    );
    const file = join(folder, "s.json");
    const argv = ["sensitivity", detector, "--data", calibrationPages, "-o", file, ...common];
    const one = await runCli([...argv, "--groups", first.id]);
    expect(one.exitCode).toBe(0);
    const report = JSON.parse(one.stdout);
    expect(report.baseline).toBe(1);
    expect(report.curves).toHaveLength(1);
    const losses = report.curves[0].points.map((point: { loss: number }) => point.loss);
    expect(losses[1]).toBeGreaterThan(losses[0]);
    expect(losses[0]).toBeGreaterThan(0);

    const more = await runCli([...argv, "--groups", first.id, "--groups", second.id]);
    const resumed = JSON.parse(more.stdout);
    expect(resumed.curves).toHaveLength(2);
    expect(resumed.curves[0]).toEqual(report.curves[0]);

    const plan = join(folder, "plan.json");
    const options = ["--max-loss", `${losses[1] + 0.01}`, "-o", plan, "--json"];
    const planned = await runCli(["plan", detector, "--sensitivity", file, ...options]);
    expect(planned.exitCode).toBe(0);
    const ids = JSON.parse(planned.stdout).groups.map((group: { id: string }) => group.id);
    expect(ids).toContain(first.id);

    const other = await runCli([...argv, "--groups", first.id, "--criterion", "l1"]);
    expect(other.exitCode).toBe(1);
    expect(other.stderr).toContain("criterion");
  });

  it("merges files, and refuses those that are none", async () => {
    const folder = await temporaryFolder();
    const bad = join(folder, "bad.json");
    await writeFile(bad, "[]");
    const argv = ["sensitivity", "--merge", bad, "-o", join(folder, "merged.json")];
    const { exitCode, stderr } = await runCli(argv);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]*bad\.json[^\n]*\n$/);
    expect(await listFiles(folder)).toEqual(["bad.json"]);
  });

  it("refuses a group that the model does not have", async () => {
    const file = join(await temporaryFolder(), "s.json");
    const argv = ["sensitivity", detector, "--data", calibrationPages, "-o", file, ...common];
    const { exitCode, stderr } = await runCli([...argv, "--groups", "nothing"]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("--groups nothing");
  });
});
