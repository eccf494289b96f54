import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { basename, join } from "node:path";
import { readSensitivities } from "@ocrslim/sensitivity";
import { hasRedis, startRedis, type TestRedis } from "@ocrslim/test-utils";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { calibrationPages, root, runCli, temporaryFolder } from "../support.ts";
import { sweepOptions, writeTinyDetector } from "../sweep-support.ts";

const bin = [
  ...["--import", "tsx", "--conditions", "@ocrslim/source"],
  join(root, "apps/cli/src/bin.ts"),
];
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A worker of its own, which says when it begins. */
async function startWorker(url: string): Promise<ChildProcess> {
  const limits = ["--lock", "1", "--threads", "1", "--concurrency", "1"];
  const argv = [...bin, "worker", "--queue", url, ...limits];
  const child = spawn(process.execPath, argv, { cwd: root });
  children.push(child);
  let stderr = "";
  await new Promise<void>((resolve, reject) => {
    child.on("exit", () => reject(new Error(`the worker ended: ${stderr}`)));
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk;
      if (stderr.includes("working on sweep")) resolve();
    });
  });
  return child;
}

async function countPoints(file: string): Promise<number> {
  const report = await readSensitivities(file).catch(() => undefined);
  return report?.curves.reduce((sum, { points }) => sum + points.length, 0) ?? 0;
}

describe.skipIf(!hasRedis)("workers (need redis-server)", () => {
  let redis: TestRedis;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.stop());

  it("find together what one process finds, though one of three is killed in the middle", async () => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder, 256);
    const ratios = Array.from({ length: 12 }, (_, index) => (index + 1) / 13).join(",");
    const argv = ["sensitivity", model, "--ratios", ratios, ...sweepOptions(256)];
    const [alone, together] = [join(folder, "alone.json"), join(folder, "together.json")];
    expect((await runCli([...argv, "-o", alone])).exitCode).toBe(0);

    const collected = runCli([...argv, "-o", together, "--queue", redis.url]);
    const workers = await Promise.all([1, 2, 3].map(() => startWorker(redis.url)));
    const [victim] = workers;
    while ((await countPoints(together)) < 3) await sleep(20);
    victim?.kill("SIGKILL");
    expect(await countPoints(together)).toBeLessThan(24);
    const { exitCode, stderr } = await collected;
    // That there is no worker yet may be said, as they take their time to start.
    expect(stderr).not.toContain("error");
    expect(exitCode).toBe(0);
    expect(victim?.signalCode).toBe("SIGKILL");
    expect(await readSensitivities(together)).toEqual(await readSensitivities(alone));

    // The others are there until they are stopped.
    for (const worker of workers.slice(1)) {
      const exit = once(worker, "exit");
      worker.kill("SIGTERM");
      expect(await exit).toEqual([130, null]);
    }
  }, 120_000);

  describe("given a shared folder", () => {
    /** A folder with a model and pictures, as one machine has it. */
    async function share(): Promise<{ folder: string; argv: readonly string[] }> {
      const folder = await temporaryFolder();
      const model = await writeTinyDetector(folder);
      await cp(calibrationPages, join(folder, "pages"), { recursive: true });
      const options = sweepOptions(64, join(folder, "pages"));
      const argv = ["sensitivity", model, "--ratios", "0.5", ...options, "--shared", folder];
      return { folder, argv };
    }
    const work = (shared: string) =>
      runCli([
        "worker",
        "--queue",
        redis.url,
        "--idle",
        "0.5",
        "--shared",
        shared,
        "--json",
        "--concurrency",
        "1",
      ]);

    it("find it anywhere, or download it", async () => {
      const { folder, argv } = await share();
      const moved = await temporaryFolder();
      await cp(folder, moved, { recursive: true });
      const server = serve(folder);
      const address = await listen(server);
      try {
        for (const [index, shared] of [moved, address].entries()) {
          const output = join(folder, `${index}.json`);
          const [collected, worked] = await Promise.all([
            runCli([...argv, "-o", output, "--queue", redis.url]),
            sleep(500).then(() => work(shared)),
          ]);
          expect(worked.exitCode, worked.stderr).toBe(0);
          expect(JSON.parse(worked.stdout)).toMatchObject({ failed: 0, refused: [] });
          expect(collected.exitCode, collected.stderr).toBe(0);
        }
      } finally {
        server.close();
      }
      expect(await readSensitivities(join(folder, "1.json"))).toEqual(
        await readSensitivities(join(folder, "0.json")),
      );
    });

    it("leave a sweep to others if a file is another one, or lacks", async () => {
      const { folder, argv } = await share();
      const [changed, lacking] = [await temporaryFolder(), await temporaryFolder()];
      await cp(folder, changed, { recursive: true });
      const model = join(changed, "tiny.onnx");
      await writeFile(model, Buffer.concat([await readFile(model), Buffer.from([0xf8, 0x7f, 1])]));
      const collected = runCli([...argv, "-o", join(folder, "s.json"), "--queue", redis.url]);
      await sleep(500);
      for (const [shared, text] of [
        [changed, "it is another file than the sweep's"],
        [lacking, "there is no such file on this machine"],
        ["http://127.0.0.1:9", "cannot be downloaded"],
      ] as const) {
        const { exitCode, stderr } = await work(shared);
        expect(stderr).toContain(text);
        expect(exitCode).toBe(1);
      }
      expect((await work(folder)).exitCode).toBe(0);
      expect((await collected).exitCode).toBe(0);
    });

    it("must hold the model and the pictures", async () => {
      const { folder, argv } = await share();
      const other = await temporaryFolder();
      const { exitCode, stderr } = await runCli([
        ...argv.map((part) => (part === folder ? other : part)),
        ...["-o", join(folder, "s.json"), "--queue", redis.url],
      ]);
      expect(stderr).toMatch(/^error: --shared [^\n]* is not below it[^\n]*\n$/);
      expect(exitCode).toBe(1);
    });
  });
});

describe("without Redis", () => {
  it.each<[string, readonly string[]]>([
    ["worker", []],
    ["sensitivity", ["--ratios", "0.5", ...sweepOptions()]],
  ])("%s gives one clear error", async (name, more) => {
    const folder = await temporaryFolder();
    const model = await writeTinyDetector(folder);
    const queue = ["--queue", "redis://127.0.0.1:9"];
    const argv = name === "worker" ? [] : [model, "-o", join(folder, "s.json"), ...more];
    const { exitCode, stderr } = await runCli([name, ...argv, ...queue]);
    expect(stderr).toMatch(/^error: [^\n]*Redis at redis:\/\/127\.0\.0\.1:9[^\n]*\n$/);
    expect(exitCode).toBe(1);
  });
});

/** Serves the files of a folder. */
function serve(folder: string): Server {
  return createServer((request, response) => {
    const path = join(folder, decodeURIComponent(request.url ?? ""));
    readFile(path).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(basename(path)),
    );
  });
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
}
