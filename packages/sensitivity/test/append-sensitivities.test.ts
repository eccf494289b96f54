import { execFile, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { readSensitivities, type SensitivityReport } from "@ocrslim/sensitivity";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { withFileLock } from "../src/file-lock.ts";
import { appendSensitivities, writeSensitivities } from "../src/sensitivity-file.ts";

const head = {
  formatVersion: 1,
  baseline: 0.9,
  images: 4,
  modelHash: "ab".repeat(32),
  criterion: "l1",
  inputShapes: {},
  relativeTo: "baseline",
  channelMultiple: 1,
  skipped: [],
} as const;

/** A report of one point: group `gN`, cut at a ratio in hundredths. */
const onePoint = (group: number, hundredths: number, loss = group / 100): SensitivityReport => ({
  ...head,
  curves: [
    {
      group: `g${group}`,
      width: 100,
      points: [
        { ratio: hundredths / 100, loss, metric: 0.9 - loss, images: 4, removed: hundredths },
      ],
    },
  ],
});

const root = mkdtempSync(join(tmpdir(), "ocrslim-append-test-"));
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "t-"));
  path = join(folder, "s.json");
});
afterAll(() => rmSync(root, { recursive: true }));

/** A process that runs `code` with the file layer at hand. */
function nodeArguments(code: string): readonly string[] {
  const source = pathToFileURL(join(import.meta.dirname, "../src/sensitivity-file.ts")).href;
  const text = `import { appendSensitivities } from ${JSON.stringify(source)};
    const head = ${JSON.stringify(head)};
    const path = ${JSON.stringify(path)};
    ${code}`;
  return ["--import", "tsx", "--conditions", "@ocrslim/source", "--input-type=module", "-e", text];
}

describe("appendSensitivities", () => {
  it("begins a file, and adds to it in the order of the groups", async () => {
    const groupOrder = ["g1", "g2", "g3"];
    for (const group of [3, 1, 2]) {
      await appendSensitivities(path, onePoint(group, 10), { groupOrder });
    }
    const report = await appendSensitivities(path, onePoint(1, 5), { groupOrder });
    expect(report.curves.map(({ group }) => group)).toEqual(groupOrder);
    expect(report.curves[0]?.points.map(({ ratio }) => ratio)).toEqual([0.05, 0.1]);
    expect(await readSensitivities(path)).toEqual(report);
    expect(readdirSync(folder)).toEqual(["s.json"]);
  });

  it("loses no point of many calls at once", async () => {
    const counts = Array.from({ length: 24 }, (_, index) => index + 1);
    await Promise.all(counts.map((count) => appendSensitivities(path, onePoint(count % 3, count))));
    const report = await readSensitivities(path);
    expect(report.curves.flatMap(({ points }) => points)).toHaveLength(24);
    expect(readdirSync(folder)).toEqual(["s.json"]);
  });

  it("loses no point of several processes", async () => {
    const run = promisify(execFile);
    const append = (group: number): Promise<unknown> =>
      run(process.execPath, [
        ...nodeArguments(`for (let removed = 1; removed <= 15; removed++) {
          const point = { ratio: removed / 100, loss: 0, metric: 0.9, images: 4, removed };
          const curves = [{ group: "g${group}", width: 100, points: [point] }];
          await appendSensitivities(path, { ...head, curves });
        }`),
      ]);
    await Promise.all([append(1), append(2)]);
    const report = await readSensitivities(path);
    expect(report.curves.map(({ points }) => points.length)).toEqual([15, 15]);
    expect(readdirSync(folder)).toEqual(["s.json"]);
  });

  it("leaves the file as it was if the disk takes no more", async () => {
    await appendSensitivities(path, onePoint(1, 10));
    const before = readFileSync(path, "utf8");
    // A limit of two blocks of 512 bytes for any file: writing fails in the middle, as on a full disk.
    const code = `const points = Array.from({ length: 90 }, (_, index) =>
        ({ ratio: (index + 1) / 100, loss: 0, metric: 0.9, images: 4, removed: index + 1 }));
      const curves = [{ group: "g2", width: 100, points }];
      await appendSensitivities(path, { ...head, curves }).catch((error) => {
        process.stdout.write(error.code + " " + error.message);
      });`;
    const { stdout } = spawnSync(
      "sh",
      ["-c", 'ulimit -f 2; exec "$@"', "sh", process.execPath, ...nodeArguments(code)],
      { encoding: "utf8" },
    );
    expect(stdout).toMatch(/^file-access appendSensitivities: .*s\.json: EFBIG/);
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(readdirSync(folder)).toEqual(["s.json"]);
  });

  it("refuses what contradicts the file, and leaves it as it was", async () => {
    await appendSensitivities(path, onePoint(1, 10));
    const before = readFileSync(path, "utf8");
    for (const addition of [
      onePoint(1, 10, 0.5),
      { ...onePoint(2, 10), modelHash: "cd".repeat(32) },
      { ...onePoint(2, 10), baseline: 0.8 },
    ]) {
      await expect(appendSensitivities(path, addition)).rejects.toMatchObject({
        code: "contradiction",
      });
    }
    writeFileSync(path, before.slice(0, -20));
    await expect(appendSensitivities(path, onePoint(2, 10))).rejects.toMatchObject({
      code: "malformed-file",
    });
    expect(readFileSync(path, "utf8")).toBe(before.slice(0, -20));
    expect(existsSync(`${path}.lock`)).toBe(false);
  });
});

