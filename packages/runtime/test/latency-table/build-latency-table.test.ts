import {
  cloneModel,
  createRandom,
  findChannelGroups,
  inferShapes,
  type Model,
  removeChannels,
} from "@ocrslim/graph";
import { createRuntime } from "@ocrslim/runtime";
import { conv, createTestModel } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  type BuildLatencyTableOptions,
  buildLatencyTable,
} from "../../src/latency-table/build-latency-table.ts";
import { listTimedLayers } from "../../src/latency-table/list-timed-layers.ts";
import { predictLatency } from "../../src/latency-table/predict-latency.ts";
import { fakeProfiler, stairs } from "./fake-profiler.ts";
import { sampleDetector } from "./sample-detector.ts";

const model = sampleDetector();

/** Whole blocks in every group, at random. */
function pruneAtRandom(seed: number): Model {
  const random = createRandom(seed);
  const pruned = cloneModel(model);
  const shapes = inferShapes(pruned);
  const groups = findChannelGroups(pruned, { shapes });
  const keep = new Map(
    groups
      .filter(({ blocked }) => blocked === undefined)
      .map(({ id, width }) => {
        const blocks = Math.ceil(random() * Math.ceil(width / 8));
        return [id, Array.from({ length: Math.min(width, 8 * blocks) }, (_, i) => i)];
      }),
  );
  removeChannels(pruned, { groups, keep, shapes });
  return pruned;
}

function trueUs(pruned: Model, overheadUs = 0): number {
  const shapes = inferShapes(pruned);
  return [...pruned.graph.nodes].reduce((sum, node) => sum + stairs(node, shapes), overheadUs);
}

