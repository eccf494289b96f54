import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { sampleModel, sharedPath } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { cloneModel, constantTensor, decodeModel, encodeModel } from "../../src/index.ts";

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function filesIn(relative: string): string[] {
  const folder = sharedPath(relative);
  if (!folder) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".onnx"))
    .map((name) => `${folder}/${name}`);
}

const files = [
  sampleModel("det"),
  sampleModel("rec"),
  sampleModel("cls"),
  ...filesIn("models"),
  ...filesIn("fixtures/graphs"),
].map((file) => [file.split("/").at(-1) ?? "", file] as const);

describe.each(files)("%s", (_name, file) => {
  it("is encoded byte for byte as it was read, also as a copy", async () => {
    const bytes = await readFile(file);
    const model = decodeModel(bytes);
    expect(isSame(encodeModel(model), bytes)).toBe(true);
    expect(isSame(encodeModel(cloneModel(model)), bytes)).toBe(true);
  });

  it("has the same nodes, values and weights after all of it was encoded anew", async () => {
    const model = decodeModel(await readFile(file));
    const copy = cloneModel(model);
    for (const node of copy.graph.nodes) node.name += "";
    copy.graph.name += "";
    const again = decodeModel(encodeModel(copy));
    const nodes = [...again.graph.nodes];
    expect(nodes.length).toBe(model.graph.nodeCount);
    [...model.graph.nodes].forEach((node, index) => {
      const twin = nodes[index];
      expect(twin?.opType).toBe(node.opType);
      expect(twin?.name).toBe(node.name);
      expect(twin?.inputs.map((value) => value?.name)).toEqual(
        node.inputs.map((value) => value?.name),
      );
      expect(twin?.outputs.map((value) => value?.name)).toEqual(
        node.outputs.map((value) => value?.name),
      );
      expect(twin?.attributes.map(({ name, type }) => `${name}:${type}`)).toEqual(
        node.attributes.map(({ name, type }) => `${name}:${type}`),
      );
    });
    for (const value of model.graph.values) {
      const twin = again.graph.value(value.name);
      expect(twin?.type).toEqual(value.type);
      const tensor = constantTensor(value);
      const other = twin && constantTensor(twin);
      expect(other?.dims).toEqual(tensor?.dims);
      if (tensor && other) expect(isSame(other.bytes, tensor.bytes)).toBe(true);
    }
    expect([...again.opsetImports]).toEqual([...model.opsetImports]);
    expect([...again.metadata]).toEqual([...model.metadata]);
  });

  it("is held once: raw weights are views of the file's bytes", async () => {
    const bytes = new Uint8Array(await readFile(file));
    const model = decodeModel(bytes);
    for (const value of model.graph.values) {
      const tensor = constantTensor(value);
      if (tensor?.storage.kind === "raw") expect(tensor.bytes.buffer).toBe(bytes.buffer);
    }
  });
});

it.skipIf(!sharedPath())(
  "the models of the shared folder are among them (needs the folder)",
  () => {
    expect(files.length).toBeGreaterThanOrEqual(10);
  },
);
