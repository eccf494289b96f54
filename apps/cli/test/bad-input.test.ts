import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import {
  calibrationPages,
  detector,
  listFiles,
  runCli,
  small,
  temporaryFolder,
} from "./support.ts";

const damagedModels: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
  ["empty", () => new Uint8Array()],
  ["truncated at a quarter", (bytes) => bytes.subarray(0, bytes.length >> 2)],
  ["truncated by one byte", (bytes) => bytes.subarray(0, bytes.length - 1)],
  ["random", (bytes) => randomBytes(bytes.length >> 6)],
  ["text", () => new TextEncoder().encode("this is not a model\n")],
];

function randomBytes(length: number): Uint8Array {
  const random = createRandom(42);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** Every command that reads a model, with an output in `folder` where it has one. */
function commandLines(model: string, folder: string): readonly (readonly string[])[] {
  const data = ["--data", calibrationPages];
  return [
    ["inspect", model],
    ["simplify", model, "-o", join(folder, "out.onnx")],
    ["sensitivity", model, ...data, "-o", join(folder, "s.json")],
    ["plan", model, "-o", join(folder, "plan.json"), "--macs", "0.5"],
    ["prune", model, "--plan", "plan.json", "-o", join(folder, "out.onnx")],
    ["finetune", model, "--teacher", detector, ...data, "-o", join(folder, "out.onnx")],
    ["eval", model, ...data],
    ["predict", model, calibrationPages, "-o", join(folder, "out")],
    ["bench", model],
    ["compress", model, ...data, "-o", join(folder, "out")],
  ];
}

describe.each(damagedModels)("a model file that is %s", (_, damage) => {
  it("gives every command one clear line and leaves nothing behind", async () => {
    const folder = await temporaryFolder();
    const model = join(folder, "model.onnx");
    await writeFile(model, damage(await readFile(detector)));
    for (const argv of commandLines(model, folder)) {
      const { exitCode, stdout, stderr } = await runCli(argv);
      expect(stderr, argv.join(" ")).toMatch(/^error: [^\n]+\n$/);
      expect(stderr).toContain("model.onnx");
      expect(stdout).toBe("");
      expect(exitCode).toBe(1);
    }
    expect(await listFiles(folder)).toEqual(["model.onnx"]);
  });
});

describe("bad input", () => {
  it("names a model that is not there", async () => {
    const folder = await temporaryFolder();
    for (const argv of commandLines(join(folder, "gone.onnx"), folder)) {
      const { exitCode, stderr } = await runCli(argv);
      expect(stderr, argv.join(" ")).toMatch(/^error: [^\n]*gone\.onnx[^\n]*\n$/);
      expect(exitCode).toBe(1);
    }
    expect(await listFiles(folder)).toEqual([]);
  });

  it("names a folder without images, before anything is created", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "empty"));
    await writeFile(join(folder, "empty", "notes.md"), "nothing here");
    const data = join(folder, "empty");
    for (const argv of [
      ["eval", detector, "--data", data],
      ["predict", detector, data, "-o", join(folder, "out")],
      ["compress", detector, "--data", data, "-o", join(folder, "out")],
      ["sensitivity", detector, "--data", data, "-o", join(folder, "s.json")],
    ]) {
      const { exitCode, stderr } = await runCli(argv);
      expect(stderr, argv.join(" ")).toMatch(/^error: [^\n]*empty[^\n]*\n$/);
      expect(exitCode).toBe(1);
    }
    expect(await listFiles(folder)).toEqual(["empty/notes.md"]);
  });

  it.each([
    ["broken JSON", "a.jpg\t[{]\n"],
    ["a missing image", 'gone.jpg\t[{"transcription":"x","points":[[0,0],[9,0],[9,9],[0,9]]}]\n'],
    ["no tab", "a.jpg []\n"],
    ["too few points", 'a.jpg\t[{"transcription":"x","points":[[0,0],[9,0]]}]\n'],
  ])("names file and line of a label file with %s", async (_, content) => {
    const folder = await temporaryFolder();
    const labels = join(folder, "labels.txt");
    await writeFile(labels, content);
    await writeFile(join(folder, "a.jpg"), "");
    const { exitCode, stderr } = await runCli(["eval", detector, "--data", labels]);
    expect(stderr).toMatch(/^error: [^\n]*labels\.txt[^\n]*\n$/);
    expect(exitCode).toBe(1);
  });

  it("names an image that is none, and leaves no folder of results", async () => {
    const folder = await temporaryFolder();
    const image = join(folder, "page.jpg");
    await writeFile(image, "not a JPEG");
    const out = join(folder, "out");
    const { exitCode, stderr } = await runCli(["predict", detector, image, "-o", out, ...small]);
    expect(stderr).toMatch(/^error: [^\n]*page\.jpg[^\n]*\n$/);
    expect(exitCode).toBe(1);
    expect(await listFiles(folder)).toEqual(["page.jpg"]);
    await expect(listFiles(out)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("finds out before the work that an output cannot be written", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    const below = join(folder, "file", "out");
    for (const argv of [
      ["simplify", detector, "-o", below],
      ["simplify", detector, "-o", folder],
      ["plan", detector, "--macs", "0.5", "-o", join(folder, "gone", "plan.json")],
      ["predict", detector, calibrationPages, "-o", below],
      ["compress", detector, "--data", calibrationPages, "-o", join(folder, "file")],
      ["sensitivity", detector, "--data", calibrationPages, "-o", below],
    ]) {
      const { exitCode, stderr } = await runCli(argv);
      expect(stderr, argv.join(" ")).toMatch(/^error: [^\n]+\n$/);
      expect(exitCode).toBe(1);
    }
    expect(await listFiles(folder)).toEqual(["file"]);
  });

  it("says that eval needs labels", async () => {
    const { exitCode, stderr } = await runCli(["eval", detector, "--data", calibrationPages]);
    expect(stderr).toMatch(/^error: [^\n]+has no labels[^\n]+\n$/);
    expect(exitCode).toBe(1);
  });

  it("refuses images that are both calibrated on and measured", async () => {
    const folder = await temporaryFolder();
    const out = join(folder, "out");
    const data = ["--data", calibrationPages, "--also-measure", calibrationPages];
    const { exitCode, stderr } = await runCli([
      "compress",
      detector,
      ...data,
      "-o",
      out,
      "--quiet",
    ]);
    expect(stderr).toMatch(/^error: [^\n]+in both sets[^\n]+\n$/);
    expect(exitCode).toBe(1);
    expect(await listFiles(folder)).toEqual([]);
  });

  it("refuses a recogniser where a detector is needed", async () => {
    const recogniser = detector.replace("_det_", "_rec_");
    const argv = ["eval", recogniser, "--data", "assets/sample-pages/evaluation/labels.txt"];
    const { exitCode, stderr } = await runCli([...argv, "--images", "1", ...small]);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(exitCode).toBe(1);
  });

  it.each([
    ["is not there", undefined],
    ["is not JSON", "{"],
    ["is of another kind", '{"formatVersion":1}'],
    ["is of another version", '{"formatVersion":2}'],
  ])("refuses a plan that %s", async (_, content) => {
    const folder = await temporaryFolder();
    const plan = join(folder, "plan.json");
    if (content !== undefined) await writeFile(plan, content);
    const out = join(folder, "out.onnx");
    const { exitCode, stderr } = await runCli(["prune", detector, "--plan", plan, "-o", out]);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(exitCode).toBe(1);
    await expect(readFile(out)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("refuses a plan for another model, and writes nothing", async () => {
    const folder = await temporaryFolder();
    const plan = join(folder, "plan.json");
    const groups = [{ id: "conv_of_another", width: 16, keep: [0, 1] }];
    const inputShapes = { x: [1, 3, 64, 64] };
    await writeFile(
      plan,
      JSON.stringify({ formatVersion: 1, inputShapes, groups, skipped: [], provenance: {} }),
    );
    const out = join(folder, "out.onnx");
    const { exitCode, stderr } = await runCli(["prune", detector, "--plan", plan, "-o", out]);
    expect(stderr).toMatch(/^error: [^\n]*conv_of_another[^\n]*\n$/);
    expect(exitCode).toBe(1);
    expect(await listFiles(folder)).toEqual(["plan.json"]);
  });
});
