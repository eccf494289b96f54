import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createBatchOrder } from "../../src/trainer/batch-order.ts";
import { train } from "../../src/trainer/train.ts";
import { createWorkerData, type WorkerDataOptions } from "../../src/trainer/worker-data.ts";
import {
  createRegressionEngine,
  regressionData,
  regressionStep,
  stateBytes,
} from "./linear-regression.ts";

const module = new URL("./worker-module.mjs", import.meta.url);
const options = { size: 9, fingerprint: "nine" };
const requestOf = createBatchOrder({ size: 9, batchSize: 3, seed: 2 });

test("batches are the same from any number of workers, and in this thread", async () => {
  const indices = [0, 1, 2, 3, 4, 7, 8, 9, 10];
  const make = async (init: Partial<WorkerDataOptions>): Promise<unknown> => {
    await using data = await createWorkerData({ module, options, ...init });
    expect(data).toMatchObject(options);
    return await Promise.all(indices.map((index) => data.loadBatch(requestOf(index))));
  };
  const local = await make({ workers: 0 });
  expect(local).toMatchObject([
    { part: { data: Float32Array.from(requestOf(0).samples) } },
    ...new Array(8).fill({}),
  ]);
  expect(await make({ workers: 1 })).toEqual(local);
  expect(await make({ workers: 3, export: "createLater" })).toEqual(local);
  expect(await make({ module: fileURLToPath(module) })).toEqual(local);
});

test("arrays come without the rest of the buffer that they lay in", async () => {
  await using data = await createWorkerData({ module, options, workers: 1 });
  const { part } = await data.loadBatch(requestOf(0));
  expect((part!.data as Float32Array).buffer.byteLength).toBe(12);
});

test.each([0, 2])(
  "a batch that fails with %i workers says why and where, and others go on",
  async (workers) => {
    await using data = await createWorkerData({ module, options, workers });
    const failing = data.loadBatch(requestOf(5));
    const next = data.loadBatch(requestOf(7));
    await expect(failing).rejects.toMatchObject({
      code: "invalid-data",
      message: "createWorkerData: a batch can't be made: page 5 is torn",
      cause: {
        name: "RangeError",
        code: "torn",
        stack: expect.stringContaining("worker-module.mjs"),
      },
    });
    expect((await next)["texts"]?.data).toEqual(["batch 7"]);
  },
);

test("a worker that ends is an error for what it was asked, and for what is asked later", async () => {
  await using data = await createWorkerData({ module, options, workers: 1 });
  const message = expect.stringContaining("ended with code 3");
  await expect(data.loadBatch(requestOf(6))).rejects.toMatchObject({
    code: "invalid-data",
    message,
  });
  await expect(data.loadBatch(requestOf(0))).rejects.toMatchObject({ message });
});

test.each<[string, Partial<WorkerDataOptions>, string]>([
  ["a factory that throws", { export: "createBroken" }, "no pages at all"],
  ["an export that is not there", { export: "createNone" }, 'exports no function "createNone"'],
  ["a module that is not there", { module: new URL("./none.mjs", module) }, "none.mjs"],
])("%s is found at the start, in any thread", async (_, init, message) => {
  for (const workers of [0, 2]) {
    await expect(createWorkerData({ module, options, workers, ...init })).rejects.toMatchObject({
      code: "invalid-data",
      message: expect.stringContaining(message),
    });
  }
});

test("workers whose data sets differ are found at the start", async () => {
  const differing = { ...options, sizePerThread: true };
  await expect(createWorkerData({ module, options: differing, workers: 2 })).rejects.toMatchObject({
    code: "invalid-data",
    message: expect.stringContaining("different data sets"),
  });
});

test.each<[string, Partial<WorkerDataOptions>]>([
  ["half a worker", { workers: 0.5 }],
  ["fewer workers than none", { workers: -1 }],
  ["options that can't be sent", { options: () => 1, workers: 1 }],
])("%s is an invalid option", async (_, init) => {
  await expect(createWorkerData({ module, options, ...init })).rejects.toMatchObject({
    code: "invalid-option",
  });
});

test("what is disposed of makes no more batches", async () => {
  const data = await createWorkerData({ module, options, workers: 2 });
  const pending = data.loadBatch(requestOf(0));
  const failure = { message: expect.stringContaining("disposed of") };
  await Promise.all([expect(pending).rejects.toMatchObject(failure), data.dispose()]);
  await data.dispose();
  await expect(data.loadBatch(requestOf(1))).rejects.toMatchObject(failure);
});

test("a run on workers is a run without, to the bit; modules may be TypeScript", async () => {
  await using data = await createWorkerData({
    module: new URL("./linear-regression.ts", import.meta.url),
    export: "regressionData",
    options: 9,
    workers: 2,
    execArgv: ["--conditions", "@ocrslim/source"],
  });
  const options = {
    engine: createRegressionEngine(),
    batchSize: 2,
    schedule: () => 0.05,
    updates: 25,
    prefetch: 3,
  };
  const result = await train(regressionStep(), { ...options, data });
  const local = await train(regressionStep(), { ...options, data: regressionData(9) });
  expect(stateBytes(result.state)).toBe(stateBytes(local.state));
});
