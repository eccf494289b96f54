import { createRuntime, float32Feed } from "@ocrslim/runtime";
import { addNode, createTestModel } from "@ocrslim/test-utils";
import { expect, test } from "vitest";
import { findNonFinite } from "../../src/trainer/find-non-finite.ts";

const runtime = createRuntime();

/** log(x) · relu(x) + x, with a name for each value. */
const model = createTestModel({
  inputs: { x: [1, 3] },
  build: (graph, x) => {
    const log = addNode(graph, "Log", [x!], [1, 3]);
    log.name = "log";
    const relu = addNode(graph, "Relu", [x!], [1, 3]);
    relu.name = "relu";
    const product = addNode(graph, "Mul", [log, relu], [1, 3]);
    product.name = "product";
    return product;
  },
});

test("names the first node whose output is not finite, be it NaN or an infinity", async () => {
  const outputs = model.graph.outputs.map(({ name }) => name);
  for (const bad of [-1, 0]) {
    const found = await findNonFinite(runtime, model, {
      x: float32Feed([1, 3], Float32Array.of(1, bad, 2)),
    });
    expect(found).toEqual({ value: "log", node: expect.stringContaining("Log") });
  }
  // The model is as it was.
  expect(model.graph.nodeCount).toBe(3);
  expect(model.graph.outputs.map(({ name }) => name)).toEqual(outputs);
});

test("names a feed, and where it is not finite", async () => {
  const x = float32Feed([1, 3], Float32Array.of(1, 2, Number.NaN));
  expect(await findNonFinite(runtime, model, { x })).toEqual({ value: "x", index: 2 });
});

test("finds nothing where all is finite, also the largest numbers", async () => {
  const x = float32Feed([1, 3], Float32Array.of(1, 3e38 / 100, 1e-45));
  expect(await findNonFinite(runtime, model, { x })).toBeUndefined();
});
