import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeImage } from "@ocrslim/ocr-det";
import { describe, expect, it } from "vitest";
import { listFiles, runCli } from "../support.ts";
import { createTinyTraining } from "./tiny-training.ts";

describe("data", { timeout: 60_000 }, () => {
  it("writes pictures of a config's augmented samples with their maps, the same for a seed", async () => {
    const { folder, config } = await createTinyTraining();
    const preview = (to: string, ...more: readonly string[]) =>
      runCli(["data", "-c", config, "--preview", to, "--count", "3", ...more], { cwd: folder });
    const { exitCode, stdout, stderr } = await preview("pictures", "--json");
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      images: 6,
      withoutText: 0,
      texts: 6,
      ignored: 0,
      issues: [],
    });
    expect(await listFiles(join(folder, "pictures"))).toEqual(["001.png", "002.png", "003.png"]);
    await preview("again");
    await preview("other", "--seed", "9");
    const read = (to: string) => decodeImage(join(folder, to, "001.png"));
    const picture = await read("pictures");
    expect(picture).toMatchObject({ width: 64, height: 64 });
    expect((await read("again")).data).toEqual(picture.data);
    expect((await read("other")).data).not.toEqual(picture.data);
  });

  it("counts labels, and names those that are not as they should be", async () => {
    const { folder } = await createTinyTraining();
    const outlines: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
      fine: [
        [10, 10],
        [60, 10],
        [60, 30],
        [10, 30],
      ],
      outside: [
        [200, 10],
        [260, 10],
        [260, 30],
        [200, 30],
      ],
      "partly-outside": [
        [60, 10],
        [120, 10],
        [120, 30],
        [60, 30],
      ],
      "self-intersecting": [
        [10, 10],
        [60, 30],
        [60, 10],
        [10, 30],
      ],
      "zero-area": [
        [10, 10],
        [60, 10],
        [30, 10],
        [20, 10],
      ],
    };
    const labels = Object.entries(outlines).map(([transcription, points]) => ({
      transcription,
      points,
    }));
    const ignored = { transcription: "###", points: outlines["fine"] };
    await writeFile(
      join(folder, "odd.txt"),
      `pages/0.png\t${JSON.stringify([...labels, ignored])}\npages/1.png\t[]\n`,
    );
    const { exitCode, stdout, stderr } = await runCli(["data", "--data", "odd.txt", "--json"], {
      cwd: folder,
    });
    expect(exitCode, stderr).toBe(0);
    const kinds = ["outside", "partly-outside", "self-intersecting", "zero-area"];
    expect(JSON.parse(stdout)).toEqual({
      images: 2,
      withoutText: 1,
      texts: 6,
      ignored: 1,
      issues: kinds.map((kind, index) => ({ image: "pages/0.png", label: index + 2, kind })),
      pictures: [],
    });
    // Batches can be made of them all the same.
    const preview = ["--preview", "pictures", "--size", "64", "--count", "2"];
    const odd = await runCli(["data", "--data", "odd.txt", ...preview], { cwd: folder });
    expect(odd.exitCode, odd.stderr).toBe(0);
    expect(await listFiles(join(folder, "pictures"))).toHaveLength(2);
  });

  it("refuses outlines of fewer than four points, data without labels, and no data, in one line", async () => {
    const { folder } = await createTinyTraining();
    const label = JSON.stringify([
      {
        transcription: "a",
        points: [
          [1, 1],
          [2, 2],
        ],
      },
    ]);
    await writeFile(join(folder, "short.txt"), `pages/0.png\t${label}\n`);
    const cases: readonly (readonly [argv: readonly string[], message: string])[] = [
      [["--data", "short.txt"], "short.txt, line 1 has 2 points in its label 1"],
      [["--data", "pages"], "without labels"],
      [["--data", "train.txt", "--size", "50"], "multiple of 32"],
      [[], "there is no data"],
    ];
    for (const [argv, message] of cases) {
      const { exitCode, stderr } = await runCli(["data", ...argv], { cwd: folder });
      expect(exitCode, message).toBe(1);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(stderr).toContain(message);
    }
  });
});
