import { readFile } from "node:fs/promises";
import { buildRandomModel, randomModel, sampleModel } from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom, encodeModel } from "../../src/index.ts";
import { modelSpec, toStyle } from "../codec/arbitrary-onnx.ts";
import { writeOnnx } from "../codec/write-onnx.ts";
import { examine } from "./examine.ts";
import { mutateFields } from "./mutate-fields.ts";

type Mutation = (bytes: Uint8Array, random: () => number) => Uint8Array;

const position = (bytes: Uint8Array, random: () => number): number =>
  Math.floor(random() * bytes.length);

/** What a damaged disk, a broken transfer or an attacker might do. */
const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => bytes.with(position(bytes, random), Math.floor(random() * 256)),
  (bytes, random) => {
    const at = position(bytes, random);
    return bytes.with(at, (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8)));
  },
  (bytes, random) => bytes.slice(0, position(bytes, random)),
  (bytes, random) => {
    const at = position(bytes, random);
    return Buffer.concat([
      bytes.subarray(0, at),
      bytes.subarray(at + 1 + Math.floor(random() * 8)),
    ]);
  },
  (bytes, random) => {
    const at = position(bytes, random);
    const extra = Uint8Array.from({ length: 1 + random() * 8 }, () => random() * 256);
    return Buffer.concat([bytes.subarray(0, at), extra, bytes.subarray(at)]);
  },
  // Lengths and numbers at their limits.
  (bytes, random) => {
    const out = bytes.slice();
    const at = position(bytes, random);
    out.fill(random() < 0.5 ? 0xff : 0x7f, at, at + 1 + Math.floor(random() * 10));
    return out;
  },
  (bytes, random) => {
    const out = bytes.slice();
    const from = position(bytes, random);
    out.copyWithin(position(bytes, random), from, from + 1 + Math.floor(random() * 64));
    return out;
  },
];

/** A mutated copy, of its own buffer; the same for the same seed. */
function mutate(bytes: Uint8Array, seed: number): Uint8Array {
  const random = createRandom(seed);
  // A copy also of a Buffer, whose slice() is a view.
  let out = new Uint8Array(bytes);
  for (let count = 1 + Math.floor(random() * 3); count > 0 && out.length > 0; count--)
    out = new Uint8Array(MUTATIONS[Math.floor(random() * MUTATIONS.length)]?.(out, random) ?? out);
  return out;
}

/** Half of the mutations are of bytes, half of fields. Returns how many were still models. */
async function fuzz(bytes: Uint8Array, seeds: number, first: number): Promise<number> {
  let models = 0;
  const crashes = new Map<string, string>();
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      const mutated = seed % 2 ? mutateFields(bytes, createRandom(seed)) : mutate(bytes, seed);
      if (await examine(mutated)) models++;
    } catch (error) {
      const [message, place] = (error as Error).stack?.split("\n") ?? [];
      crashes.set(`${message} ${place?.trim()}`, `mutation ${seed} of ${bytes.length} bytes`);
    }
  }
  expect(Object.fromEntries(crashes)).toEqual({});
  return models;
}

describe("mutated models are refused with a code, or handled", () => {
  it("random networks", async () => {
    const descriptions = fc.sample(randomModel({ maxOps: 8 }), { numRuns: 40, seed: 17 });
    let models = 0;
    for (const [index, description] of descriptions.entries())
      models += await fuzz(encodeModel(buildRandomModel(description)), 35, index * 1000);
    expect(models).toBeGreaterThan(400);
    expect(models).toBeLessThan(1400);
  });

  it("files of all that ONNX has", async () => {
    const specs = fc.sample(modelSpec, { numRuns: 60, seed: 23 });
    let models = 0;
    for (const [index, spec] of specs.entries()) {
      const style = {
        seed: index,
        isShuffled: true,
        isPadded: true,
        isDoubled: true,
        hasUnknown: true,
      };
      models += await fuzz(writeOnnx(spec, toStyle(style)).bytes, 10, index * 1000);
    }
    expect(models).toBeGreaterThan(200);
  });

  it("a larger one", async () => {
    const [description] = fc.sample(randomModel({ minOps: 100, maxOps: 100 }), {
      numRuns: 1,
      seed: 3,
    });
    if (!description) throw new Error("there is no description");
    const bytes = encodeModel(buildRandomModel(description));
    expect(bytes.length).toBeGreaterThan(20_000);
    expect(await fuzz(bytes, 40, 0)).toBeGreaterThan(5);
  });

  it("PP-OCRv4 det", async () => {
    const bytes = new Uint8Array(await readFile(sampleModel("det")));
    // The nodes lie at the beginning; a mutation of weights would say nothing.
    const nodes = bytes.subarray(0, 150_000);
    const rest = bytes.subarray(150_000);
    for (let seed = 0; seed < 100; seed++) {
      const whole =
        seed % 2
          ? mutateFields(bytes, createRandom(seed))
          : new Uint8Array(Buffer.concat([mutate(nodes, seed), rest]));
      await examine(whole, { simplifies: seed % 10 === 1 });
    }
  });
});
