import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { assertDisjointDatasets, checkDisjoint } from "../../src/data/disjoint.ts";
import { readIcdarLabels } from "../../src/data/icdar-labels.ts";
import { readPaddleLabels, writePaddleLabels } from "../../src/data/paddle-labels.ts";
import { readDataset } from "../../src/data/read-dataset.ts";
import { createTemporaryFolder } from "../temporary-folder.ts";

/** A folder with these files; images are not decoded here, so their content does not matter. */
function createFolder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = createTemporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const label = (
  transcription: string,
  points: unknown = [
    [0, 0],
    [9, 0],
    [9, 9],
    [0, 9],
  ],
) => ({
  transcription,
  points,
});
const line = (image: string, ...labels: unknown[]): string => `${image}\t${JSON.stringify(labels)}`;

describe("PaddleOCR label files", () => {
  test("give regions and ignored ones, with BOM, CRLF and blank lines", async () => {
    const content = `\uFEFF${line("a.jpg", label("Wort, ein"), label("###"), label("*"))}\r\n\r\n${line("s/b.jpg")}\r\n`;
    const folder = createFolder({ "l.txt": content, "a.jpg": "x", "s/b.jpg": "x" });
    const { samples, labelled } = await readDataset(join(folder, "l.txt"));
    expect(labelled).toBe(true);
    expect(samples.map(({ id, imagePath }) => [id, imagePath])).toEqual([
      ["a.jpg", join(folder, "a.jpg")],
      ["s/b.jpg", join(folder, "s/b.jpg")],
    ]);
    expect(samples[0]?.regions?.map(({ text, ignored }) => [text, ignored])).toEqual([
      ["Wort, ein", false],
      ["###", true],
      ["*", true],
    ]);
    expect(samples[1]?.regions).toEqual([]);
  });

  test("take images from another root, and stop at a limit", async () => {
    const folder = createFolder({ "l.txt": `${line("a.jpg")}\nbroken`, "images/a.jpg": "x" });
    const options = { imageRoot: join(folder, "images"), limit: 1 };
    const { samples } = await readDataset(join(folder, "l.txt"), options);
    expect(samples.length).toBe(1);
  });

  test("keep polygons without area", async () => {
    const flat = label("a", [
      [0, 0],
      [9, 0],
      [9, 0],
      [0, 0],
    ]);
    const folder = createFolder({ "l.txt": line("a.jpg", flat), "a.jpg": "x" });
    expect((await readPaddleLabels(join(folder, "l.txt")))[0]?.regions?.length).toBe(1);
  });

  test("come back as they were written", async () => {
    const content = `${line("a.jpg", label('ä"\\ \u4e2d'), label("###"))}\n${line("s/b.jpg", label("x"))}\n`;
    const folder = createFolder({ "l.txt": content, "a.jpg": "x", "s/b.jpg": "x" });
    await writePaddleLabels(
      join(folder, "copy.txt"),
      await readPaddleLabels(join(folder, "l.txt")),
    );
    expect(readFileSync(join(folder, "copy.txt"), "utf8")).toBe(content);
    expect(readdirSync(folder).sort()).toEqual(["a.jpg", "copy.txt", "l.txt", "s"]);
    await expect(writePaddleLabels(join(folder, "a.jpg", "l.txt"), [])).rejects.toMatchObject({
      code: "write-failed",
    });
  });

  test.each([
    ["no tab", "a.jpg []", "invalid-label"],
    ["broken JSON", 'a.jpg\t[{"transcription": ', "invalid-label"],
    ["Python's NaN", 'a.jpg\t[{"transcription": "a", "points": [[NaN, 0]]}]', "invalid-label"],
    ["no list", "a.jpg\t{}", "invalid-label"],
    ["no object", "a.jpg\t[null]", "invalid-label"],
    ["no text", line("a.jpg", { points: [] }), "invalid-label"],
    [
      "three points",
      line(
        "a.jpg",
        label("a", [
          [0, 0],
          [1, 0],
          [1, 1],
        ]),
      ),
      "invalid-polygon",
    ],
    [
      "a missing number",
      line("a.jpg", label("a", [[0, 0], [1], [1, 1], [0, 1]])),
      "invalid-polygon",
    ],
    [
      "a text as number",
      line(
        "a.jpg",
        label("a", [
          ["0", 0],
          [1, 0],
          [1, 1],
          [0, 1],
        ]),
      ),
      "invalid-polygon",
    ],
    [
      "an overflow",
      'a.jpg\t[{"transcription":"a","points":[[0,0],[1e999,0],[1,1],[0,1]]}]',
      "invalid-polygon",
    ],
    ["a missing image", line("b.jpg"), "missing-image"],
  ])("with %s are refused with file and line", async (_name, bad, code) => {
    const folder = createFolder({ "l.txt": `${line("a.jpg")}\n\n${bad}\n`, "a.jpg": "x" });
    const file = join(folder, "l.txt");
    await expect(readDataset(file)).rejects.toMatchObject({
      name: "OcrDetError",
      code,
      file,
      line: 3,
    });
  });

  test("that are empty, missing or not text are refused", async () => {
    const binary = Uint8Array.of(0xff, 0xfe, 0, 1);
    const folder = createFolder({ "empty.txt": "", "blank.txt": "\n \n", "binary.txt": binary });
    const expectCode = (name: string, code: string) =>
      expect(readDataset(join(folder, name))).rejects.toMatchObject({ code });
    await expectCode("empty.txt", "empty-file");
    await expectCode("blank.txt", "empty-file");
    await expectCode("binary.txt", "invalid-label");
    await expectCode("missing.txt", "file-not-found");
  });
});

