import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createRandom, readModel } from "@ocrslim/graph";
import { createRuntime, randomFeeds } from "@ocrslim/runtime";
import { describe, expect, it } from "vitest";
import { runCli } from "../support.ts";
import { createTinyTraining } from "./tiny-training.ts";

/** The shrink map of a model file. */
async function mapOf(file: string): Promise<readonly number[]> {
  const model = await readModel(file);
  const feeds = randomFeeds(model, { x: [1, 3, 64, 96] }, createRandom(3));
  await using session = await createRuntime().load(model);
  const { shrink_maps: map } = await session.run(feeds);
  return Array.from((map?.data ?? []) as Float32Array);
}

const greatestGap = (left: readonly number[], right: readonly number[]): number =>
  Math.max(...left.map((value, index) => Math.abs(value - (right[index] ?? Number.NaN))));

const batchNormalizations = async (file: string): Promise<number> =>
  [...(await readModel(file)).graph.nodes].filter(({ opType }) => opType === "BatchNormalization")
    .length;

describe("export", { timeout: 120_000 }, () => {
  it("makes inference models, training graphs and .pdparams of a run, all of the same weights", async () => {
    const { folder, config } = await createTinyTraining();
    const at = (name: string): string => join(folder, name);
    const cli = async (...argv: readonly string[]) => {
      const result = await runCli(argv, { cwd: folder });
      expect(result.exitCode, result.stderr).toBe(0);
      return result;
    };
    const common = ["-c", config, "--workers", "0"];
    await cli("train", ...common, "--updates", "2", "-o", "run");

    const { stdout } = await cli("export", "run", "--weights", "last", "-o", "det.onnx", "--json");
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ weights: "last", update: 2, maps: ["shrink_maps"] });
    expect(report.difference).toBeLessThan(1e-4);
    expect(await batchNormalizations(at("det.onnx"))).toBe(0);

    await cli("export", "run", "--weights", "last", "--training", "-o", "training.onnx");
    expect((await readModel(at("training.onnx"))).graph.outputs).toHaveLength(3);
    expect(await batchNormalizations(at("training.onnx"))).toBeGreaterThan(10);
    const trained = await mapOf(at("training.onnx"));
    expect(greatestGap(trained, await mapOf(at("det.onnx")))).toBeLessThan(1e-4);
    // Two updates have changed the weights.
    expect(greatestGap(trained, await mapOf(at("run/model.onnx")))).toBeGreaterThan(1e-4);

    await cli("export", "run", "--weights", "last", "-o", "weights.pdparams");
    const pretrained = ["--pretrained", "weights.pdparams"];
    await cli("export", "-c", config, ...pretrained, "--training", "-o", "again.onnx");
    expect(await mapOf(at("again.onnx"))).toEqual(trained);

    // Training goes on with what was written, in either form.
    for (const file of ["weights.pdparams", "training.onnx"]) {
      await cli("train", ...common, "--updates", "1", "--pretrained", file, "-o", `on-${file}`);
      expect(await mapOf(at(`on-${file}/model.onnx`))).toEqual(trained);
    }
  });

  it("refuses what is no run, a run without checkpoints, and other endings, in one line", async () => {
    const { folder, config } = await createTinyTraining();
    await writeFile(join(folder, "config.json"), "{}");
    const cases: readonly (readonly [argv: readonly string[], message: string])[] = [
      [["pages", "-o", "x.onnx"], "has no config.json"],
      [[".", "-o", "x.onnx"], "formatVersion"],
      [["pages", "-o", "x.pt"], "must end in .onnx or .pdparams"],
      [["-c", config, "-o", "x.onnx"], "there are no weights"],
      [["-o", "x.onnx"], "no detection config"],
      [["pages", "--pretrained", "w.pdparams", "-o", "x.onnx"], "not both"],
    ];
    for (const [argv, message] of cases) {
      const { exitCode, stderr } = await runCli(["export", ...argv], { cwd: folder });
      expect(exitCode, message).toBe(1);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(stderr).toContain(message);
    }
  });
});
