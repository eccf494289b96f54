import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { writeCheckpoint } from "../../src/checkpoint/write-checkpoint.ts";
import { exampleCheckpoint } from "./example-checkpoint.ts";

const disk = vi.hoisted(() => ({ freeBytes: Number.POSITIVE_INFINITY, fails: "" }));

// A disk that fills up: files get so many bytes and no more.
vi.mock("node:fs/promises", async (original) => {
  const fs = await original<typeof import("node:fs/promises")>();
  const failure = (code: string): Error => Object.assign(new Error(`${code}: mocked`), { code });
  return {
    ...fs,
    async open(path: string, flags: string) {
      const handle = await fs.open(path, flags);
      const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
      const sync = handle.sync.bind(handle);
      return Object.assign(handle, {
        write(bytes: Uint8Array, offset: number, length: number, position: number) {
          const room = disk.freeBytes - position;
          if (room <= 0) return Promise.reject(failure("ENOSPC"));
          return write(bytes, offset, Math.min(length, room), position);
        },
        sync: () => (disk.fails === "sync" ? Promise.reject(failure("EIO")) : sync()),
      });
    },
    rename: (from: string, to: string) =>
      disk.fails === "rename" ? Promise.reject(failure("EPERM")) : fs.rename(from, to),
  };
});

let folder = "";
let file = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ocrslim-checkpoint-"));
  file = join(folder, "last.ckpt");
});
afterEach(async () => {
  Object.assign(disk, { freeBytes: Number.POSITIVE_INFINITY, fails: "" });
  await rm(folder, { recursive: true, force: true });
});

test("what is written is read again, to the bit", async () => {
  const checkpoint = exampleCheckpoint();
  await writeCheckpoint(file, checkpoint);
  const read = await readCheckpoint(file);
  expect(read).toEqual(checkpoint);
  expect(Object.is(read.state["parameters"]?.[1], -0)).toBe(true);
  expect(await readdir(folder)).toEqual(["last.ckpt"]);
});

test("vectors of NaN payloads and parts of larger buffers are kept", async () => {
  const bits = Uint32Array.of(0, 0x7fc00001, 0xff800000, 0x7f800001, 0);
  const part = new Float32Array(bits.buffer, 4, 3);
  await writeCheckpoint(file, { ...exampleCheckpoint(), state: { part } });
  const read = (await readCheckpoint(file)).state["part"] ?? new Float32Array();
  expect([...new Uint32Array(read.buffer)]).toEqual([...bits.subarray(1, 4)]);
});

test("a vector longer than what is written at once is kept", async () => {
  const long = Float32Array.from({ length: 5_000_000 }, (_, index) => index);
  await writeCheckpoint(file, { ...exampleCheckpoint(), state: { long } });
  const read = (await readCheckpoint(file)).state["long"] ?? new Float32Array();
  expect(Buffer.from(read.buffer).equals(Buffer.from(long.buffer))).toBe(true);
});

describe("a file that is no whole checkpoint", () => {
  test("is told at any length", async () => {
    await writeCheckpoint(file, exampleCheckpoint());
    const bytes = await readFile(file);
    const damaged = join(folder, "damaged.ckpt");
    for (let length = 0; length < bytes.length; length += 7) {
      await writeFile(damaged, bytes.subarray(0, length));
      await expect(readCheckpoint(damaged)).rejects.toMatchObject({
        code: "invalid-checkpoint",
        file: damaged,
        message: expect.stringContaining(length === 0 ? "not a checkpoint" : "truncated"),
      });
    }
    await writeFile(damaged, Buffer.concat([bytes, Buffer.of(0)]));
    await expect(readCheckpoint(damaged)).rejects.toMatchObject({ code: "invalid-checkpoint" });
  });

  test("is told whatever byte has changed", async () => {
    await writeCheckpoint(file, exampleCheckpoint());
    const bytes = await readFile(file);
    const damaged = join(folder, "damaged.ckpt");
    for (let index = 0; index < bytes.length; index += 1 + (index > 60 ? 5 : 0)) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 0x01;
      await writeFile(damaged, changed);
      await expect(readCheckpoint(damaged)).rejects.toMatchObject({ code: "invalid-checkpoint" });
    }
  });

  test("is something else, or of a newer format", async () => {
    await writeFile(file, "PK\u0003\u0004 some other file, long enough to hold a header");
    await expect(readCheckpoint(file)).rejects.toThrow("is not a checkpoint of OCRSlim");
    await writeCheckpoint(file, exampleCheckpoint());
    const bytes = await readFile(file);
    bytes.writeUInt32LE(2, 8);
    await writeFile(file, bytes);
    await expect(readCheckpoint(file)).rejects.toMatchObject({
      code: "invalid-checkpoint",
      message: expect.stringContaining("of format 2, newer than the 1"),
    });
  });

  test("is absent", async () => {
    await expect(readCheckpoint(file)).rejects.toMatchObject({ code: "file-access", file });
  });
});

describe("a disk that is full", () => {
  test("leaves the checkpoint before as it was, and nothing else", async () => {
    await writeCheckpoint(file, exampleCheckpoint(3));
    const { size } = await stat(file);
    for (const freeBytes of [0, 8, 100, size - 33, size - 1]) {
      disk.freeBytes = freeBytes;
      await expect(writeCheckpoint(file, exampleCheckpoint(4))).rejects.toMatchObject({
        code: "file-access",
        file,
        message: expect.stringContaining("ENOSPC"),
      });
      expect(await readdir(folder)).toEqual(["last.ckpt"]);
      expect((await readCheckpoint(file)).progress.updates).toBe(3);
    }
    disk.freeBytes = size + 10;
    await writeCheckpoint(file, exampleCheckpoint(4));
    expect((await readCheckpoint(file)).progress.updates).toBe(4);
  });

  test.each(["sync", "rename"])("or fails to %s: likewise", async (fails) => {
    await writeCheckpoint(file, exampleCheckpoint(3));
    disk.fails = fails;
    await expect(writeCheckpoint(file, exampleCheckpoint(4))).rejects.toMatchObject({
      code: "file-access",
    });
    expect(await readdir(folder)).toEqual(["last.ckpt"]);
    expect((await readCheckpoint(file)).progress.updates).toBe(3);
  });
});

test("leftovers of writers that are gone are removed, other files are not", async () => {
  const others = ["best.ckpt", "last.ckpt.bak", `last.ckpt.${process.ppid}-0.tmp`, "last.ckpt.tmp"];
  const gone = ["last.ckpt.4194999-3.tmp", `last.ckpt.${process.pid}-99999.tmp`];
  for (const name of [...others, ...gone]) await writeFile(join(folder, name), "x");
  await writeCheckpoint(file, exampleCheckpoint());
  expect((await readdir(folder)).sort()).toEqual(["last.ckpt", ...others].sort());
});

test("two writers of one file leave one of their checkpoints", async () => {
  await Promise.all([3, 4, 5].map((update) => writeCheckpoint(file, exampleCheckpoint(update))));
  expect([3, 4, 5]).toContain((await readCheckpoint(file)).progress.updates);
  expect(await readdir(folder)).toEqual(["last.ckpt"]);
});

test("a folder that is not there is an error", async () => {
  await expect(
    writeCheckpoint(join(folder, "no", "last.ckpt"), exampleCheckpoint()),
  ).rejects.toMatchObject({ code: "file-access" });
});
