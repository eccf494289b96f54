import { createRandom } from "@ocrslim/graph";
import { createRuntime, randomFeeds } from "@ocrslim/runtime";
import { conv, createTestModel, expectClose, runtimeChecks, unary } from "@ocrslim/test-utils";
import { afterAll, describe, expect, it } from "vitest";
import { createAblation } from "../../src/ablation/create-ablation.ts";
import {
  createParallelRuntime,
  type ParallelRuntime,
} from "../../src/ablation/parallel-runtime.ts";
import { listPoints } from "../../src/points.ts";
import {
  byIndex,
  freeGroups,
  inputShapes,
  network,
  randomImages,
  recordOutputs,
} from "./support.ts";

let started: Promise<ParallelRuntime> | undefined;
const parallel = (): Promise<ParallelRuntime> => {
  started ??= createParallelRuntime({ concurrency: 2 });
  return started;
};
afterAll(async () => (await started)?.dispose());

describe("createParallelRuntime", () => {
  for (const { name, check } of runtimeChecks) {
    it(name, async () => check(await parallel()));
  }

  it("says what it is", async () => {
    const runtime = await parallel();
    expect(runtime).toMatchObject({ concurrency: 2, threads: 1, executionProviders: ["cpu"] });
    expect(runtime.version).toMatch(/^\d+\./);
  });

  it("keeps many runs of several models apart, and frees models in between", async () => {
    const runtime = await parallel();
    const models = [2, 5, 7].map((out) =>
      createTestModel({
        inputs: { x: [1, 3, 8, 8] },
        seed: out,
        build: (graph, x) => unary(graph, "Sigmoid", conv(graph, x, { out })),
      }),
    );
    const plain = createRuntime({ threads: 1 });
    const checks = models.map(async (model, index) => {
      await using session = await runtime.load(model);
      await using reference = await plain.load(model);
      const runs = Array.from({ length: 8 }, async (_, run) => {
        const feeds = randomFeeds(model, {}, createRandom(10 * index + run));
        const [actual, expected] = await Promise.all([session.run(feeds), reference.run(feeds)]);
        const [name] = Object.keys(expected);
        expectClose(actual[name!]!, expected[name!]!);
      });
      await Promise.all(runs);
    });
    await Promise.all(checks);
  });

  it("feeds outputs, which lie in shared memory, to other models", async () => {
    const runtime = await parallel();
    await using session = await runtime.load(network);
    const [feeds] = randomImages(network, 1);
    const [map] = Object.values(await session.run(feeds!));
    expect((map!.data as Float32Array).buffer).toBeInstanceOf(SharedArrayBuffer);
    const next = createTestModel({
      inputs: { y: map!.dims },
      build: (graph, y) => unary(graph, "Neg", y),
    });
    await using second = await runtime.load(next);
    const [negative] = Object.values(await second.run({ y: map! }));
    expectClose(negative!, { dims: map!.dims, data: (map!.data as Float32Array).map((v) => -v) });
  });

  it("fails the runs of a worker that is gone, instead of waiting for it", async () => {
    const runtime = await createParallelRuntime({ concurrency: 1 });
    const session = await runtime.load(network);
    const [feeds] = randomImages(network, 1);
    const running = session.run(feeds!);
    const ended = expect(running).rejects.toMatchObject({ code: "run-failed" });
    await runtime.dispose();
    await ended;
    await expect(session.run(feeds!)).rejects.toMatchObject({ code: "run-failed" });
  });

  it.each([{ concurrency: 0 }, { threads: 1.5 }])("refuses %o", async (options) => {
    await expect(createParallelRuntime(options)).rejects.toMatchObject({ code: "invalid-option" });
  });

  it("finds what one thread finds, to the last digit", async () => {
    const groups = freeGroups(network);
    const points = listPoints(groups, [0.5]);
    const options = {
      groups,
      criterion: byIndex,
      inputShapes,
      metric: recordOutputs(randomImages(network, 6)),
    };
    const measureAll = async (runtime: ParallelRuntime | ReturnType<typeof createRuntime>) => {
      const measurer = await createAblation(network, { ...options, runtime });
      const results = await Promise.all(points.map((point) => measurer.measure(point)));
      const baseline = await measurer.baseline();
      await measurer.dispose();
      return [baseline, ...results];
    };
    expect(await measureAll(await parallel())).toEqual(
      await measureAll(createRuntime({ threads: 1 })),
    );
  });

  it("is what an ablation makes for itself without a runtime, and ends with it", async () => {
    const groups = freeGroups(network);
    const measurer = await createAblation(network, {
      groups,
      criterion: byIndex,
      inputShapes,
      metric: recordOutputs(randomImages(network, 2)),
      concurrency: 1,
    });
    const [point] = listPoints(groups, [0.5]);
    const { metric } = await measurer.measure(point!);
    expect(metric).toBeGreaterThan(0);
    await measurer.dispose();
    await expect(measurer.measure(point!)).rejects.toThrow();
  });
});