describe("buildLatencyTable", () => {
  it("predicts pruned models as they are, on a machine of stairs, however it drifts", async () => {
    for (const drift of [() => 1, (run: number) => 1 + run / 200]) {
      const table = await buildLatencyTable(model, { runtime: fakeProfiler({ drift }), rounds: 8 });
      expect(table.channelMultiple).toBe(8);
      const full = predictLatency(model, table).medianMs;
      for (let seed = 1; seed <= 10; seed++) {
        const pruned = pruneAtRandom(seed);
        const { medianMs, missing } = predictLatency(pruned, table);
        expect(missing).toEqual([]);
        expect(medianMs / full / (trueUs(pruned) / trueUs(model))).toBeCloseTo(1, 1.5);
      }
    }
  });

  it("takes into account what a run needs beside its layers", async () => {
    const overheadUs = trueUs(model) / 5;
    const table = await buildLatencyTable(model, { runtime: fakeProfiler({ overheadUs }) });
    const full = predictLatency(model, table).medianMs;
    for (let seed = 1; seed <= 10; seed++) {
      const pruned = pruneAtRandom(seed);
      const truth = trueUs(pruned, overheadUs) / trueUs(model, overheadUs);
      const predicted = predictLatency(pruned, table).medianMs / full;
      expect(Math.abs(predicted / truth - 1)).toBeLessThan(0.03);
    }
  });

  it("predicts the model itself as it was measured, in shares that add up", async () => {
    const table = await buildLatencyTable(model, { runtime: fakeProfiler() });
    const { medianMs, layers, missing } = predictLatency(model, table);
    expect(medianMs).toBeCloseTo(table.reference.medianMs, 10);
    expect(missing).toEqual([]);
    expect(layers.map(({ id }) => id)).toEqual(listTimedLayers(model).map(({ id }) => id));
    expect(layers.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 10);
    const shapes = inferShapes(model);
    const costs = layers.map(({ id }) =>
      listTimedLayers(model)
        .find((layer) => layer.id === id)!
        .nodes.reduce((us, key) => us + stairs(model.graph.value(key)!.producer!, shapes), 0),
    );
    layers.forEach(({ share }, index) => {
      expect(share).toBeCloseTo(costs[index]! / trueUs(model), 6);
    });
  });

  it("states the machine, and names layers that it lacks when asked for another model", async () => {
    const runtime = fakeProfiler({ threads: 3 });
    const table = await buildLatencyTable(model, { runtime, channelMultiple: 8 });
    expect(table.machine).toMatchObject({ runtime: "fake", version: "1", threads: 3 });
    expect(table.machine.cpu).not.toBe("");
    expect(table.inputShapes).toEqual({ x: [1, 3, 32, 32] });
    const { missing } = predictLatency(sampleDetector({ kernel: 5 }), table);
    expect(missing).toHaveLength(1);
    expect(JSON.parse(JSON.stringify(table))).toEqual(table);
  });

  it("measures a model of fixed widths as well", async () => {
    const fixed = createTestModel({
      inputs: { x: [1, 3, 8, 8] },
      build: (graph, x) => conv(graph, x, { out: 4 }),
    });
    const table = await buildLatencyTable(fixed, { runtime: fakeProfiler() });
    expect(table.layers.map(({ inputs, outputs }) => [inputs, outputs])).toEqual([[[3], [4]]]);
  });

  it("measures with ONNX Runtime: every layer, at several widths", async () => {
    const runtime = createRuntime({ threads: 1 });
    const options = { runtime, channelMultiple: 8, rounds: 4, warmup: 1, maxDifference: 2 };
    const table = await buildLatencyTable(model, options);
    expect(table.reference.medianMs).toBeGreaterThan(0);
    expect(predictLatency(pruneAtRandom(1), table).missing).toEqual([]);
    expect(Math.max(...table.layers.map(({ inputs }) => inputs.length))).toBeGreaterThan(3);
  });

  it("refuses a table that does not repeat, and says by how much", async () => {
    // Seven runs a round: the model, the same with a profile, and five variants.
    const drift = (run: number): number => 1 + (Math.floor(run / 7) % 2);
    const build = buildLatencyTable(model, {
      runtime: fakeProfiler({ drift }),
      channelMultiple: 8,
      warmup: 0,
    });
    await expect(build).rejects.toMatchObject({
      code: "noisy-machine",
      message: expect.stringMatching(/differ by \d+ %/),
    });
  });

  it("says so if the runtime writes no profile", async () => {
    const runtime = fakeProfiler({ writesProfile: false });
    const build = buildLatencyTable(model, { runtime, channelMultiple: 8 });
    await expect(build).rejects.toMatchObject({ code: "unsupported" });
  });

  it("takes no bad options", async () => {
    const bad: readonly Partial<BuildLatencyTableOptions>[] = [
      { rounds: 3 },
      { warmup: -1 },
      { maxSeconds: 0 },
      { leastWidth: 0 },
      { leastWidth: 1.5 },
      { maxDifference: Number.NaN },
      { channelMultiple: 0.5 },
    ];
    for (const options of bad) {
      const build = buildLatencyTable(model, { runtime: fakeProfiler(), ...options });
      await expect(build, JSON.stringify(options)).rejects.toMatchObject({
        code: "invalid-option",
      });
    }
  });

  it("leaves rounds out when time runs short, warns of a busy machine, stops when told to", async () => {
    let ms = 0;
    const drift = (): number => {
      ms += 1000;
      return 1;
    };
    const runtime = fakeProfiler({ drift });
    const options = { channelMultiple: 8, rounds: 100, now: () => ms };
    const warnings: string[] = [];
    const logger = { ...console, debug() {}, warn: (text: string) => warnings.push(text) };
    await buildLatencyTable(model, { ...options, runtime, maxSeconds: 240, logger });
    expect(warnings).toEqual([expect.stringContaining("the machine is busy")]);
    expect(ms / 1000).toBeGreaterThan(120);
    expect(ms / 1000).toBeLessThan(260);
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    const build = buildLatencyTable(model, { ...options, runtime, signal: controller.signal });
    await expect(build).rejects.toThrow("enough");
  });
});
