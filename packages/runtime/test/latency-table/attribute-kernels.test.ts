import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "@ocrslim/graph";
import { createRuntime, randomFeeds } from "@ocrslim/runtime";
import { describe, expect, it } from "vitest";
import {
  attributeKernels,
  type KernelEvent,
  markLayers,
} from "../../src/latency-table/attribute-kernels.ts";
import { listTimedLayers } from "../../src/latency-table/list-timed-layers.ts";
import { sampleDetector } from "./sample-detector.ts";

const run = (ts: number): KernelEvent => ({ cat: "Session", name: "model_run", ts, dur: 1 });
const kernel = (
  name: string,
  [ts, dur]: readonly [number, number],
  [from, to]: readonly [readonly number[], readonly number[]],
  op_name = "Conv",
): KernelEvent => ({
  cat: "Node",
  name: `${name}_kernel_time`,
  ts,
  dur,
  args: { op_name, input_type_shape: [{ float: from }], output_type_shape: [{ float: to }] },
});

describe("attributeKernels", () => {
  it("gives changes of layout to the layer whose value they change", () => {
    const [a, b] = [
      [1, 8, 4, 4],
      [1, 16, 2, 2],
    ] as const;
    const times = attributeKernels(
      [
        run(0),
        kernel("ReorderInput", [0, 100], [a, a], "ReorderInput"),
        kernel("@0@1_nchwc", [100, 1000], [a, a]),
        kernel("fused @1@3", [1100, 2000], [a, b]),
        kernel("ReorderOutput_token_7", [3100, 300], [a, a], "ReorderOutput"),
        kernel("ReorderInput_token_9", [3400, 40], [b, b], "ReorderInput"),
        kernel("@2@4", [3440, 5000], [a, a]),
        kernel("@3@5_nchwc", [8440, 7], [b, b]),
      ],
      4,
    );
    expect(times.map((layers) => [...layers].map((ms) => Math.round(ms * 1000)))).toEqual([
      [1400, 2000, 5000, 47],
    ]);
  });

  it("keeps runs apart, adds short gaps and leaves long ones out", () => {
    const shapes = [[1], [1]] as const;
    const times = attributeKernels(
      [
        kernel("@1@n", [120, 10], shapes),
        run(0),
        kernel("@0@n", [0, 100], shapes),
        run(1000),
        kernel("@0@n", [1000, 100], shapes),
        kernel("@1@n", [5100, 10], shapes),
        { cat: "Node", name: "@1@n_fence_before", ts: 1001, dur: 9 },
      ],
      2,
    );
    expect(times.map((layers) => [...layers].map((ms) => Math.round(ms * 1000)))).toEqual([
      [100, 30],
      [100, 30],
    ]);
  });

  it("finds each layer that ONNX Runtime runs in its profile of a marked model", async () => {
    const model = sampleDetector();
    const layers = listTimedLayers(model);
    const folder = await mkdtemp(join(tmpdir(), "ocrslim-test-"));
    try {
      const session = await createRuntime({ threads: 1 }).load(markLayers(model, layers), {
        profilePrefix: join(folder, "p"),
      });
      const feeds = randomFeeds(model, {}, createRandom(1));
      for (let count = 0; count < 3; count++) await session.run(feeds);
      await session.dispose();
      const [file = ""] = await readdir(folder);
      const events: KernelEvent[] = JSON.parse(await readFile(join(folder, file), "utf8"));
      const runs = attributeKernels(events, layers.length);
      expect(runs).toHaveLength(3);
      const isFused = ({ opType }: { opType: string }): boolean => opType === "Concat";
      for (const times of runs) {
        layers.forEach((layer, index) => {
          if (!isFused(layer)) expect(times[index], layer.signature).toBeGreaterThan(0);
        });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("leaves the model that is marked as it is", () => {
    const model = sampleDetector();
    const names = [...model.graph.values].map(({ name }) => name);
    markLayers(model, listTimedLayers(model));
    expect([...model.graph.values].map(({ name }) => name)).toEqual(names);
  });
});
