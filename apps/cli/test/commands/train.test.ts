import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readModel } from "@ocrslim/graph";
import { readCheckpoint } from "@ocrslim/train";
import { describe, expect, it } from "vitest";
import { type CliResult, listFiles, runCli } from "../support.ts";
import { createTinyTraining, type TinyTraining } from "./tiny-training.ts";

/** Batches are made in this thread: workers need built packages. */
const train = (
  { folder, config }: TinyTraining,
  argv: readonly string[],
  io: Parameters<typeof runCli>[1] = {},
): Promise<CliResult> =>
  runCli(["train", "-c", config, "--workers", "0", "--threads", "1", ...argv], {
    cwd: folder,
    ...io,
  });

/** What a run's last checkpoint holds, but for the time that it took. */
const readProgress = async (run: string): Promise<unknown> => {
  const { progress, state } = await readCheckpoint(join(run, "last.ckpt"));
  return { progress: { ...progress, elapsedMs: 0 }, state };
};

describe("train", { timeout: 120_000 }, () => {
  it("trains as a config says, and leaves graph, settings, checkpoints and log", async () => {
    const tiny = await createTinyTraining();
    const { exitCode, stdout, stderr } = await train(tiny, [
      ...["--updates", "3", "-o", "run", "-o", "Global.use_turbo=true", "--json"],
    ]);
    expect(exitCode, stderr).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      metric: "hmean",
      updates: 3,
      resumedFrom: 0,
      images: { training: 6, evaluation: 2 },
      unknownKeys: ["Global.use_turbo"],
    });
    expect(stderr).toContain("Global.use_turbo is not known here and has no effect");
    expect(report.evaluations.map(({ update }: { update: number }) => update)).toEqual([2, 3]);
    expect(await listFiles(join(tiny.folder, "run"))).toEqual([
      ...["best.ckpt", "config.json", "last.ckpt", "log.jsonl", "model.onnx", "train.txt"],
    ]);
    expect(stderr).toMatch(/update 2 \(epoch 1\.3\): hmean [\d.]+, loss [\d.]+, [\d.]+ images\/s/);
    const log = (await readFile(join(tiny.folder, "run/log.jsonl"), "utf8")).trim().split("\n");
    expect(log.map((line) => JSON.parse(line).kind)).toEqual([
      ...["evaluation", "update", "evaluation"],
    ]);
    const graph = (await readModel(join(tiny.folder, "run/model.onnx"))).graph;
    expect(graph.outputs.map(({ name }) => name)).toEqual([
      ...["shrink_maps", "threshold_maps", "binary_maps"],
    ]);

    const other = await train(tiny, ["--updates", "3", "-o", "run", "-o", "Loss.alpha=1"]);
    expect(other.exitCode).toBe(1);
    expect(other.stderr).toContain("holds a run with other settings");
  });

  it("goes on where it was stopped, to the same bits", async () => {
    const tiny = await createTinyTraining();
    const updates = ["--updates", "2", "--evaluate-every", "1", "--micro-batch", "2"];
    expect((await train(tiny, [...updates, "-o", "straight"])).exitCode).toBe(0);
    const controller = new AbortController();
    const { exitCode } = await train(tiny, [...updates, "-o", "stopped"], {
      signal: controller.signal,
      stderr: {
        write(text) {
          if (text.includes("update 1 ")) controller.abort();
        },
      },
    });
    expect(exitCode).toBe(130);
    const resumed = await train(tiny, [...updates, "-o", "stopped", "--json"]);
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ resumedFrom: 1, updates: 2 });
    expect(await readProgress(join(tiny.folder, "stopped"))).toEqual(
      await readProgress(join(tiny.folder, "straight")),
    );
  });

  it("uses the part of a set that its ratio says", async () => {
    const tiny = await createTinyTraining();
    const { exitCode, stdout, stderr } = await train(tiny, [
      ...["--updates", "1", "--images", "1", "-o", "run", "--json"],
      ...["-o", "Train.dataset.ratio_list=[0.5]", "-o", "Train.loader.batch_size_per_card=1"],
    ]);
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout).images).toEqual({ training: 3, evaluation: 1 });
    const labels = await readFile(join(tiny.folder, "run/train.txt"), "utf8");
    expect(labels.trim().split("\n")).toHaveLength(3);
  });

  it.each<[string, readonly string[], string]>([
    ["no such weights", ["-o", "Global.pretrained_model=./none"], "Global.pretrained_model"],
    ["no such label file", ["-o", "Train.dataset.label_file_list=[x.txt]"], "label_file_list"],
    ["another architecture", ["-o", "Architecture.Backbone.name=PPLCNetV3"], "MobileNetV3"],
    ["a micro-batch that divides nothing", ["--micro-batch", "3"], "must divide the batch of 4"],
    ["no Train section", ["-o", "Train="], "no Train section"],
  ])("refuses %s in one line, and leaves no folder behind", async (_, argv, message) => {
    const tiny = await createTinyTraining();
    const { exitCode, stderr } = await train(tiny, [...argv, "-o", "run"]);
    expect(exitCode).toBe(1);
    const errors = stderr.trim().split("\n");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
    expect(await listFiles(tiny.folder)).not.toContain("run/config.json");
  });

  it("refuses to begin without a config, and with weights that are no weights", async () => {
    const tiny = await createTinyTraining();
    const bare = await runCli(["train", "-o", "run"], { cwd: tiny.folder });
    expect(bare.exitCode).toBe(1);
    expect(bare.stderr).toContain("give one of PaddleOCR's with -c");
    await writeFile(join(tiny.folder, "junk.pdparams"), "junk");
    const junk = await train(tiny, ["--pretrained", "junk.pdparams", "-o", "run"]);
    expect(junk.exitCode).toBe(1);
    expect(junk.stderr.trim().split("\n")).toHaveLength(1);
  });
});
