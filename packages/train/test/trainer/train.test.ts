import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ProgressEvent } from "@ocrslim/graph";
import { describe, expect, onTestFinished, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { train } from "../../src/trainer/train.ts";
import type { TrainingEvent, TrainOptions } from "../../src/trainer/train-options.ts";
import type { BatchRequest, TrainingData } from "../../src/trainer/training-data.ts";
import {
  createRegressionEngine,
  regressionData,
  regressionMetric,
  regressionStep,
  stateBytes,
} from "./linear-regression.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const step = regressionStep();
const defaults = {
  engine: createRegressionEngine(),
  data: regressionData(11),
  batchSize: 2,
  schedule: (update: number, total: number) => 0.05 * (1 - update / total),
} satisfies Partial<TrainOptions>;
const evaluate = regressionMetric;

describe("a run", () => {
  test("learns", async () => {
    const result = await train(step, { ...defaults, updates: 200 });
    expect(result.state["parameters"]).toHaveLength(4);
    expect(regressionMetric(result.state).metric).toBeGreaterThan(-1e-3);
    expect(result).toMatchObject({ updates: 200, stopped: "complete", resumedFrom: 0 });
    expect(result.epochs).toBeCloseTo(400 / 11, 12);
  });

  test("of so many epochs rounds its updates up, and the least limit ends it", async () => {
    expect((await train(step, { ...defaults, epochs: 3 })).updates).toBe(17);
    expect((await train(step, { ...defaults, epochs: 3, updates: 5 })).updates).toBe(5);
    expect((await train(step, { ...defaults, epochs: 0.01 })).updates).toBe(1);
  });

  test("tells its schedule the update from 0 and the total, and the engine the update from 1", async () => {
    const seen = new Set<string>();
    const updates: number[] = [];
    await train(step, {
      ...defaults,
      engine: createRegressionEngine({ beforeStep: ({ update }) => void updates.push(update) }),
      updates: 3,
      schedule: (update, total) => {
        seen.add(`${update}/${total}`);
        return 0.1;
      },
    });
    for (const moment of ["0/3", "1/3", "2/3"]) expect(seen).toContain(moment);
    expect(seen).not.toContain("3/3");
    expect(updates).toEqual([1, 2, 3]);
  });

  test("accumulates: two micro-batches of 2 are one batch of 4", async () => {
    // The noise belongs to a batch.
    const data = regressionData(12, { noise: 0 });
    const updates = 20;
    const whole = await train(regressionStep({ batchSize: 4 }), {
      ...defaults,
      data,
      batchSize: 4,
      updates,
    });
    const halves = await train(regressionStep({ accumulate: 2 }), {
      ...defaults,
      data,
      updates,
    });
    expect(halves.epochs).toBe(whole.epochs);
    halves.state["parameters"]?.forEach((value, index) => {
      expect(value).toBeCloseTo(whole.state["parameters"]?.[index] ?? Number.NaN, 5);
    });
  });

  test("tells what it does after each update", async () => {
    const events: TrainingEvent[] = [];
    const progress: ProgressEvent[] = [];
    await train(regressionStep({ accumulate: 3 }), {
      ...defaults,
      updates: 4,
      onStep: (event) => void events.push(event),
      onProgress: (event) => void progress.push(event),
    });
    expect(events.map(({ update }) => update)).toEqual([1, 2, 3, 4]);
    expect(events.map(({ epoch }) => epoch)).toEqual([6 / 11, 12 / 11, 18 / 11, 24 / 11]);
    const [first] = events;
    expect(first).toMatchObject({ total: 4, learningRate: 0.05 });
    for (const event of events) {
      expect(event.loss).toBeGreaterThan(0);
      expect(event.reports["error"]).toBeGreaterThan(0);
      expect(event.gradientNorm).toBeGreaterThan(0);
      expect(event.samplesPerSecond).toBeGreaterThan(0);
    }
    expect(events.at(-1)?.remainingSeconds).toBe(0);
    expect(progress.map(({ kind }) => kind)).toEqual([
      "start",
      ...new Array<string>(4).fill("advance"),
      "end",
    ]);
    expect(progress[1]).toMatchObject({
      task: "train",
      done: 1,
      total: 4,
      unit: "updates",
      detail: expect.stringMatching(/^loss .+, rate 0\.0500, .+ images\/s$/),
    });
  });

  test("gives the same bits for the same seed, whatever is made ahead, and others for another", async () => {
    const run = async (options: Partial<TrainOptions>): Promise<string> =>
      stateBytes((await train(step, { ...defaults, updates: 30, ...options })).state);
    const bytes = await run({});
    expect(await run({ prefetch: 0 })).toBe(bytes);
    expect(await run({ prefetch: 7, data: slow(defaults.data) })).toBe(bytes);
    expect(await run({ seed: 1 })).not.toBe(bytes);
  });

  test("of some minutes keeps to updates that its trial steps suggest", async () => {
    const folder = await temporaryFolder();
    const options = {
      ...defaults,
      engine: createRegressionEngine({
        beforeStep: () => new Promise((resolve) => setTimeout(resolve, 5)),
      }),
      evaluate,
    };
    const result = await train(step, { ...options, minutes: 0.005, checkpoint: { folder } });
    const { updates } = result;
    // 300 ms in steps of about 5 ms and more.
    expect(updates).toBeGreaterThanOrEqual(1);
    expect(updates).toBeLessThanOrEqual(80);
    expect(result.evaluations[0]?.update).toBe(0);
    expect((await readCheckpoint(join(folder, "last.ckpt"))).progress.total).toBe(updates);
    // The trial steps left no trace.
    const again = await train(step, { ...options, updates });
    expect(stateBytes(again.state)).toBe(stateBytes(result.state));
  });
});

describe("batches", () => {
  test("are made ahead while a step runs, no further than the end, in order", async () => {
    const log: string[] = [];
    const engine = createRegressionEngine({
      beforeStep: async ({ update }) => {
        log.push(`step ${update}`);
        await new Promise((resolve) => setImmediate(resolve));
      },
    });
    const data = recording(defaults.data, ({ index }) => log.push(`batch ${index}`));
    await train(step, { ...defaults, engine, data, updates: 4, prefetch: 2 });
    expect(log).toEqual([
      "batch 0",
      "step 1",
      "batch 1",
      "batch 2",
      "step 2",
      "batch 3",
      "step 3",
      "step 4",
    ]);
  });

  test("that fail stop the run only when it comes to them", async () => {
    const folder = await temporaryFolder();
    const data = recording(defaults.data, ({ index }) => {
      if (index === 3) throw new RangeError("no such page");
    });
    const running = train(step, { ...defaults, data, updates: 9, checkpoint: { folder } });
    await expect(running).rejects.toThrow(new RangeError("no such page"));
    expect((await readCheckpoint(join(folder, "last.ckpt"))).progress.updates).toBe(3);
  });

  const tensor = { dtype: "float32", dims: [2], data: new Float32Array(2) } as const;
  test.each([
    ["a missing tensor", { y: undefined }, "y"],
    ["a tensor too many", { z: tensor }, "z"],
    ["other dims", { x: tensor }, "x"],
    ["another type", { y: { ...tensor, dtype: "float64", data: new Float64Array(2) } }, "y"],
    ["arrays that were handed away", { y: { ...tensor, data: new Float32Array(0) } }, "y"],
  ] as const)("with %s are named", async (_, change, value) => {
    const data: TrainingData = {
      size: 11,
      loadBatch: async (request) =>
        Object.fromEntries(
          Object.entries({ ...(await defaults.data.loadBatch(request)), ...change }).filter(
            ([, content]) => content,
          ),
        ) as never,
    };
    await expect(train(step, { ...defaults, data, updates: 1 })).rejects.toMatchObject({
      code: "invalid-data",
      value,
      message: expect.stringContaining(`"${value}"`),
    });
  });
});

describe("evaluation", () => {
  test("comes every so many updates and at the end; the best state is kept", async () => {
    const metrics = [0.2, 0.9, 0.5, 0.9, 0.1];
    const states: string[] = [];
    const result = await train(step, {
      ...defaults,
      updates: 9,
      evaluateEvery: 2,
      evaluate: (state) => {
        states.push(stateBytes(state));
        return { metric: metrics[states.length - 1] ?? 0, reports: { images: states.length } };
      },
    });
    expect(result.evaluations.map(({ update }) => update)).toEqual([2, 4, 6, 8, 9]);
    expect(result.evaluations[1]).toEqual({ update: 4, metric: 0.9, reports: { images: 2 } });
    expect(result.best).toMatchObject({ update: 4, metric: 0.9 });
    expect(stateBytes(result.best?.state ?? {})).toBe(states[1]);
    expect(stateBytes(result.state)).toBe(states[4]);
  });

  test("stops a run that has not gained for long enough", async () => {
    const metrics = [0.1, 0.5, 0.55, 0.58, 0.61, 0.6, 0.6, 0.6];
    const run = (minimumGain: number): ReturnType<typeof train> => {
      let count = 0;
      return train(step, {
        ...defaults,
        updates: 8,
        evaluateEvery: 1,
        evaluate: () => ({ metric: metrics[count++] ?? 0 }),
        earlyStopping: { patience: 2, minimumGain },
      });
    };
    expect(await run(0.2)).toMatchObject({
      updates: 4,
      stopped: "early-stopping",
      best: { metric: 0.58 },
    });
    expect(await run(0)).toMatchObject({
      updates: 7,
      stopped: "early-stopping",
      best: { update: 5 },
    });
    expect(await run(0.07)).toMatchObject({ updates: 6, best: { update: 5, metric: 0.61 } });
  });

  test("must give a number", async () => {
    await expect(
      train(step, { ...defaults, updates: 1, evaluate: () => ({ metric: Number.NaN }) }),
    ).rejects.toMatchObject({ code: "invalid-data", step: 1 });
  });
});

describe("divergence", () => {
  test("names the update, and leaves the last good checkpoint", async () => {
    const folder = await temporaryFolder();
    const engine = createRegressionEngine({
      loss: (loss, { update }) => (update === 6 ? Number.NaN : loss),
    });
    await expect(
      train(step, { ...defaults, engine, updates: 9, checkpoint: { folder, every: 2 } }),
    ).rejects.toMatchObject({
      code: "diverged",
      step: 6,
      message: expect.stringContaining("loss is NaN at update 6 (batch 5)"),
    });
    expect((await readCheckpoint(join(folder, "last.ckpt"))).progress.updates).toBe(4);
  });

  test("names a batch's tensor, or a weight that is not finite", async () => {
    const data: TrainingData = {
      size: 11,
      async loadBatch(request) {
        const batch = await defaults.data.loadBatch(request);
        if (request.index === 2) (batch["y"]?.data as Float32Array)[1] = Number.POSITIVE_INFINITY;
        return batch;
      },
    };
    await expect(train(step, { ...defaults, data, updates: 9 })).rejects.toMatchObject({
      code: "diverged",
      step: 3,
      value: "y",
      message: expect.stringContaining('the batch has Infinity in "y", at element 1'),
    });
    await expect(
      train(step, { ...defaults, schedule: () => 1e38, updates: 9 }),
    ).rejects.toMatchObject({ code: "diverged", value: expect.stringMatching(/slope|intercept/) });
  });

  test("keeps weights that are not finite out of checkpoints", async () => {
    const folder = await temporaryFolder();
    const schedule = (update: number): number => (update === 2 ? 1e39 : 0.01);
    const checkpoint = { folder, every: 1 };
    await expect(
      train(step, { ...defaults, schedule, updates: 9, checkpoint }),
    ).rejects.toMatchObject({ code: "diverged", step: 3 });
    expect((await readCheckpoint(join(folder, "last.ckpt"))).progress.updates).toBe(2);
  });

  test("is also a mean loss that grows beyond a factor, where that is asked for", async () => {
    const engine = createRegressionEngine({ loss: (_, { update }) => (update < 10 ? 1 : update) });
    const options = { ...defaults, engine, updates: 40 };
    expect((await train(step, options)).updates).toBe(40);
    // Means of 4: 1 at first; of 15 to 18 they are 16.5.
    await expect(
      train(step, { ...options, divergence: { factor: 16, updates: 4 } }),
    ).rejects.toMatchObject({ code: "diverged", step: 18 });
  });
});

describe("bad options", () => {
  test.each<[string, Partial<TrainOptions>, string]>([
    ["no limit", {}, "invalid-option"],
    ["updates of 0", { updates: 0 }, "invalid-option"],
    ["epochs below 0", { epochs: -1 }, "invalid-option"],
    ["minutes that are no number", { minutes: Number.NaN }, "invalid-option"],
    ["an empty data set", { updates: 1, data: regressionData(0) }, "invalid-data"],
    ["a batch size of 0", { updates: 1, batchSize: 0 }, "invalid-option"],
    ["half a sample", { updates: 1, batchSize: 1.5 }, "invalid-option"],
    ["a seed of 33 bits", { updates: 1, seed: 2 ** 32 }, "invalid-option"],
    ["a prefetch below 0", { updates: 1, prefetch: -1 }, "invalid-option"],
    ["evaluations every 0 updates", { updates: 1, evaluateEvery: 0 }, "invalid-option"],
    [
      "checkpoints every 0 updates",
      { updates: 1, checkpoint: { folder: "x", every: 0 } },
      "invalid-option",
    ],
    ["no name of a folder", { updates: 1, checkpoint: { folder: "" } }, "invalid-option"],
    ["resume without a folder", { updates: 1, resume: "require" }, "invalid-option"],
    [
      "early stopping without evaluation",
      { updates: 1, earlyStopping: { patience: 1 } },
      "invalid-option",
    ],
    ["no patience", { updates: 1, evaluate, earlyStopping: { patience: 0 } }, "invalid-option"],
    ["a divergence factor of 1", { updates: 1, divergence: { factor: 1 } }, "invalid-option"],
    ["a learning rate of 0", { updates: 5, schedule: () => 0 }, "invalid-option"],
    ["a learning rate that is NaN", { updates: 5, schedule: () => Number.NaN }, "invalid-option"],
    [
      "a negative learning rate",
      { updates: 5, schedule: (update) => 2 - update },
      "invalid-option",
    ],
  ])("%s", async (_, options, code) => {
    let steps = 0;
    const engine = createRegressionEngine({ beforeStep: () => void steps++ });
    await expect(train(step, { ...defaults, engine, ...options })).rejects.toMatchObject({ code });
    expect(steps).toBe(0);
  });

  test("a rate of 0 at the foot of a warm-up is none", async () => {
    const schedule = (update: number): number => update * 0.01;
    expect((await train(step, { ...defaults, updates: 3, schedule })).updates).toBe(3);
  });
});

test("without a folder nothing is written", async () => {
  const folder = await temporaryFolder();
  const before = process.cwd();
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
  await train(step, { ...defaults, updates: 4, evaluate, evaluateEvery: 1 });
  expect(await readdir(folder)).toEqual([]);
});

function recording(data: TrainingData, record: (request: BatchRequest) => unknown): TrainingData {
  return {
    size: data.size,
    loadBatch(request) {
      record(request);
      return data.loadBatch(request);
    },
  };
}

/** Later batches come first. */
function slow(data: TrainingData): TrainingData {
  return {
    size: data.size,
    async loadBatch(request) {
      await new Promise((resolve) => setTimeout(resolve, (7 - (request.index % 8)) / 2));
      return data.loadBatch(request);
    },
  };
}
