import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  buildRandomModel,
  conv,
  createTestModel,
  expectSameOutputs,
  randomModel,
  unary,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cloneModel,
  decodeModel,
  encodeModel,
  type Model,
  readModel,
  Tensor,
  writeModel,
} from "../../src/index.ts";
import { codeOf, externalModel, temporaryFolder } from "./files.ts";

function smallModel(): Model {
  return createTestModel({
    inputs: { x: [1, 3, 8, 8] },
    build: (graph, x) =>
      conv(graph, unary(graph, "Relu", conv(graph, x, { out: 32 })), { out: 16 }),
  });
}

/** All constants, by name, as numbers. */
function weightsOf(model: Model): Record<string, number[]> {
  return Object.fromEntries(
    model.graph.initializers.map((value) => [value.name, [...(value.tensor?.toNumbers() ?? [])]]),
  );
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** A tensor that can't be read: writing fails in the middle of it. */
const unreadable = new Tensor({
  dtype: "float32",
  dims: [1024],
  storage: {
    kind: "typed",
    load: () => {
      throw new Error("disk on fire");
    },
  },
});

describe("writeModel", () => {
  it("writes what encodeModel gives, and readModel reads it back", async () => {
    await fc.assert(
      fc.asyncProperty(randomModel({ maxOps: 6 }), async (description) => {
        const model = buildRandomModel(description);
        const file = join(temporaryFolder(), "model.onnx");
        await writeModel(model, file);
        expect(isSame(readFileSync(file), encodeModel(model))).toBe(true);
        expect(weightsOf(await readModel(file))).toEqual(weightsOf(model));
      }),
      { numRuns: 10, seed: 3 },
    );
  });

  it("replaces a file, and leaves nothing beside it", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "model.onnx");
    writeFileSync(file, "old");
    await writeModel(smallModel(), file);
    expect(readdirSync(folder)).toEqual(["model.onnx"]);
    expect((await readModel(file)).graph.nodeCount).toBe(3);
  });

  it.each(["keep", "external", "file"] as const)(
    "leaves the old file and nothing else if it fails in the middle (weights: %s)",
    async (weights) => {
      const folder = temporaryFolder();
      const file = join(folder, "model.onnx");
      writeFileSync(file, "old");
      const model = smallModel();
      model.graph.addInitializer("late", unreadable);
      await expect(writeModel(model, file, { weights })).rejects.toThrow();
      expect(readFileSync(file, "utf8")).toBe("old");
      expect(readdirSync(folder)).toEqual(["model.onnx"]);
    },
  );

  it("leaves old model and old data alike if only the model can't be replaced", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "model.onnx");
    mkdirSync(join(file, "in the way"), { recursive: true });
    writeFileSync(`${file}.data`, "old data");
    const options = { weights: "external" } as const;
    expect(await codeOf(() => writeModel(smallModel(), file, options))).toBe("file-access");
    expect(readdirSync(folder).sort()).toEqual(["model.onnx", "model.onnx.data"]);
    expect(readFileSync(`${file}.data`, "utf8")).toBe("old data");
  });

  it("says what can't be written: a folder that is missing, one that is a file", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "plain"), "");
    for (const file of [join(folder, "missing", "m.onnx"), join(folder, "plain", "m.onnx")]) {
      await expect(writeModel(smallModel(), file)).rejects.toMatchObject({
        code: "file-access",
        file,
      });
    }
    expect(readdirSync(folder)).toEqual(["plain"]);
  });
});

