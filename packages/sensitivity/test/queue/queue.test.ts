import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  listPoints,
  type PointSpec,
  type ReportHead,
  readSensitivities,
  type SensitivityReport,
} from "@ocrslim/sensitivity";
import {
  collectSweep,
  enqueueSweep,
  runWorker,
  type Sweep,
  sweepIdOf,
  type WorkerOptions,
} from "@ocrslim/sensitivity/queue";
import { findFreePort, hasRedis, startRedis, type TestRedis } from "@ocrslim/test-utils";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { groups } from "../sweep.ts";

const head: ReportHead = {
  formatVersion: 1,
  metric: "made-up",
  modelHash: "ab".repeat(32),
  criterion: "l1",
  dataFingerprint: "d",
  inputShapes: { x: [1, 3, 6, 6] },
  relativeTo: "baseline",
  channelMultiple: 1,
};
const points = listPoints(groups, [0.05, 0.2, 0.4, 0.6, 0.8]);
const sweep: Sweep = { head, points, job: { settings: [1, 2] } };
const metricOf = ({ removed, width, group }: PointSpec): number =>
  0.9 - (removed / width) ** 2 / (group.length + 3);

/** What measuring all points in one process gives. */
function expectedReport(): SensitivityReport {
  return {
    ...head,
    baseline: 0.9,
    images: 7,
    curves: ["Conv", "Conv_2"].map((group) => {
      const ofGroup = points.filter((point) => point.group === group);
      return {
        group,
        width: ofGroup[0]!.width,
        points: ofGroup.map((point) => {
          const metric = point.removed === 0 ? 0.9 : metricOf(point);
          const { ratio, removed } = point;
          return { ratio, loss: (0.9 - metric) / 0.9, metric, images: 7, removed };
        }),
      };
    }),
    skipped: [],
  };
}

