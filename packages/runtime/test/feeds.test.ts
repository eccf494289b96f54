import { createRandom, type DataType, Tensor } from "@ocrslim/graph";
import {
  assertFeeds,
  createRuntime,
  type RuntimeTensor,
  randomFeeds,
  type SessionPort,
  tensorToFeed,
} from "@ocrslim/runtime";
import { conv, createTestModel } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";

const port: SessionPort = { name: "x", dtype: "float32", shape: ["batch", -1, 2] };
const good: RuntimeTensor = { dtype: "float32", dims: [1, 3, 2], data: new Float32Array(6) };

describe("assertFeeds", () => {
  it("accepts any size where the shape is open", () => {
    assertFeeds([port], { x: good });
    assertFeeds([port], { x: { ...good, dims: [3, 1, 2] } });
    assertFeeds([{ ...port, shape: [] }], { x: { ...good, dims: [6] } });
  });

  it.each<[string, RuntimeTensor]>([
    ["another fixed dim", { ...good, dims: [1, 2, 3] }],
    ["another rank", { ...good, dims: [3, 2] }],
    ["a negative dim", { ...good, dims: [-1, -3, 2] }],
    ["a broken dim", { ...good, dims: [1.5, 2, 2] }],
    ["too few elements", { ...good, data: new Float32Array(5) }],
    ["another array type", { ...good, data: new Float64Array(6) }],
    ["another dtype", { dtype: "float64", dims: [1, 3, 2], data: new Float64Array(6) }],
  ])("refuses %s", (_, tensor) => {
    expect(() => assertFeeds([port], { x: tensor })).toThrow(
      expect.objectContaining({ code: "invalid-feed", value: "x" }),
    );
  });

  it("refuses missing and unknown inputs, by name", () => {
    expect(() => assertFeeds([port], {})).toThrow('input "x" is missing');
    expect(() => assertFeeds([port], { x: good, z: good })).toThrow('there is no input "z"');
  });
});

describe("randomFeeds", () => {
  const model = createTestModel({
    inputs: { x: [1, 3, 6, 6] },
    build: (graph, x) => conv(graph, x, { out: 2 }),
  });

  it("gives the same feeds for a model and for its session", async () => {
    const session = await createRuntime({ threads: 1 }).load(model);
    const feeds = randomFeeds(session, {}, createRandom(3));
    await session.dispose();
    expect(feeds).toEqual(randomFeeds(model, {}, createRandom(3)));
    expect(feeds["x"]?.dims).toEqual([1, 3, 6, 6]);
  });

  it.each<DataType>([
    "float32",
    "float64",
    "float16",
    "int64",
    "uint64",
    "int32",
    "uint8",
    "bool",
    "string",
  ])("fills %s inputs with valid elements", (dtype) => {
    const session = { inputs: [{ name: "x", dtype, shape: [4, 5] }] };
    const feeds = randomFeeds(session as never, {}, createRandom(1));
    assertFeeds([{ name: "x", dtype, shape: [4, 5] }], feeds);
    const elements = [...feeds["x"]!.data].map(Number);
    expect(elements).toHaveLength(20);
    expect(new Set(elements).size).toBeGreaterThan(1);
  });

  it("asks for the shape of an open input", () => {
    const session = { inputs: [port] };
    expect(() => randomFeeds(session as never, {}, createRandom(1))).toThrow(
      expect.objectContaining({ code: "invalid-option", value: "x" }),
    );
    expect(randomFeeds(session as never, { x: [1, 1, 2] }, createRandom(1))["x"]?.dims).toEqual([
      1, 1, 2,
    ]);
  });
});

describe("tensorToFeed", () => {
  it("shares aligned bytes and copies others", () => {
    const aligned = Tensor.float32([2], [1, 2]);
    expect((tensorToFeed(aligned).data as Float32Array).buffer).toBe(aligned.bytes.buffer);
    const shifted = new Uint8Array(9).subarray(1);
    new DataView(shifted.buffer, 1).setFloat32(4, 2.5, true);
    const tensor = new Tensor({
      dtype: "float32",
      dims: [2],
      storage: { kind: "raw", source: { bytes: shifted, start: 0, end: 8 } },
    });
    expect(tensorToFeed(tensor).data).toEqual(Float32Array.of(0, 2.5));
  });

  it("gives strings, and refuses packed types", () => {
    expect(tensorToFeed(Tensor.strings([1], ["ä"])).data).toEqual(["ä"]);
    const packed = Tensor.from("int4", [2], new Uint8Array(1));
    expect(() => tensorToFeed(packed)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });
});