describe("weights: external", () => {
  it("puts large tensors beside the model, aligned, and small ones into it", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "model.onnx");
    const model = smallModel();
    await writeModel(model, file, { weights: "external" });
    expect(readdirSync(folder).sort()).toEqual(["model.onnx", "model.onnx.data"]);
    const read = await readModel(file);
    let moved = 0;
    for (const { tensor } of read.graph.initializers) {
      if (tensor?.storage.kind !== "external") {
        expect(tensor?.byteLength).toBeLessThan(1024);
        continue;
      }
      const { location, offset, length } = tensor.storage.location;
      expect(location).toBe("model.onnx.data");
      expect(offset % 4096).toBe(0);
      expect(length).toBe(tensor.byteLength);
      moved++;
    }
    expect(moved).toBe(2);
    expect(weightsOf(read)).toEqual(weightsOf(model));
    await expectSameOutputs(read, model);
  });

  it("takes every tensor with a threshold of 0, also those in attributes", async () => {
    const file = join(temporaryFolder(), "model.onnx");
    const model = smallModel();
    const [first] = model.graph.nodes;
    first?.setAttribute("extra", { type: "tensor", value: Tensor.float32([2], [1, 2]) });
    await writeModel(model, file, { weights: "external", externalThreshold: 0 });
    const read = await readModel(file);
    const extra = [...read.graph.nodes][0]?.attribute("extra");
    if (extra?.type !== "tensor") throw new Error("the attribute is gone");
    expect(extra.value.storage.kind).toBe("external");
    expect([...extra.value.toNumbers()]).toEqual([1, 2]);
    expect(weightsOf(read)).toEqual(weightsOf(model));
  });

  it("can be replaced again and again; the data of the replaced file goes", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "model.onnx");
    const model = smallModel();
    for (let round = 0; round < 4; round++) {
      await writeModel(model, file, { weights: "external" });
      expect(readdirSync(folder).length).toBe(2);
      expect(weightsOf(await readModel(file))).toEqual(weightsOf(model));
    }
  });

  it("never writes over data that the model still reads from", async () => {
    const file = join(temporaryFolder(), "model.onnx");
    const model = smallModel();
    await writeModel(model, file, { weights: "external" });
    for (let round = 0; round < 3; round++) {
      const read = await readModel(file);
      read.setMetadata("round", String(round));
      read.graph.name = `round ${round}`;
      await writeModel(read, file);
      expect(weightsOf(read)).toEqual(weightsOf(model));
      expect(weightsOf(await readModel(file))).toEqual(weightsOf(model));
    }
  });

  it("never does so either where the file spells the name in another way", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "m.onnx");
    const data = Float32Array.from({ length: 300 }, (_, index) => index);
    writeFileSync(file, externalModel([{ name: "w", dims: [300], location: "./m.onnx.data" }]));
    writeFileSync(`${file}.data`, new Uint8Array(data.buffer));
    const read = await readModel(file);
    read.graph.name = "edited";
    await writeModel(read, file);
    expect(weightsOf(read)).toEqual({ w: [...data] });
    expect(weightsOf(await readModel(file))).toEqual({ w: [...data] });
  });

  it("goes back into one file with weights: file", async () => {
    const folder = temporaryFolder();
    const model = smallModel();
    await writeModel(model, join(folder, "a.onnx"), { weights: "external" });
    const read = await readModel(join(folder, "a.onnx"));
    await writeModel(read, join(folder, "b.onnx"), { weights: "file" });
    expect(readdirSync(folder).sort()).toEqual(["a.onnx", "a.onnx.data", "b.onnx"]);
    const inner = await readModel(join(folder, "b.onnx"));
    expect(inner.graph.initializers.every(({ tensor }) => tensor?.storage.kind === "raw")).toBe(
      true,
    );
    expect(weightsOf(inner)).toEqual(weightsOf(model));
  });
});

describe("weights: keep", () => {
  it("copies the data of a model that was not edited, byte for byte, in its folders", async () => {
    const source = temporaryFolder();
    const target = temporaryFolder();
    const data = Float32Array.from({ length: 300 }, (_, index) => index);
    mkdirSync(join(source, "deep"));
    const bytes = externalModel([
      { name: "w", dims: [300], location: "deep/w.bin" },
      { name: "v", dims: [6], location: "v.bin", offset: "4" },
    ]);
    writeFileSync(join(source, "m.onnx"), bytes);
    writeFileSync(join(source, "deep", "w.bin"), new Uint8Array(data.buffer));
    writeFileSync(join(source, "v.bin"), new Uint8Array(28));
    const read = await readModel(join(source, "m.onnx"));
    await writeModel(cloneModel(read), join(target, "copy.onnx"));
    expect(isSame(readFileSync(join(target, "copy.onnx")), bytes)).toBe(true);
    expect(statSync(join(target, "v.bin")).size).toBe(28);
    expect(weightsOf(await readModel(join(target, "copy.onnx")))).toEqual(weightsOf(read));
  });

  it("changes nothing where such a model is written into its own folder", async () => {
    const folder = temporaryFolder();
    const bytes = externalModel([{ name: "w", dims: [6], location: "w.bin" }]);
    writeFileSync(join(folder, "m.onnx"), bytes);
    writeFileSync(join(folder, "w.bin"), new Uint8Array(24));
    const read = await readModel(join(folder, "m.onnx"));
    await writeModel(read, join(folder, "m.onnx"));
    expect(readdirSync(folder).sort()).toEqual(["m.onnx", "w.bin"]);
    expect(isSame(readFileSync(join(folder, "m.onnx")), bytes)).toBe(true);
  });

  it("rewrites the data of an edited model, with the edit", async () => {
    const source = temporaryFolder();
    const target = temporaryFolder();
    await writeModel(smallModel(), join(source, "m.onnx"), { weights: "external" });
    const read = await readModel(join(source, "m.onnx"));
    const weight = read.graph.initializers.find(
      ({ tensor }) => tensor?.storage.kind === "external",
    );
    if (!weight?.tensor) throw new Error("no external tensor");
    weight.tensor = Tensor.float32(
      weight.tensor.dims,
      weight.tensor.toNumbers().map((number) => number * 2),
    );
    await writeModel(read, join(target, "m.onnx"));
    expect(readdirSync(target).sort()).toEqual(["m.onnx", "m.onnx.data"]);
    expect(weightsOf(await readModel(join(target, "m.onnx")))).toEqual(weightsOf(read));
  });
});

it("a model that was decoded, edited and written gives the edit and nothing else", async () => {
  const file = join(temporaryFolder(), "m.onnx");
  const model = decodeModel(encodeModel(smallModel()));
  model.setMetadata("made by", "a test");
  await writeModel(model, file);
  const read = await readModel(file);
  expect(read.metadata.get("made by")).toBe("a test");
  expect(weightsOf(read)).toEqual(weightsOf(model));
});
