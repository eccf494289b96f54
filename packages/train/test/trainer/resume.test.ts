import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { train } from "../../src/trainer/train.ts";
import type { TrainingResult, TrainOptions } from "../../src/trainer/train-options.ts";
import {
  createRegressionEngine,
  regressionData,
  regressionMetric,
  regressionStep,
  stateBytes,
} from "./linear-regression.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const step = regressionStep({ accumulate: 3 });
const defaults = {
  engine: createRegressionEngine(),
  data: regressionData(11),
  batchSize: 2,
  schedule: (update: number, total: number) => 0.05 * (1 - update / total),
  updates: 20,
  evaluate: regressionMetric,
  evaluateEvery: 4,
} satisfies TrainOptions;

/** All that must not depend on interruptions. */
const essence = ({
  state,
  best,
  evaluations,
  updates,
  epochs,
  stopped,
}: TrainingResult): unknown => ({
  state: stateBytes(state),
  best: best && { ...best, state: stateBytes(best.state) },
  evaluations,
  updates,
  epochs,
  stopped,
});

/** Runs until step number `last` of this session, then aborts. */
function runUntil(last: number, options: Partial<TrainOptions>): Promise<TrainingResult> {
  const controller = new AbortController();
  let steps = 0;
  const engine = createRegressionEngine({
    beforeStep: () => {
      if (++steps === last) controller.abort(new Error("enough"));
    },
  });
  return train(step, { ...defaults, ...options, engine, signal: controller.signal });
}

describe("an aborted run", () => {
  test("throws the signal's reason and goes on to the same bits, from within any update", async () => {
    const whole = essence(await train(step, defaults));
    for (const last of [1, 2, 3, 4, 13, 35, 59]) {
      const folder = await temporaryFolder();
      const checkpoint = { folder, every: 7 };
      await expect(runUntil(last, { checkpoint })).rejects.toThrow("enough");
      const { progress } = await readCheckpoint(join(folder, "last.ckpt"));
      expect(progress).toMatchObject({ microBatches: last, updates: Math.floor(last / 3) });
      const result = await train(step, { ...defaults, checkpoint, resume: "require" });
      expect(result.resumedFrom).toBe(Math.floor(last / 3));
      expect(essence(result)).toEqual(whole);
    }
  });

  test("is evaluated later if it was aborted while that went on", async () => {
    const folder = await temporaryFolder();
    const whole = essence(await train(step, defaults));
    const controller = new AbortController();
    const checkpoint = { folder };
    const running = train(step, {
      ...defaults,
      checkpoint,
      signal: controller.signal,
      evaluate: (_, { signal }) => {
        controller.abort(new Error("enough"));
        signal?.throwIfAborted();
        return { metric: 1 };
      },
    });
    await expect(running).rejects.toThrow("enough");
    expect(essence(await train(step, { ...defaults, checkpoint }))).toEqual(whole);
  });

  test("writes nothing if it is aborted before it starts", async () => {
    const folder = join(await temporaryFolder(), "run");
    const signal = AbortSignal.abort(new Error("never mind"));
    await expect(train(step, { ...defaults, signal, checkpoint: { folder } })).rejects.toThrow(
      "never mind",
    );
    await expect(readFile(join(folder, "last.ckpt"))).rejects.toThrow("ENOENT");
  });

  test("of some minutes keeps its total", async () => {
    const folder = await temporaryFolder();
    const options = { minutes: 0.01, checkpoint: { folder }, updates: 1e6 };
    await expect(runUntil(7, options)).rejects.toThrow("enough");
    const { total } = (await readCheckpoint(join(folder, "last.ckpt"))).progress;
    const engine = createRegressionEngine();
    const seen: number[] = [];
    const onStep = (event: { total: number }): void => void seen.push(event.total);
    await train(step, { ...defaults, ...options, engine, onStep });
    expect(new Set(seen)).toEqual(new Set([total]));
  });
});

test("a run that fails in evaluation has lost nothing", async () => {
  const folder = await temporaryFolder();
  const whole = essence(await train(step, defaults));
  const checkpoint = { folder, every: 100 };
  const evaluate = (): never => {
    throw new TypeError("a bug");
  };
  await expect(train(step, { ...defaults, evaluate, checkpoint })).rejects.toThrow("a bug");
  const result = await train(step, { ...defaults, checkpoint });
  expect(result.resumedFrom).toBe(4);
  expect(essence(result)).toEqual(whole);
});

test("early stopping counts on across sessions, and a stopped run stays stopped", async () => {
  const folder = await temporaryFolder();
  // The best one is that of update 4.
  const evaluate: TrainOptions["evaluate"] = (state) => ({
    metric: -Math.abs(regressionMetric(state).metric + 4.5),
  });
  const options = {
    ...defaults,
    updates: 60,
    evaluate,
    evaluateEvery: 1,
    earlyStopping: { patience: 6 },
  };
  const whole = await train(step, options);
  expect(whole.stopped).toBe("early-stopping");
  const checkpoint = { folder };
  await expect(runUntil(whole.updates * 3 - 6, { ...options, checkpoint })).rejects.toThrow(
    "enough",
  );
  expect(essence(await train(step, { ...options, checkpoint }))).toEqual(essence(whole));
  expect(essence(await train(step, { ...options, checkpoint }))).toEqual(essence(whole));
});

