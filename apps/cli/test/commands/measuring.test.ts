import { readFile } from "node:fs/promises";
import { join } from "node:path";
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

describe("inspect", () => {
  it("prints one JSON document with cost and groups", async () => {
    const { exitCode, stdout, stderr } = await runCli(["inspect", detector, "--json"]);
    expect(exitCode).toBe(0);
    expect(stderr).toBe("");
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ opsets: { "ai.onnx": 11 }, nodes: 672, bytes: 4745517 });
    expect(Math.round(report.macs / 1e6)).toBe(2302);
    expect(report.parameters / 1e6).toBeCloseTo(1.17, 1);
    const open = report.groups.filter((group: { blocked?: string }) => group.blocked === undefined);
    expect(open.length).toBeGreaterThan(20);
    for (const group of report.groups) {
      expect(group.width).toBeGreaterThan(0);
      expect(group.members[0]).toEqual(
        expect.objectContaining({ value: expect.any(String), axis: expect.any(Number) }),
      );
    }
  });

  it("prints tables, with the time by operator on request", async () => {
    const argv = ["inspect", detector, "--profile", "--image-shape", "64,64"];
    const { exitCode, stdout } = await runCli(argv);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("channel groups that can be pruned");
    expect(stdout).toMatch(/operator +nodes +time +share/);
    expect(stdout).toMatch(/Conv +\d+/);
  });
});

describe("bench", () => {
  const argv = ["--runs", "3", "--warmup", "1", "--image-shape", "64,64", "--json"];

  it("times one model", async () => {
    const { stdout } = await runCli(["bench", detector, ...argv]);
    const report = JSON.parse(stdout);
    expect(report.inputShape).toEqual([1, 3, 64, 64]);
    expect(report.models).toHaveLength(1);
    expect(report.models[0].path).toBe(detector);
    expect(report.models[0].p95Ms).toBeGreaterThanOrEqual(report.models[0].medianMs);
    expect(report).not.toHaveProperty("ratio");
  });

  it("compares two", async () => {
    const { stdout } = await runCli(["bench", detector, detector, ...argv, "--threads", "1"]);
    const report = JSON.parse(stdout);
    expect(report.models).toHaveLength(2);
    expect(report.threads).toBe(1);
    expect(report.ratio).toBeGreaterThan(0);
  });

  it("refuses models with different inputs", async () => {
    const other = detector.replace("_det_infer", "_rec_infer");
    const { exitCode, stderr } = await runCli(["bench", detector, other, ...argv]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
  });
});

describe("eval", () => {
  it("prints the metric's counts and times as one JSON document", async () => {
    const argv = [
      "eval",
      detector,
      "--data",
      evaluationLabels,
      "--images",
      "2",
      "--json",
      ...small,
    ];
    const { exitCode, stdout } = await runCli(argv);
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(Object.keys(report)).toEqual(
      expect.arrayContaining(["images", "precision", "recall", "hmean", "matched", "truthCare"]),
    );
    expect(report.images).toBe(2);
    expect(report.precision).toBeCloseTo(report.matched / report.predictedCare, 12);
    expect(report.recall).toBeCloseTo(report.matched / report.truthCare, 12);
    expect(report.millisecondsPerImage.forward).toBeGreaterThan(0);
  });

  it("takes data and settings from a PaddleOCR config", async () => {
    const evaluation = join(evaluationLabels, "..");
    const argv = ["eval", detector, "--images", "1", "--json", "-o"];
    const { exitCode, stdout, stderr } = await runCli([
      ...argv,
      `Eval.dataset.label_file_list=[${evaluationLabels}]`,
      `Eval.dataset.data_dir=${evaluation}`,
      "Eval.dataset.transforms=[{DetResizeForTest: {image_shape: [320, 224]}}]",
      "PostProcess.thresh=1",
    ]);
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ images: 1, predictedCare: 0, hmean: 0 });
  });
});

describe("predict", () => {
  it("writes PaddleOCR's result lines and a picture for each image", async () => {
    const folder = await temporaryFolder();
    const images = ["mit_debmake-doc.de_011.jpg", "mit_debmake-doc.de_024.jpg"];
    const paths = images.map((image) => join(calibrationPages, image));
    const argv = ["predict", detector, ...paths, "-o", join(folder, "out")];
    const { exitCode, stdout } = await runCli([...argv, "--json", "--resize-long", "640"]);
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.images).toHaveLength(2);
    expect(await listFiles(join(folder, "out"))).toEqual([
      `pictures/${images[0]}`,
      `pictures/${images[1]}`,
      "predictions.txt",
    ]);
    const lines = (await readFile(join(folder, "out", "predictions.txt"), "utf8"))
      .trim()
      .split("\n");
    expect(lines).toHaveLength(2);
    const [path, json] = (lines[0] ?? "").split("\t");
    expect(path).toBe(paths[0]);
    const boxes = JSON.parse(json ?? "");
    expect(boxes.length).toBeGreaterThan(5);
    expect(boxes[0]).toMatchObject({ transcription: "", score: expect.any(Number) });
    expect(boxes[0].points).toHaveLength(4);
  });

  it("keeps pictures of the same name apart", async () => {
    const folder = await temporaryFolder();
    const copy = join(folder, "mit_debmake-doc.de_011.jpg");
    const { copyFile } = await import("node:fs/promises");
    const original = join(calibrationPages, "mit_debmake-doc.de_011.jpg");
    await copyFile(original, copy);
    const argv = ["predict", detector, original, copy, "-o", join(folder, "out"), ...small];
    expect((await runCli(argv)).exitCode).toBe(0);
    expect(await listFiles(join(folder, "out", "pictures"))).toEqual([
      "mit_debmake-doc.de_011-2.jpg",
      "mit_debmake-doc.de_011.jpg",
    ]);
  });
});

describe("doctor", () => {
  it("says what is here, in JSON and for people", async () => {
    const { exitCode, stdout } = await runCli(["doctor", "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      node: process.versions.node,
      runtimeWorks: true,
      problems: [],
    });
    expect((await runCli(["doctor"])).stdout).toContain("All that ocrslim needs is here.");
  });
});
