import {
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  checkModel,
  cloneModel,
  decodeModel,
  type GraphError,
  readModel,
} from "../../src/index.ts";
import { codeOf, type ExternalTensor, externalModel, temporaryFolder } from "./files.ts";

const numbers = Float32Array.from({ length: 6 }, (_, index) => index + 0.5);
const bytes = new Uint8Array(numbers.buffer);

function folderWith(tensor: Partial<ExternalTensor> = {}): { folder: string; file: string } {
  const folder = temporaryFolder();
  const file = join(folder, "model.onnx");
  writeFileSync(file, externalModel([{ name: "w", dims: [2, 3], location: "w.bin", ...tensor }]));
  return { folder, file };
}

describe("external data", () => {
  it("is read when it is first asked for, and only then", async () => {
    const { folder, file } = folderWith({ offset: "8" });
    writeFileSync(join(folder, "w.bin"), Buffer.concat([new Uint8Array(8), new Uint8Array(24)]));
    const model = await readModel(file);
    // Written after the model was read.
    writeFileSync(join(folder, "w.bin"), Buffer.concat([new Uint8Array(8), bytes]));
    expect([...(model.graph.value("w")?.tensor?.float32Values() ?? [])]).toEqual([...numbers]);
    unlinkSync(join(folder, "w.bin"));
    expect(model.graph.value("w")?.tensor?.size).toBe(6);
    expect([...(cloneModel(model).graph.value("w")?.tensor?.toNumbers() ?? [])]).toEqual([
      ...numbers,
    ]);
  });

  it("may lie in a folder inside the model's folder, which itself may be a link", async () => {
    const { folder, file } = folderWith({ location: "deep/er/w.bin" });
    mkdirSync(join(folder, "deep", "er"), { recursive: true });
    writeFileSync(join(folder, "deep", "er", "w.bin"), bytes);
    const link = join(temporaryFolder(), "link");
    symlinkSync(folder, link);
    for (const path of [file, join(link, "model.onnx")]) {
      const model = await readModel(path);
      expect(model.graph.value("w")?.tensor?.toNumbers()[5]).toBe(5.5);
    }
  });

  it("of gigabytes costs no memory but for what is asked for", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "large.onnx");
    const size = 1_200_000_000;
    const offset = 2 * size;
    writeFileSync(
      file,
      externalModel([
        { name: "a", dims: [size / 4], location: "large.bin", length: String(size) },
        { name: "b", dims: [size / 4], location: "large.bin", offset: String(size) },
        { name: "slice", dims: [6], location: "large.bin", offset: String(offset) },
      ]),
    );
    writeFileSync(join(folder, "large.bin"), "");
    truncateSync(join(folder, "large.bin"), offset);
    writeFileSync(join(folder, "large.bin"), bytes, { flag: "a" });
    const before = process.memoryUsage().rss;
    const model = await readModel(file);
    expect(model.graph.value("b")?.tensor?.byteLength).toBe(size);
    expect([...(model.graph.value("slice")?.tensor?.float32Values() ?? [])]).toEqual([...numbers]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });
});

describe("external data is refused", () => {
  it.each([
    ["../w.bin", "leads out"],
    ["deep/../../w.bin", "leads out, deeper down"],
    ["..\\w.bin", "leads out, in Windows' spelling"],
    ["/etc/hostname", "is absolute"],
    ["C:\\w.bin", "is absolute on Windows"],
    ["c:w.bin", "names a drive"],
    ["w\0.bin", "holds a zero"],
    [".", "is the folder"],
  ])("where its path, %j, %s", async (location) => {
    const { file } = folderWith({ location });
    expect(await codeOf(() => readModel(file))).toBe("unsafe-path");
  });

  it("through a linked file", async () => {
    const { folder, file } = folderWith();
    const outside = join(temporaryFolder(), "secret.bin");
    writeFileSync(outside, bytes);
    symlinkSync(outside, join(folder, "w.bin"));
    expect(await codeOf(() => readModel(file))).toBe("unsafe-path");
  });

  it("through a linked folder", async () => {
    const { folder, file } = folderWith({ location: "data/w.bin" });
    const outside = temporaryFolder();
    writeFileSync(join(outside, "w.bin"), bytes);
    symlinkSync(outside, join(folder, "data"));
    expect(await codeOf(() => readModel(file))).toBe("unsafe-path");
  });

  it("through a hard link", async () => {
    const { folder, file } = folderWith();
    const outside = join(temporaryFolder(), "secret.bin");
    writeFileSync(outside, bytes);
    linkSync(outside, join(folder, "w.bin"));
    expect(await codeOf(() => readModel(file))).toBe("unsafe-path");
  });

  it("where a link took the file's place after the model was read", async () => {
    const { folder, file } = folderWith();
    writeFileSync(join(folder, "w.bin"), bytes);
    const model = await readModel(file);
    unlinkSync(join(folder, "w.bin"));
    const outside = join(temporaryFolder(), "secret.bin");
    writeFileSync(outside, bytes);
    symlinkSync(outside, join(folder, "w.bin"));
    expect(await codeOf(() => model.graph.value("w")?.tensor?.bytes)).toBe("unsafe-path");
  });

  it("where it is a folder", async () => {
    const { folder, file } = folderWith();
    mkdirSync(join(folder, "w.bin"));
    expect(await codeOf(() => readModel(file))).toBe("unsafe-path");
  });

  it.each([
    ["not there", "w.bin"],
    ["below a file", "model.onnx/w.bin"],
    ["of an impossible name", `${"w".repeat(5000)}.bin`],
  ])("where it is %s", async (_what, location) => {
    const { file } = folderWith({ location });
    expect(await codeOf(() => readModel(file))).toBe("file-access");
  });

  it("where the file is too short, with the name of the tensor", async () => {
    const { folder, file } = folderWith({ offset: "8" });
    writeFileSync(join(folder, "w.bin"), bytes);
    const model = await readModel(file);
    expect(await codeOf(() => model.graph.value("w")?.tensor?.bytes)).toBe("malformed-model");
    expect(checkModel(model).some(({ value }) => value === "w")).toBe(true);
    try {
      void model.graph.value("w")?.tensor?.bytes;
    } catch (error) {
      expect((error as GraphError).value).toBe("w");
    }
  });

  it("before memory is spent on a size that is a lie", async () => {
    const { folder, file } = folderWith({ dims: [2 ** 40] });
    writeFileSync(join(folder, "w.bin"), bytes);
    const model = await readModel(file);
    expect(await codeOf(() => model.graph.value("w")?.tensor?.bytes)).toBe("malformed-model");
  });

  it.each([
    { offset: "-1" },
    { offset: "1e3" },
    { offset: "9999999999999999999" },
    { length: "23" },
    { length: "" },
    { location: "" },
  ])("where its entries make no sense: %o", async (entries) => {
    const { file } = folderWith(entries);
    expect(await codeOf(() => readModel(file))).toBe("malformed-model");
  });

  it("where the model was decoded from bytes alone, once it is asked for", async () => {
    const { file } = folderWith();
    const model = decodeModel(new Uint8Array(readFileSync(file)));
    expect(await codeOf(() => model.graph.value("w")?.tensor?.bytes)).toBe("file-access");
  });
});