/** Measures by formula; says what it measured. */
function createWorker(
  taken: string[] = [],
  measure: (point: PointSpec) => Promise<number> = async (point) => metricOf(point),
): Pick<WorkerOptions, "createMeasurer" | "idleMs"> {
  return {
    idleMs: 100,
    createMeasurer: async ({ job }) => {
      expect(job).toEqual(sweep.job);
      return {
        baseline: async () => ({ metric: 0.9, images: 7 }),
        measure: async (point) => {
          taken.push(`${point.group} ${point.removed}`);
          return { metric: await measure(point), images: 7 };
        },
        dispose: async () => {},
      };
    },
  };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const folder = mkdtempSync(join(tmpdir(), "ocrslim-queue-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

// Debian's redis-server; without it there is nothing to test against.
describe.skipIf(!hasRedis)("a sweep on a queue (needs redis-server)", () => {
  let redis: TestRedis;
  let client: Redis;
  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
    client.on("error", () => {});
  });
  afterEach(() => client.flushall());
  afterAll(async () => {
    client.disconnect();
    await redis.stop();
  });

  it("gives what one process measures, each point measured once, and leaves nothing in Redis", async () => {
    const { url } = redis;
    const taken: string[] = [];
    const { sweepId } = await enqueueSweep(url, sweep);
    expect(sweepId).toBe(sweepIdOf(sweep));
    // Enqueuing again adds nothing.
    await enqueueSweep(url, sweep);
    const keys = (await client.keys("*")).filter((key) => key !== "ocrslim:sweeps");
    for (const key of keys) expect(key).toContain(sweepId);
    const file = join(folder, "s.json");
    const done: number[] = [];
    const [report] = await Promise.all([
      collectSweep(url, sweep, {
        file,
        pollMs: 20,
        onProgress: (event) => event.kind === "advance" && done.push(event.done),
      }),
      runWorker(url, createWorker(taken)),
      runWorker(url, createWorker(taken)),
    ]);
    expect(report).toEqual(expectedReport());
    expect(await readSensitivities(file)).toEqual(report);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.at(-1)).toBe(points.length);
    // Points of equal width are one, and those that remove nothing none.
    const distinct = new Set(
      points.filter(({ removed }) => removed > 0).map((p) => `${p.group} ${p.removed}`),
    );
    expect(taken.toSorted()).toEqual([...distinct].toSorted());
    expect(await client.keys("*")).toEqual([]);
  });

  it("goes on with what the file has, and with what workers found meanwhile", async () => {
    const { url } = redis;
    const file = join(folder, "resumed.json");
    const half: Sweep = { ...sweep, points: points.slice(0, 5) };
    await enqueueSweep(url, half);
    await Promise.all([
      collectSweep(url, half, { file, pollMs: 20 }),
      runWorker(url, createWorker()),
    ]);
    const taken: string[] = [];
    await enqueueSweep(url, { ...sweep, points: points.slice(5) });
    await runWorker(url, createWorker(taken));
    expect(taken.every((point) => point.startsWith("Conv_2"))).toBe(true);
    // Nobody works any more.
    expect(await collectSweep(url, sweep, { file, pollMs: 20 })).toEqual(expectedReport());
  });

  it("puts points on the queue again that were lost with Redis", async () => {
    const { url } = redis;
    const file = join(folder, "restarted.json");
    await enqueueSweep(url, sweep);
    let count = 0;
    const worker = createWorker([], async (point) => {
      if (++count === 2) await redis.restart();
      return metricOf(point);
    });
    const [report] = await Promise.all([
      collectSweep(url, sweep, { file, pollMs: 20 }),
      runWorker(url, { ...worker, idleMs: 1_500, lockMs: 1_000 }),
    ]);
    expect(report).toEqual(expectedReport());
  });

  it("records points that fail, and tries them again when asked", async () => {
    const { url } = redis;
    const file = join(folder, "failing.json");
    const failing = createWorker([], async (point) => {
      if (point.group === "Conv" && point.removed === 2) throw new Error("image 3 is broken");
      if (point.group === "Conv_2" && point.removed === 1) return Number.NaN;
      return metricOf(point);
    });
    await enqueueSweep(url, sweep);
    const [report, summary] = await Promise.all([
      collectSweep(url, sweep, { file, pollMs: 20 }),
      runWorker(url, failing),
    ]);
    expect(report.failed).toEqual([
      { group: "Conv", ratio: 0.2, removed: 2, reason: "image 3 is broken" },
      { group: "Conv_2", ratio: 0.2, removed: 1, reason: expect.stringContaining("NaN") },
    ]);
    expect(summary.failed).toBe(2);
    await enqueueSweep(url, sweep);
    await Promise.all([
      collectSweep(url, sweep, { file, pollMs: 20 }),
      runWorker(url, createWorker()),
    ]);
    expect(await readSensitivities(file)).toEqual(expectedReport());
  });

  it("is left to other workers by one that lacks the model", async () => {
    const { url } = redis;
    await enqueueSweep(url, sweep);
    const lines: string[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (line: string) => lines.push(line) };
    const summary = await runWorker(url, {
      idleMs: 300,
      logger,
      createMeasurer: async () => {
        throw new Error("det.onnx is another model");
      },
    });
    expect(summary).toEqual({
      measured: 0,
      failed: 0,
      refused: [{ sweepId: sweepIdOf(sweep), reason: "det.onnx is another model" }],
    });
    expect(lines).toEqual([expect.stringContaining("det.onnx is another model")]);
    const [report] = await Promise.all([
      collectSweep(url, sweep, { pollMs: 20 }),
      runWorker(url, createWorker()),
    ]);
    expect(report).toEqual(expectedReport());
  });

  it("gets back at once what an aborted worker had taken", async () => {
    const { url } = redis;
    await enqueueSweep(url, sweep);
    const controller = new AbortController();
    const hanging = runWorker(url, {
      signal: controller.signal,
      createMeasurer: async (_, { signal }) => ({
        baseline: async () => ({ metric: 0.9, images: 7 }),
        measure: () =>
          new Promise((_, reject) =>
            signal?.addEventListener("abort", () => reject(signal.reason)),
          ),
        dispose: async () => {},
      }),
    });
    await sleep(700);
    controller.abort();
    await expect(hanging).rejects.toThrow(controller.signal.reason);
    const [report] = await Promise.all([
      collectSweep(url, sweep, { pollMs: 20 }),
      runWorker(url, createWorker()),
    ]);
    expect(report).toEqual(expectedReport());
  });

  it("takes over what a killed worker had taken", async () => {
    const { url } = redis;
    await enqueueSweep(url, sweep);
    const source = pathToFileURL(join(import.meta.dirname, "../../src/queue/index.ts")).href;
    const code = `import { runWorker } from ${JSON.stringify(source)};
      await runWorker(${JSON.stringify(url)}, {
        lockMs: 600,
        createMeasurer: async () => ({
          baseline: async () => ({ metric: 0.9, images: 7 }),
          measure: () => new Promise(() => process.stdout.write("taken")),
          dispose: async () => {},
        }),
      });`;
    const options = ["--import", "tsx", "--conditions", "@ocrslim/source", "--input-type=module"];
    const child = spawn(process.execPath, [...options, "-e", code]);
    expect(String((await once(child.stdout, "data"))[0])).toBe("taken");
    // The first point is being measured, and stays so.
    child.kill("SIGKILL");
    await once(child, "exit");
    const taken: string[] = [];
    const [report] = await Promise.all([
      collectSweep(url, sweep, { pollMs: 20 }),
      runWorker(url, { ...createWorker(taken), lockMs: 600 }),
    ]);
    expect(report).toEqual(expectedReport());
    const [first] = points.filter(({ removed }) => removed > 0);
    expect(taken).toContain(`${first?.group} ${first?.removed}`);
  });

  it("ends with one clear error when Redis is gone in the middle; what was collected is kept", async () => {
    const mortal = await startRedis();
    const file = join(folder, "lost.json");
    await enqueueSweep(mortal.url, sweep);
    let count = 0;
    const worker = createWorker([], async (point) => {
      if (++count === 4) {
        await sleep(150);
        await mortal.stop();
      }
      return metricOf(point);
    });
    const [collected, worked] = await Promise.allSettled([
      collectSweep(mortal.url, sweep, { file, pollMs: 20, reconnectMs: 300 }),
      runWorker(mortal.url, { ...worker, reconnectMs: 300 }),
    ]);
    for (const outcome of [collected, worked]) {
      expect(outcome).toMatchObject({ reason: { code: "queue-unreachable" } });
    }
    expect(collected).toMatchObject({
      reason: { message: expect.stringMatching(/\d+ of 10 points are in .*lost\.json/) },
    });
    const kept = (await readSensitivities(file)).curves.flatMap((curve) => curve.points);
    expect(kept.length).toBeGreaterThanOrEqual(3);
  });
});

