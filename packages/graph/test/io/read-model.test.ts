import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conv, createTestModel } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { encodeModel, GraphError, readModel } from "../../src/index.ts";
import { codeOf, temporaryFolder } from "./files.ts";

describe("readModel", () => {
  it("reads what lies behind a link to the model", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 8, 8] },
      build: (graph, x) => conv(graph, x, { out: 4 }),
    });
    const folder = temporaryFolder();
    writeFileSync(join(folder, "model.onnx"), encodeModel(model));
    symlinkSync(join(folder, "model.onnx"), join(folder, "link.onnx"));
    const read = await readModel(join(folder, "link.onnx"));
    expect(Buffer.compare(encodeModel(read), encodeModel(model))).toBe(0);
  });

  it("says which file is missing", async () => {
    const file = join(temporaryFolder(), "missing.onnx");
    const error = await readModel(file).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(GraphError);
    expect(error).toMatchObject({ code: "file-access", file });
    expect((error as GraphError).message).toContain(file);
  });

  it("says which file is damaged", async () => {
    const file = join(temporaryFolder(), "damaged.onnx");
    writeFileSync(file, Uint8Array.of(0x3a, 0xff, 0x7f, 1));
    await expect(readModel(file)).rejects.toMatchObject({ code: "malformed-model", file });
  });

  it("refuses a folder, and does not wait for a pipe", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "folder.onnx"));
    expect(await codeOf(() => readModel(join(folder, "folder.onnx")))).toBe("file-access");
    if (process.platform === "win32") return;
    execFileSync("sh", ["-c", 'mkfifo "$0"', join(folder, "pipe.onnx")]);
    expect(await codeOf(() => readModel(join(folder, "pipe.onnx")))).toBe("file-access");
  });
});
