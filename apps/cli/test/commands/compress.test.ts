import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  calibrationPages,
  detector,
  evaluationLabels,
  listFiles,
  runCli,
  temporaryFolder,
} from "../support.ts";

/** Few points, small pictures: the run is about the flow. */
const quick: readonly string[] = [
  ...["--images", "3", "--sensitivity-images", "1", "--sensitivity-size", "160"],
  ...["--channel-multiple", "96", "--runs", "2", "--image-shape", "320,224"],
];

describe("compress", () => {
  it("writes a run folder whose parts fit together", async () => {
    const folder = await temporaryFolder();
    const output = join(folder, "run");
    const labels = join(folder, "labels.txt");
    const lines = (await readFile(evaluationLabels, "utf8")).split("\n").slice(0, 5);
    await writeFile(labels, lines.join("\n"));
    const data = ["--data", labels, "--image-root", dirname(evaluationLabels)];
    const argv = ["compress", detector, ...data, "-o", output, "--json"];
    const { exitCode, stdout, stderr } = await runCli([...argv, "--macs", "0.8", ...quick]);
    expect(exitCode, stderr).toBe(0);
    const report = JSON.parse(stdout);

    for (const side of [report.before, report.after]) {
      for (const key of ["hmean", "agreement", "macs", "parameters", "bytes", "medianMs"]) {
        expect(side[key]).toEqual(expect.any(Number));
      }
    }
    expect(report.before.agreement).toBe(1);
    expect(report.ratios.macs).toBeCloseTo(report.after.macs / report.before.macs, 12);
    expect(report.ratios.macs).toBeLessThan(1);
    expect(report.ratios.bytes).toBeCloseTo(report.after.bytes / report.before.bytes, 12);
    expect(report.budget.kind).toBe("macs");
    // Bringing the result into form for the runtime saves some more.
    expect(report.ratios.macs).toBeLessThanOrEqual(report.budget.reached + 1e-6);
    expect(report.slower).toBe(report.ratios.latency > 1);
    expect(report.loss).toEqual(expect.any(Number));

    const { calibration, evaluation } = report.data;
    expect(calibration).toHaveLength(3);
    expect(evaluation.filter((id: string) => calibration.includes(id))).toEqual([]);

    const files = await listFiles(output);
    expect(files.filter((file) => !file.startsWith("pictures/"))).toEqual([
      "log.txt",
      "model.onnx",
      "plan.json",
      "report.html",
      "report.json",
      "sensitivities.json",
      "simplified.onnx",
    ]);
    expect(files.filter((file) => file.startsWith("pictures/"))).toHaveLength(4);
    expect((await readFile(report.files.model)).length).toBe(report.after.bytes);

    const inspected = await runCli([
      ...["inspect", report.files.model, "--json", "--image-shape", "320,224"],
    ]);
    expect(JSON.parse(inspected.stdout).macs).toBe(report.after.macs);

    // The report can be made again, byte for byte, and needs nothing from outside.
    const html = await readFile(join(output, "report.html"), "utf8");
    await rm(join(output, "report.html"));
    expect((await runCli(["report", output])).exitCode).toBe(0);
    expect(await readFile(join(output, "report.html"), "utf8")).toBe(html);
    expect(html).not.toMatch(/(src|href)="(?!data:)/);
    expect(html).not.toMatch(/url\(|@import|<script/);
  }, 240_000);

  it("leaves nothing half-written when it is aborted", async () => {
    const folder = await temporaryFolder();
    const controller = new AbortController();
    const output = join(folder, "run");
    const argv = ["compress", detector, "--data", calibrationPages, "-o", output, ...quick];
    const { exitCode, stderr } = await runCli(argv, {
      signal: controller.signal,
      stderr: {
        write(text) {
          if (text.includes("[3/9]")) controller.abort();
        },
      },
    });
    expect(stderr).toBe("");
    expect(exitCode).toBe(130);
    for (const file of await listFiles(folder)) expect(file).not.toMatch(/\.tmp$/);
  }, 120_000);
});

describe("report", () => {
  it.each([
    ["no report", undefined, "report.json"],
    ["broken JSON", "{", "not JSON"],
    ["a report that lacks something", '{"formatVersion":1}', "version"],
  ])("refuses a folder with %s", async (_, content, text) => {
    const folder = await temporaryFolder();
    if (content !== undefined) await writeFile(join(folder, "report.json"), content);
    const { exitCode, stderr } = await runCli(["report", folder]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toContain(text);
  });
});
