import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { createRandom } from "@ocrslim/graph";
import { createRuntime, createRuntimeFrom, profileModel, randomFeeds } from "@ocrslim/runtime";
import { conv, createTestModel, flatten, gemm, globalAveragePool } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { summarizeProfile } from "../src/profile-events.ts";
import { fakeOrt } from "./fake-ort.ts";

const leftovers = (): readonly string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith("ocrslim-profile-"));

describe("profileModel", () => {
  const model = createTestModel({
    inputs: { x: [1, 3, 16, 16] },
    build: (graph, x) =>
      gemm(graph, flatten(graph, globalAveragePool(graph, conv(graph, x, { out: 8 }))), { out: 2 }),
  });
  const feeds = randomFeeds(model, {}, createRandom(1));

  it("shares a run's time among the nodes, and leaves no file", async () => {
    const before = leftovers();
    const profile = await profileModel(createRuntime({ threads: 1 }), model, { feeds, runs: 4 });
    expect(leftovers()).toEqual(before);
    expect(profile.runs).toBe(4);
    expect(profile.opTypes.map(({ opType }) => opType)).toEqual(
      expect.arrayContaining(["Conv", "GlobalAveragePool", "Gemm"]),
    );
    const sum = (items: readonly { share: number }[]): number =>
      items.reduce((total, { share }) => total + share, 0);
    expect(sum(profile.nodes)).toBeCloseTo(1, 9);
    expect(sum(profile.opTypes)).toBeCloseTo(1, 9);
    expect(profile.nodes.every(({ provider }) => provider === "CPUExecutionProvider")).toBe(true);
  });

  it("says so if the runtime writes no profile", async () => {
    const runtime = createRuntimeFrom(fakeOrt({ events: [], options: [] }));
    const x = { dtype: "float32", dims: [1, 2], data: new Float32Array(2) } as const;
    await expect(profileModel(runtime, "m", { feeds: { x } })).rejects.toMatchObject({
      code: "unsupported",
    });
    await expect(profileModel(runtime, "m", { feeds: { x }, runs: 0 })).rejects.toMatchObject({
      code: "invalid-option",
    });
  });
});

describe("summarizeProfile", () => {
  it("sums kernels by node and operator, without the warm-up runs", () => {
    const run = (ts: number, scale: number) => [
      { cat: "Session", name: "model_run", ts, dur: 100 },
      ...[
        ["a_kernel_time", "Conv", "0", 30],
        ["b_kernel_time", "Conv", "1", 10],
        ["c_kernel_time", "Relu", "2", 20],
        ["c_fence_before", "Relu", "2", 1000],
      ].map(([name, op, index, dur], at) => ({
        cat: "Node",
        name: String(name),
        ts: ts + at + 1,
        dur: Number(dur) * scale,
        args: { op_name: String(op), provider: "CPU", node_index: String(index) },
      })),
    ];
    const profile = summarizeProfile([...run(1000, 50), ...run(2000, 1), ...run(3000, 3)], 1);
    expect(profile).toEqual({
      runs: 2,
      totalMs: 0.12,
      nodes: [
        { node: "a", opType: "Conv", provider: "CPU", meanMs: 0.06, share: 0.5 },
        { node: "b", opType: "Conv", provider: "CPU", meanMs: 0.02, share: 1 / 6 },
        { node: "c", opType: "Relu", provider: "CPU", meanMs: 0.04, share: 1 / 3 },
      ],
      opTypes: [
        { opType: "Conv", count: 2, meanMs: 0.08, share: 2 / 3 },
        { opType: "Relu", count: 1, meanMs: 0.04, share: 1 / 3 },
      ],
    });
  });
});
