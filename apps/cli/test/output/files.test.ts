import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  assertWritableFile,
  createOutputFolder,
  writeFileAtomically,
} from "../../src/output/files.ts";
import { listFiles, temporaryFolder } from "../support.ts";

const unwritable = expect.objectContaining({ code: "unwritable-output" });

describe("writeFileAtomically", () => {
  it("replaces a file and leaves no temporary", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "a.txt");
    await writeFile(path, "old");
    await writeFileAtomically(path, "new");
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await listFiles(folder)).toEqual(["a.txt"]);
  });

  it("names the path if the folder is gone", async () => {
    const path = join(await temporaryFolder(), "gone", "a.txt");
    await expect(writeFileAtomically(path, "new")).rejects.toMatchObject({
      code: "unwritable-output",
      message: expect.stringContaining(path),
    });
  });
});

describe("assertWritableFile", () => {
  it("refuses folders, missing folders and paths below a file, and leaves nothing behind", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "inner"));
    await writeFile(join(folder, "file"), "");
    await expect(assertWritableFile(join(folder, "inner"))).rejects.toEqual(unwritable);
    await expect(assertWritableFile(join(folder, "gone", "a"))).rejects.toEqual(unwritable);
    await expect(assertWritableFile(join(folder, "file", "a"))).rejects.toEqual(unwritable);
    await expect(assertWritableFile(join(folder, "inner", "a"))).resolves.toBeUndefined();
    expect(await listFiles(folder)).toEqual(["file"]);
  });
});

describe("createOutputFolder", () => {
  it.skipIf(process.platform !== "linux")(
    "is refused at once where a file system takes no folders (procfs, on Linux)",
    async () => {
      await expect(createOutputFolder("/proc/ocrslim/run")).rejects.toEqual(unwritable);
    },
  );

  it("removes the folders it made if they are still empty", async () => {
    const folder = await temporaryFolder();
    const made = await createOutputFolder(join(folder, "a", "b"));
    await made.discardEmpty();
    await expect(listFiles(join(folder, "a"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(listFiles(folder)).resolves.toEqual([]);
  });

  it("keeps a folder that was there, and one that holds something", async () => {
    const folder = await temporaryFolder();
    await (await createOutputFolder(folder)).discardEmpty();
    const made = await createOutputFolder(join(folder, "a"));
    await writeFile(join(folder, "a", "result"), "");
    await made.discardEmpty();
    expect(await listFiles(folder)).toEqual(["a/result"]);
  });

  it("refuses a file", async () => {
    const path = join(await temporaryFolder(), "file");
    await writeFile(path, "");
    await expect(createOutputFolder(path)).rejects.toEqual(unwritable);
  });
});
