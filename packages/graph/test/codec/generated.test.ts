import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cloneModel,
  decodeModel,
  encodeModel,
  type Graph,
  listSubgraphs,
  type Model,
} from "../../src/index.ts";
import { modelSpec, type StyleDraft, toStyle, wireStyle } from "./arbitrary-onnx.ts";
import { expectModel } from "./expect-model.ts";
import type { ModelSpec } from "./onnx-spec.ts";
import { EXTERNAL_NAME, writeOnnx } from "./write-onnx.ts";

interface Generated {
  readonly spec: ModelSpec;
  readonly bytes: Uint8Array;
  readonly model: Model;
  /** Content of the unknown fields that were put in. */
  readonly unknown: readonly Buffer[];
  decode(bytes: Uint8Array): Model;
}

function generate(spec: ModelSpec, draft: StyleDraft): Generated {
  const unknown: Uint8Array[] = [];
  const { bytes, external } = writeOnnx(spec, toStyle(draft, unknown));
  const decode = (file: Uint8Array): Model =>
    decodeModel(file, {
      externalData: ({ location, offset }, length) => {
        expect(location).toBe(EXTERNAL_NAME);
        return external.subarray(offset, offset + length);
      },
    });
  return {
    spec,
    bytes,
    model: decode(bytes),
    unknown: unknown.map((content) => Buffer.from(content)),
    decode,
  };
}

/** Makes every part be encoded anew, though nothing is different. */
function touch(graph: Graph): void {
  for (const node of graph.nodes) {
    node.name += "";
    for (const subgraph of listSubgraphs(node)) touch(subgraph);
  }
  graph.name += "";
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const generated = fc.tuple(modelSpec, wireStyle);

function check(run: (generated: Generated) => void): void {
  fc.assert(
    fc.property(generated, ([spec, style]) => run(generate(spec, style))),
    { numRuns: 100, seed: 11 },
  );
}

describe("a generated file", () => {
  it("says what was put in", () => {
    check(({ model, spec }) => expectModel(model, spec));
  });

  it("is encoded byte for byte as it was, and so is a copy of it", () => {
    check(({ model, bytes }) => {
      expect(isSame(encodeModel(model), bytes)).toBe(true);
      expect(isSame(encodeModel(cloneModel(model)), bytes)).toBe(true);
    });
  });

  it("says the same after every part of it was encoded anew, twice", () => {
    check(({ model, bytes, spec, decode }) => {
      touch(model.graph);
      const once = encodeModel(model);
      if (spec.graph.nodes.length > 0) expect(once).not.toBe(bytes);
      const again = decode(once);
      expectModel(again, spec);
      touch(again.graph);
      const twice = encodeModel(again);
      expectModel(decode(twice), spec);
      expect(isSame(twice, once)).toBe(true);
    });
  });

  it("keeps unknown fields when all around them is encoded anew", () => {
    let count = 0;
    check(({ model, unknown }) => {
      touch(model.graph);
      const bytes = Buffer.from(encodeModel(model));
      for (const content of unknown) expect(bytes.includes(content)).toBe(true);
      count += unknown.length;
    });
    expect(count).toBeGreaterThan(400);
  });

  it("keeps unknown fields, docs and types when all values are renamed", () => {
    check(({ model, spec, unknown, decode }) => {
      const rename = (graph: Graph): void => {
        for (const value of [...graph.values]) value.name = `${value.name}~`;
        for (const node of graph.nodes) listSubgraphs(node).forEach(rename);
      };
      rename(model.graph);
      const encoded = Buffer.from(encodeModel(model));
      for (const content of unknown) expect(encoded.includes(content)).toBe(true);
      const back = decode(encoded);
      const restore = (graph: Graph): void => {
        for (const value of [...graph.values]) value.name = value.name.slice(0, -1);
        for (const node of graph.nodes) listSubgraphs(node).forEach(restore);
      };
      restore(back.graph);
      expectModel(back, spec);
      expectModel(decode(encodeModel(back)), spec);
    });
  });

  it("leaves the other nodes' bytes as they were when one is edited", () => {
    check(({ model }) => {
      const nodes = [...model.graph.nodes];
      const [edited, ...others] = nodes;
      if (!edited) return;
      const sources = others.map(({ _source }) => _source);
      edited.name = "edited";
      const bytes = Buffer.from(encodeModel(model));
      for (const source of sources) {
        if (!source) throw new Error("a node that was not edited lost its bytes");
        expect(bytes.includes(Buffer.from(source.bytes.subarray(source.start, source.end)))).toBe(
          true,
        );
      }
    });
  });

  it("does not show what is done to a copy", () => {
    check(({ model, bytes, spec }) => {
      const copy = cloneModel(model);
      touch(copy.graph);
      for (const node of copy.graph.nodes) {
        node.name = "other";
        node.setAttribute("more", { type: "int", value: 1 });
        for (let index = node.inputs.length - 1; index >= 0; index--)
          node.setInput(index, undefined);
      }
      copy.setOpset("", 3);
      copy.setMetadata("key", "value");
      copy.graph.setOutputs([]);
      expectModel(model, spec);
      expect(isSame(encodeModel(model), bytes)).toBe(true);
    });
  });

  it("holds raw tensors as views of the file, not as copies", () => {
    let count = 0;
    check(({ model, bytes }) => {
      for (const { tensor } of model.graph.initializers) {
        if (tensor?.storage.kind !== "raw" || tensor.byteLength === 0) continue;
        expect(tensor.bytes.buffer).toBe(bytes.buffer);
        count++;
      }
    });
    expect(count).toBeGreaterThan(20);
  });
});