describe("without Redis", () => {
  it("there is one clear error in a few seconds", async () => {
    const url = `redis://127.0.0.1:${await findFreePort()}`;
    for (const call of [
      () => enqueueSweep(url, sweep),
      () => collectSweep(url, sweep),
      () => runWorker(url, createWorker()),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: "queue-unreachable",
        message: expect.stringContaining("ECONNREFUSED"),
      });
    }
  }, 10_000);

  it("also if something answers that is no Redis, or nothing does", async () => {
    const answers = ["HTTP/1.1 400 Bad Request\r\n\r\n", ""];
    for (const answer of answers) {
      const server: Server = createServer((socket) => {
        socket.on("error", () => {});
        socket.on("data", () => answer && socket.write(answer));
      }).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const address = server.address();
      const port = typeof address === "object" ? address?.port : 0;
      await expect(
        enqueueSweep(`redis://:secret@127.0.0.1:${port}`, sweep, { connectMs: 400 }),
      ).rejects.toMatchObject({
        code: "queue-unreachable",
        message: expect.not.stringContaining("secret"),
      });
      server.close();
    }
  });

  it.each(["", "127.0.0.1:6379", "http://127.0.0.1", "redis:"])("refuses the address %j", (url) =>
    expect(enqueueSweep(url, sweep)).rejects.toMatchObject({
      code: url === "redis:" ? "queue-unreachable" : "invalid-option",
    }),
  );
});
