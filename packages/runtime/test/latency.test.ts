import { createRuntime, createRuntimeFrom, measureLatency, quantile } from "@ocrslim/runtime";
import { conv, createTestModel } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { type FakeLog, fakeOrt } from "./fake-ort.ts";

const model = createTestModel({
  inputs: { x: [1, 3, 8, 8] },
  build: (graph, x) => conv(graph, x, { out: 4 }),
});
const inputShapes = { x: [1, 2] };

describe("measureLatency", () => {
  it("times a model: as many samples as runs, and figures that follow from them", async () => {
    const report = await measureLatency(createRuntime(), [model], { runs: 7, threads: 1 });
    const [only] = report.models;
    const sorted = only!.samples.toSorted((a, b) => a - b);
    expect(sorted).toHaveLength(7);
    expect(only!.medianMs).toBe(sorted[3]);
    expect(only!.minMs).toBe(sorted[0]);
    expect(only!.p95Ms).toBe(quantile(sorted, 0.95));
    expect(report).toMatchObject({ threads: 1, inputShape: [1, 3, 8, 8] });
    expect(report.ratio).toBeUndefined();
  });

  it("runs two models in turns, swapping the order each round", async () => {
    const log: FakeLog = { events: [], options: [] };
    let current = "";
    const runtime = createRuntimeFrom(fakeOrt(log));
    const order: string[] = [];
    const spied = {
      ...runtime,
      async load(source: string) {
        const session = await runtime.load(source);
        return {
          ...session,
          run: (feeds: Parameters<typeof session.run>[0]) => {
            current = source;
            order.push(current);
            return session.run(feeds);
          },
        };
      },
    };
    const report = await measureLatency(spied as typeof runtime, ["a", "b"], {
      inputShapes,
      runs: 3,
      warmup: 1,
    });
    expect(order.join("")).toBe("ab" + "ab" + "ba" + "ab");
    const [a, b] = report.models.map(({ samples }) => samples);
    expect(report.ratio).toBe(
      quantile(
        a!.map((sample, round) => b![round]! / sample),
        0.5,
      ),
    );
    expect(log.events.filter((event) => event === "release")).toHaveLength(2);
  });

  it("stops after the time allowed, but not before one round", async () => {
    const log: FakeLog = { events: [], options: [] };
    const report = await measureLatency(createRuntimeFrom(fakeOrt(log)), ["a"], {
      inputShapes,
      runs: 1000,
      maxSeconds: 0,
    });
    expect(report.models[0]?.samples).toHaveLength(1);
  });

  it("frees its models when aborted", async () => {
    const log: FakeLog = { events: [], options: [] };
    const measured = measureLatency(createRuntimeFrom(fakeOrt(log)), ["a", "b"], {
      inputShapes,
      signal: AbortSignal.abort(new Error("stop")),
    });
    await expect(measured).rejects.toThrow("stop");
    expect(log.events).toEqual(["create a", "create b", "release", "release"]);
  });

  it.each([
    [[], {}],
    [["a", "b", "c"], {}],
    [["a"], { runs: 0 }],
    [["a"], { warmup: -1 }],
  ])("refuses %j with %j", async (models, options) => {
    const runtime = createRuntimeFrom(fakeOrt({ events: [], options: [] }));
    await expect(
      measureLatency(runtime, models, { inputShapes, ...options }),
    ).rejects.toMatchObject({ code: "invalid-option" });
  });
});

describe("quantile", () => {
  it("interpolates between samples as numpy does", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.95)).toBeCloseTo(4.8, 12);
    expect(quantile([7], 0.95)).toBe(7);
  });
});