describe("withFileLock", () => {
  const lockPath = (): string => `${path}.lock`;
  const holder = (pid: number, host = hostname()): string =>
    JSON.stringify({ pid, host, token: "t" });
  /** Of a process that has ended. */
  const deadPid = (): number => spawnSync(process.execPath, ["-e", ""]).pid;

  it.each<[string, () => string]>([
    ["a process that no longer runs", () => holder(deadPid())],
    ["another host that gives no sign of life", () => holder(1, "elsewhere")],
    ["who was killed before writing who it is", () => ""],
  ])("recovers the lock of %s", async (_, text) => {
    writeFileSync(lockPath(), text());
    let most = 0;
    let count = 0;
    const enter = (): Promise<void> =>
      withFileLock(
        path,
        async () => {
          most = Math.max(most, ++count);
          await new Promise((resolve) => setTimeout(resolve, 10));
          count--;
        },
        { staleMs: 200 },
      );
    await Promise.all([enter(), enter(), enter()]);
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("waits for a holder that is alive, and names it when it takes too long", async () => {
    writeFileSync(lockPath(), holder(process.pid));
    await expect(withFileLock(path, async () => {}, { timeoutMs: 60 })).rejects.toMatchObject({
      code: "file-access",
      message: expect.stringContaining(`process ${process.pid} on ${hostname()}`),
    });
    expect(readFileSync(lockPath(), "utf8")).toBe(holder(process.pid));
  });

  it("does not take the lock of another host while that renews it", async () => {
    writeFileSync(lockPath(), holder(1, "elsewhere"));
    const renewal = setInterval(() => utimesSync(lockPath(), new Date(), new Date()), 20);
    const refused = withFileLock(path, async () => {}, { staleMs: 150, timeoutMs: 600 });
    await expect(refused).rejects.toMatchObject({ code: "file-access" });
    clearInterval(renewal);
  });

  it("tells a holder that slept that its lock is gone", async () => {
    await withFileLock(path, async (lock) => {
      expect(await lock.isHeld()).toBe(true);
      writeFileSync(lockPath(), holder(process.pid));
      expect(await lock.isHeld()).toBe(false);
    });
    expect(existsSync(lockPath())).toBe(true);
  });

  it("stops waiting when aborted", async () => {
    writeFileSync(lockPath(), holder(process.pid));
    const signal = AbortSignal.timeout(40);
    await expect(withFileLock(path, async () => {}, { signal })).rejects.toThrow();
  });
});

describe("writeSensitivities", () => {
  it("says where it could not write", async () => {
    const nowhere = join(folder, "missing", "s.json");
    await expect(writeSensitivities(nowhere, onePoint(1, 10))).rejects.toMatchObject({
      code: "file-access",
      file: nowhere,
    });
  });
});
