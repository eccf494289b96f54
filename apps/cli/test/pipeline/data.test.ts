import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interleave, shuffle, splitImages } from "../../src/pipeline/data.ts";

const samples = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `${index}`, imagePath: `/${index}.jpg` }));

describe("splitImages", () => {
  it("never evaluates on an image that it calibrates on, and has both", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 200 }),
        fc.integer({ min: 1, max: 64 }),
        fc.nat(),
        (count, wanted, seed) => {
          const { calibration, evaluation } = splitImages([samples(count)], wanted, seed);
          const ids = new Set(calibration.map(({ id }) => id));
          expect(evaluation.filter(({ id }) => ids.has(id))).toEqual([]);
          expect(calibration.length).toBeGreaterThan(0);
          expect(calibration.length).toBeLessThanOrEqual(wanted);
          expect(evaluation.length).toBeGreaterThan(0);
        },
      ),
      { seed: 3 },
    );
  });

  it("is the same for the same seed, and another one for another", () => {
    const ids = (seed: number) =>
      splitImages([samples(30)], 16, seed).calibration.map(({ id }) => id);
    expect(ids(1)).toEqual(ids(1));
    expect(ids(1)).not.toEqual(ids(2));
  });

  it("takes as many of each kind as there are, whatever their number", () => {
    const kind = (name: string, count: number) =>
      samples(count).map(({ id }) => ({ id: `${name}${id}`, imagePath: `/${name}/${id}.jpg` }));
    const { calibration, evaluation } = splitImages([kind("a", 100), kind("b", 20)], 20, 4);
    const share = (list: readonly { id: string }[]) =>
      list.filter(({ id }) => id.startsWith("b")).length;
    expect([share(calibration), share(evaluation)]).toEqual([10, 10]);
  });

  it("refuses a single image", () => {
    expect(() => splitImages([samples(1)], 16, 0)).toThrow(
      expect.objectContaining({ code: "unsuitable-data" }),
    );
  });
});

describe("interleave", () => {
  it("keeps every item once, and the order within each list", () => {
    expect(interleave([[1, 2, 3], [], [10]])).toEqual([1, 10, 2, 3]);
  });
});

describe("shuffle", () => {
  it("keeps every item once", () => {
    const items = Array.from({ length: 50 }, (_, index) => index);
    expect(shuffle(items, 5).toSorted((a, b) => a - b)).toEqual(items);
  });
});