test("a finished run is not trained again, and goes on if it gets more updates", async () => {
  const folder = await temporaryFolder();
  const checkpoint = { folder };
  const schedule = (): number => 0.02;
  const first = await train(step, { ...defaults, schedule, checkpoint });
  const again = await train(step, { ...defaults, schedule, checkpoint });
  expect(again.resumedFrom).toBe(20);
  expect(essence(again)).toEqual(essence(first));
  const warnings: string[] = [];
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn: (text: string) => void warnings.push(text),
  };
  const longer = await train(step, { ...defaults, schedule, checkpoint, updates: 32, logger });
  expect(essence(longer)).toEqual(
    essence(await train(step, { ...defaults, schedule, updates: 32 })),
  );
  expect(warnings.join()).toContain("number of updates");
});

test("starts anew if it is told to, and from the start if there is nothing", async () => {
  const folder = await temporaryFolder();
  const checkpoint = { folder, every: 3 };
  await expect(train(step, { ...defaults, checkpoint, resume: "require" })).rejects.toMatchObject({
    code: "file-access",
  });
  await expect(runUntil(30, { checkpoint, seed: 5 })).rejects.toThrow("enough");
  const result = await train(step, { ...defaults, checkpoint, resume: "never" });
  expect(result.resumedFrom).toBe(0);
  expect(essence(result)).toEqual(essence(await train(step, defaults)));
});

test("a best checkpoint that is gone is looked for anew, with a warning", async () => {
  const folder = await temporaryFolder();
  const checkpoint = { folder };
  await expect(runUntil(16, { checkpoint })).rejects.toThrow("enough");
  await rm(join(folder, "best.ckpt"));
  const warnings: string[] = [];
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn: (text: string) => void warnings.push(text),
  };
  const result = await train(step, { ...defaults, checkpoint, logger });
  expect(warnings.join()).toContain("best.ckpt of update 4 is gone");
  expect(result.best?.update).toBeGreaterThan(4);
});

test("best.ckpt holds the best state", async () => {
  const folder = await temporaryFolder();
  const result = await train(step, { ...defaults, checkpoint: { folder } });
  const best = await readCheckpoint(join(folder, "best.ckpt"));
  expect(stateBytes(best.state)).toBe(stateBytes(result.best?.state ?? {}));
  expect(best.progress.best).toMatchObject({ metric: result.best?.metric });
  const last = await readCheckpoint(join(folder, "last.ckpt"));
  expect(stateBytes(last.state)).toBe(stateBytes(result.state));
  expect(last.progress).toMatchObject({ updates: 20, evaluations: result.evaluations });
});

describe("a checkpoint does not fit", () => {
  test.each<[string, Partial<TrainOptions>, string]>([
    ["another seed", { seed: 1 }, "seed is 1, there 0"],
    [
      "another number of samples",
      { data: regressionData(12, { fingerprint: "a" }) },
      "samples is 12, there 11",
    ],
    ["other data", { data: regressionData(11, { fingerprint: "b" }) }, "the data are others"],
  ])("%s", async (_, change, message) => {
    const folder = await temporaryFolder();
    const data = regressionData(11, { fingerprint: "a" });
    const checkpoint = { folder };
    await train(step, { ...defaults, data, checkpoint, updates: 2 });
    const before = await readFile(join(folder, "last.ckpt"));
    await expect(train(step, { ...defaults, data, checkpoint, ...change })).rejects.toMatchObject({
      code: "checkpoint-mismatch",
      file: join(folder, "last.ckpt"),
      message: expect.stringContaining(message),
    });
    expect(await readFile(join(folder, "last.ckpt"))).toEqual(before);
  });

  test("another model, and says what differs", async () => {
    const folder = await temporaryFolder();
    const checkpoint = { folder };
    await train(step, { ...defaults, checkpoint, updates: 2 });
    await expect(
      train(regressionStep({ accumulate: 2 }), { ...defaults, checkpoint }),
    ).rejects.toMatchObject({
      code: "checkpoint-mismatch",
      message: expect.stringContaining("accumulate is 2, there 3"),
    });
  });

  test("a damaged file", async () => {
    const folder = await temporaryFolder();
    const checkpoint = { folder };
    await train(step, { ...defaults, checkpoint, updates: 2 });
    const file = join(folder, "last.ckpt");
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, -10));
    await expect(train(step, { ...defaults, checkpoint })).rejects.toMatchObject({
      code: "invalid-checkpoint",
      message: expect.stringContaining("truncated"),
    });
  });
});

test("a folder that can't be written is found before the first step", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "file"), "");
  let steps = 0;
  const engine = createRegressionEngine({ beforeStep: () => void steps++ });
  const checkpoint = { folder: join(folder, "file", "run") };
  await expect(train(step, { ...defaults, engine, checkpoint })).rejects.toMatchObject({
    code: "file-access",
    file: checkpoint.folder,
  });
  expect(steps).toBe(0);
});