describe("ICDAR ground truth", () => {
  const truth = "\uFEFF0,0,9,0,9,9,0,9,one, two\r\n0,0,9,0,9,9,0,9,###\r\n";

  test("beside the images or in another folder gives regions", async () => {
    const beside = createFolder({ "img_1.jpg": "x", "gt_img_1.txt": truth });
    const apart = createFolder({ "images/img_1.jpg": "x", "gt/gt_img_1.txt": truth });
    for (const folder of [beside, apart]) {
      const { samples, labelled } = await readDataset(folder);
      expect(labelled).toBe(true);
      expect(samples.length).toBe(1);
      expect(samples[0]?.regions).toEqual([
        {
          points: [
            [0, 0],
            [9, 0],
            [9, 9],
            [0, 9],
          ],
          text: "one, two",
          ignored: false,
        },
        {
          points: [
            [0, 0],
            [9, 0],
            [9, 9],
            [0, 9],
          ],
          text: "###",
          ignored: true,
        },
      ]);
    }
  });

  test.each([
    ["few fields", "0,0,9,0,9,9,0,9", "invalid-label"],
    ["a text as coordinate", "0,0,9,a,9,9,0,9,text", "invalid-polygon"],
    ["an empty coordinate", "0,0,9,,9,9,0,9,text", "invalid-polygon"],
  ])("with %s is refused with file and line", async (_name, bad, code) => {
    const folder = createFolder({ "img_1.jpg": "x", "gt_img_1.txt": `${truth}${bad}` });
    const file = join(folder, "gt_img_1.txt");
    await expect(readDataset(folder)).rejects.toMatchObject({ code, file, line: 3 });
  });

  test("without its image, and images without it, are refused", async () => {
    await expect(readDataset(createFolder({ "gt_img_1.txt": truth }))).rejects.toMatchObject({
      code: "missing-image",
    });
    const more = createFolder({ "img_1.jpg": "x", "gt_img_1.txt": truth, "img_2.jpg": "x" });
    await expect(readDataset(more)).rejects.toMatchObject({ code: "missing-ground-truth" });
    await expect(readIcdarLabels(createFolder({ "img.jpg": "x" }))).rejects.toMatchObject({
      code: "empty-folder",
    });
    await expect(readIcdarLabels("/nonexistent")).rejects.toMatchObject({ code: "file-not-found" });
  });
});

describe("images without labels", () => {
  test("are found in any depth, sorted, through links, each folder once", async () => {
    const folder = createFolder({
      "b.PNG": "x",
      "a/2.jpg": "x",
      "a/10.webp": "x",
      "note.md": "x",
      ".c.jpg": "x",
    });
    symlinkSync(folder, join(folder, "a", "loop"));
    const { samples, labelled } = await readDataset(folder);
    expect(labelled).toBe(false);
    expect(samples.map(({ id }) => id)).toEqual(["a/10.webp", "a/2.jpg", "b.PNG"]);
    expect((await readDataset(folder, { limit: 2 })).samples.length).toBe(2);
    const one = await readDataset(join(folder, "b.PNG"));
    expect(one.samples).toEqual([{ id: "b.PNG", imagePath: join(folder, "b.PNG") }]);
  });

  test("an empty folder and a limit of 0 are refused", async () => {
    const folder = createFolder({ "note.md": "x" });
    await expect(readDataset(folder)).rejects.toMatchObject({ code: "empty-folder", file: folder });
    await expect(readDataset(folder, { limit: 0 })).rejects.toMatchObject({
      code: "invalid-option",
    });
  });
});

test("sets that share an image, also through a link, are not disjoint", async () => {
  const first = createFolder({ "a.jpg": "x", "b.jpg": "x" });
  const second = createFolder({ "c.jpg": "x" });
  const [a, b] = [await readDataset(first), await readDataset(second)];
  expect(await checkDisjoint(a, b)).toEqual([]);
  await assertDisjointDatasets(a, b);
  symlinkSync(join(first, "b.jpg"), join(second, "d.jpg"));
  const linked = await readDataset(second);
  expect((await checkDisjoint(a, linked)).map(({ id }) => id)).toEqual(["d.jpg"]);
  await expect(assertDisjointDatasets(a, linked)).rejects.toMatchObject({
    code: "overlapping-datasets",
    file: join(second, "d.jpg"),
  });
});
