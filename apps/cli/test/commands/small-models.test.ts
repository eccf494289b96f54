import { join } from "node:path";
import { type Model, writeModel } from "@ocrslim/graph";
import { conv, createTestModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  calibrationPages,
  evaluationLabels,
  listFiles,
  runCli,
  temporaryFolder,
} from "../support.ts";

/** A detector in shape only: two convolutions with random weights. */
function createSmallDetector(): Model {
  return createTestModel({
    inputs: { image: [1, 3, 64, 64] },
    build: (graph, image) => {
      const inner = unary(graph, "Relu", conv(graph, image, { out: 24 }));
      return unary(graph, "Sigmoid", conv(graph, inner, { out: 1 }));
    },
  });
}

async function writeSmallDetector(): Promise<{ folder: string; model: string }> {
  const folder = await temporaryFolder();
  const model = join(folder, "small.onnx");
  await writeModel(createSmallDetector(), model);
  return { folder, model };
}

describe("on a small model", () => {
  it("inspect says why a group is blocked", async () => {
    const { model } = await writeSmallDetector();
    const { stdout } = await runCli(["inspect", model, "--json"]);
    const { groups, macs } = JSON.parse(stdout);
    expect(groups).toHaveLength(2);
    expect(groups[0]).toMatchObject({ width: 24 });
    expect(groups[0]).not.toHaveProperty("blocked");
    expect(groups[1].blocked).toContain("output");
    expect(macs).toBe(64 * 64 * 9 * (3 * 24 + 24));
    expect((await runCli(["inspect", model])).stdout).toContain("1 blocked");
  });

  it("plan says that a budget cannot be met, and gives the most that can be had", async () => {
    const { folder, model } = await writeSmallDetector();
    const output = join(folder, "plan.json");
    const argv = ["plan", model, "-o", output, "--macs", "0.1", "--json"];
    const { exitCode, stdout, stderr } = await runCli(argv);
    expect(exitCode).toBe(0);
    const plan = JSON.parse(stdout);
    expect(plan.provenance.budget.met).toBe(false);
    expect(plan.groups[0].keep).toHaveLength(8);
    expect(stderr).toMatch(/^warning: [^\n]+\n$/);
  });

  it("plan finds widths for a latency", async () => {
    const { folder, model } = await writeSmallDetector();
    const output = join(folder, "plan.json");
    const argv = ["plan", model, "-o", output, "--latency", "0.9", "--quiet", "--json"];
    const { exitCode, stdout } = await runCli(argv);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).provenance.budget).toMatchObject({ kind: "latency", wanted: 0.9 });
  });

  it("eval names the input that pictures do not fit", async () => {
    const { model } = await writeSmallDetector();
    const { exitCode, stderr } = await runCli([
      "eval",
      model,
      "--data",
      evaluationLabels,
      "--quiet",
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]*"image"[^\n]*\n$/);
  });

  it("compress refuses a model that finds no text", async () => {
    const { folder, model } = await writeSmallDetector();
    const output = join(folder, "run");
    const data = ["--data", calibrationPages, "--image-shape", "64,64", "--box-thresh", "1"];
    const argv = ["compress", model, ...data, "-o", output, "--images", "2", "--quiet"];
    const { exitCode, stderr } = await runCli(argv);
    expect(stderr).toMatch(/^error: [^\n]*finds no text[^\n]*\n$/);
    expect(exitCode).toBe(1);
    expect(await listFiles(folder)).toEqual(["small.onnx"]);
  });
});
