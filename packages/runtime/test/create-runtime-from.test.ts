import { Graph, Tensor as GraphTensor, Model } from "@ocrslim/graph";
import { createRuntimeFrom, float32Feed, RuntimeError } from "@ocrslim/runtime";
import { createTestModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { type FakeLog, fakeOrt } from "./fake-ort.ts";

const newLog = (): FakeLog => ({ events: [], options: [] });
const x = float32Feed([1, 2], Float32Array.of(1, 2));

describe("createRuntimeFrom", () => {
  it("runs over an injected module, and hands its options on", async () => {
    const log = newLog();
    const runtime = createRuntimeFrom(fakeOrt(log), {
      name: "fake",
      executionProviders: ["webgpu", "cpu"],
      threads: 3,
      interOpThreads: 2,
    });
    expect(runtime).toMatchObject({ name: "fake", version: "unknown", threads: 3 });
    const session = await runtime.load("model.onnx", { optimization: "basic", threads: 1 });
    expect(log.options[0]).toEqual({
      executionProviders: ["webgpu", "cpu"],
      graphOptimizationLevel: "basic",
      logSeverityLevel: 4,
      intraOpNumThreads: 1,
      interOpNumThreads: 2,
    });
    const { y } = await session.run({ x });
    expect(y).toEqual({ dtype: "float32", dims: [1, 2], data: Float32Array.of(2, 4) });
    expect(session.inputs).toEqual([{ name: "x", dtype: "float32", shape: [-1, 2] }]);
    await session.dispose();
  });

  it("frees a model once, after its runs", async () => {
    const log = newLog();
    const session = await createRuntimeFrom(fakeOrt(log, { runMs: () => 5 })).load("m.onnx");
    const runs = [session.run({ x }), session.run({ x })];
    await Promise.all([session.dispose(), session[Symbol.asyncDispose]()]);
    await session.dispose();
    await Promise.all(runs);
    expect(log.events).toEqual(["create m.onnx", "run", "run", "ran", "ran", "release"]);
  });

  it("ends the profile before the model is freed", async () => {
    const log = newLog();
    const runtime = createRuntimeFrom(fakeOrt(log));
    const session = await runtime.load("m.onnx", { profilePrefix: "p" });
    await session.dispose();
    expect(log.events).toEqual(["create m.onnx", "endProfiling", "release"]);
    expect(log.options[0]).toMatchObject({ enableProfiling: true, profileFilePrefix: "p" });
  });

  it("tells why a model was rejected, on one line with its name", async () => {
    const error = await createRuntimeFrom(fakeOrt(newLog()))
      .load("bad.onnx")
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RuntimeError);
    expect(error).toMatchObject({
      code: "load-failed",
      model: "bad.onnx",
      message: "load: ONNX Runtime rejects bad.onnx: broken at line 2",
    });
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses %s threads", async (threads) => {
    const create = (): unknown => createRuntimeFrom(fakeOrt(newLog()), { threads });
    expect(create).toThrow(expect.objectContaining({ code: "invalid-option" }));
    const runtime = createRuntimeFrom(fakeOrt(newLog()));
    await expect(runtime.load("m", { threads })).rejects.toMatchObject({ code: "invalid-option" });
  });

  it("carries float16 as raw 16-bit patterns", async () => {
    const session = await createRuntimeFrom(fakeOrt(newLog(), { type: "float16" })).load("m");
    const data = Uint16Array.of(0x3c00, 0xc000);
    const { y } = await session.run({ x: { dtype: "float16", dims: [1, 2], data } });
    expect(y).toEqual({ dtype: "float16", dims: [1, 2], data });
    await session.dispose();
  });

  it("takes constants of other files into the bytes that it hands over", async () => {
    const model = createTestModel({
      inputs: { x: [1, 2] },
      build: (graph, input) => unary(graph, "Relu", input),
    });
    let loads = 0;
    model.graph.addInitializer(
      "far",
      new GraphTensor({
        dtype: "float32",
        dims: [2],
        storage: {
          kind: "external",
          location: { location: "weights.bin", offset: 0, length: 8 },
          load: () => {
            loads++;
            return new Uint8Array(8);
          },
        },
      }),
    );
    const log = newLog();
    await (await createRuntimeFrom(fakeOrt(log)).load(model)).dispose();
    expect(loads).toBe(1);
    expect(log.events[0]).toBe("create bytes");
    expect(model.graph.value("far")?.tensor?.storage.kind).toBe("external");
  });

  describe("with more weights than one message holds", () => {
    const huge = (): Model => {
      const graph = new Graph();
      graph.name = "huge";
      graph.addInitializer(
        "w",
        new GraphTensor({
          dtype: "float32",
          dims: [2 ** 29],
          storage: { kind: "typed", load: () => new Uint8Array(0) },
        }),
      );
      return new Model(graph);
    };

    it("loads a temporary file and removes it with the session", async () => {
      const log = newLog();
      const runtime = createRuntimeFrom(fakeOrt(log), {
        writeTemporary: async () => ({
          path: "temporary.onnx",
          async remove() {
            log.events.push("remove");
          },
        }),
      });
      await (await runtime.load(huge())).dispose();
      expect(log.events).toEqual(["create temporary.onnx", "release", "remove"]);
    });

    it("removes the temporary file if the model is rejected", async () => {
      const log = newLog();
      const runtime = createRuntimeFrom(fakeOrt(log), {
        writeTemporary: async () => ({
          path: "bad.onnx",
          async remove() {
            log.events.push("remove");
          },
        }),
      });
      await expect(runtime.load(huge())).rejects.toMatchObject({ code: "load-failed" });
      expect(log.events).toEqual(["create bad.onnx", "remove"]);
    });

    it("refuses it where there is no disk", async () => {
      const runtime = createRuntimeFrom(fakeOrt(newLog()));
      await expect(runtime.load(huge())).rejects.toMatchObject({ code: "unsupported" });
    });
  });
});
