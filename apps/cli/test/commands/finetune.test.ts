import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readModel } from "@ocrslim/graph";
import { readCheckpoint } from "@ocrslim/train";
import { describe, expect, it } from "vitest";
import {
  calibrationPages,
  detector,
  evaluationLabels,
  listFiles,
  runCli,
  small,
  temporaryFolder,
} from "../support.ts";

/** A few updates on small crops: the runs are about the flow. */
const quick: readonly string[] = [...small, "--crop", "64", "--batch", "1"];

const commandLine = (output: string, ...more: readonly string[]): string[] => [
  ...["finetune", detector, "--teacher", detector, "--data", calibrationPages, "-o", output],
  ...quick,
  ...more,
];

/** What a run's last checkpoint holds, but for the time that it took. */
const readProgress = async (output: string): Promise<unknown> => {
  const { progress, state } = await readCheckpoint(join(`${output}.training`, "last.ckpt"));
  const hashes = Object.entries(state).map(([name, vector]) => [
    name,
    createHash("sha256").update(vector).digest("hex"),
  ]);
  return { progress: { ...progress, elapsedMs: 0 }, hashes };
};

describe("finetune", () => {
  it("trains, and writes a model of the same inputs and outputs", async () => {
    const output = join(await temporaryFolder(), "tuned.onnx");
    const { exitCode, stdout, stderr } = await runCli([
      ...commandLine(output, "--updates", "3", "--evaluate-every", "2", "--json"),
    ]);
    expect(exitCode, stderr).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      metric: "agreement",
      before: 1,
      updates: 3,
      images: { training: 8, validation: 4 },
    });
    expect(report.evaluations.map(({ update }: { update: number }) => update)).toEqual([0, 2, 3]);
    const [before, after] = [await readModel(detector), await readModel(output)];
    const ports = ({ graph }: typeof before) =>
      [...graph.inputs.filter((input) => !input.isInitializer), ...graph.outputs].map(
        ({ name, type }) => ({ name, type }),
      );
    expect(ports(after)).toEqual(ports(before));
    expect(await listFiles(`${output}.training`)).toEqual(["best.ckpt", "last.ckpt"]);
  });

  it("goes on where it was stopped, to the same bytes", async () => {
    const folder = await temporaryFolder();
    const straight = join(folder, "straight.onnx");
    const stopped = join(folder, "stopped.onnx");
    const updates = ["--updates", "2", "--threads", "1", "--evaluate-every", "1"];
    expect((await runCli(commandLine(straight, ...updates))).exitCode).toBe(0);
    const controller = new AbortController();
    const { exitCode } = await runCli(commandLine(stopped, ...updates), {
      signal: controller.signal,
      stderr: {
        write(text) {
          if (text.includes("update 1:")) controller.abort();
        },
      },
    });
    expect(exitCode).toBe(130);
    expect(await listFiles(folder)).not.toContain("stopped.onnx");
    const resumed = await runCli(commandLine(stopped, ...updates));
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect((await readFile(stopped)).equals(await readFile(straight))).toBe(true);
    expect(await readProgress(stopped)).toEqual(await readProgress(straight));
  }, 240_000);

  it("measures by hmean where the validation pictures have labels", async () => {
    const output = join(await temporaryFolder(), "tuned.onnx");
    const { exitCode, stdout, stderr } = await runCli(
      commandLine(output, "--updates", "1", "--validation", evaluationLabels, "--json"),
    );
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ metric: "hmean", images: { validation: 11 } });
  });

  it("learns from labels, and from the features of the channels that a plan kept", async () => {
    const folder = await temporaryFolder();
    const [plan, slim, output] = ["plan.json", "slim.onnx", "tuned.onnx"].map((name) =>
      join(folder, name),
    ) as [string, string, string];
    const simplified = join(folder, "simplified.onnx");
    for (const line of [
      ["simplify", detector, "-o", simplified],
      ["plan", simplified, "--ratio", "0.25", "-o", plan],
      ["prune", simplified, "--plan", plan, "-o", slim],
    ]) {
      const { exitCode, stderr } = await runCli(line);
      expect(exitCode, stderr).toBe(0);
    }
    const { exitCode, stdout, stderr } = await runCli([
      ...["finetune", slim, "--teacher", simplified, "--data", evaluationLabels, "-o", output],
      ...quick,
      ...["--plan", plan, "--label-weight", "0.5", "--updates", "2", "--json"],
    ]);
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ updates: 2, metric: "hmean" });
    const [before, after] = [await readModel(slim), await readModel(output)];
    expect(after.graph.nodeCount).toBeLessThanOrEqual(before.graph.nodeCount);
    expect([...after.graph.nodes].some(({ name }) => name.startsWith("teacher/"))).toBe(false);
  }, 120_000);

  it("says in one line what is wrong", async () => {
    const output = join(await temporaryFolder(), "tuned.onnx");
    const wrong: readonly (readonly [readonly string[], string | RegExp])[] = [
      [["--crop", "100"], "--crop 100: it must be a multiple of 32"],
      [["--learning-rate", "0"], "--learning-rate"],
      [["--validation", calibrationPages], /are in both sets/],
      [
        ["--label-weight", "1", "--updates", "1"],
        /--label-weight 1: .* has no labels; give label files/,
      ],
    ];
    for (const [more, text] of wrong) {
      const { exitCode, stderr } = await runCli(commandLine(output, ...more));
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(text);
      expect(stderr.trim().split("\n")).toHaveLength(1);
    }
  });
});
