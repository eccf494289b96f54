import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { computeDivergence, createReferenceMap } from "../../src/estimates/map-distance.ts";

const probability = fc.float({ min: 0, max: 1, noNaN: true });
const maps = fc
  .integer({ min: 1, max: 40 })
  .chain((length) =>
    fc.tuple(
      fc.float32Array({ minLength: length, maxLength: length, min: 0, max: 1, noNaN: true }),
      fc.float32Array({ minLength: length, maxLength: length, min: 0, max: 1, noNaN: true }),
    ),
  );

/** By the definition, in double precision. */
function divergenceOf(p: number, q: number): number {
  const [a, b] = [p, q].map((x) => Math.min(0.97, Math.max(0.03, x))) as [number, number];
  return a * Math.log(a / b) + (1 - a) * Math.log((1 - a) / (1 - b));
}

describe("computeDivergence", () => {
  it("is the sum of KL(p ‖ q) over the pixels", () => {
    fc.assert(
      fc.property(maps, ([wanted, found]) => {
        const expected = wanted.reduce((sum, p, index) => sum + divergenceOf(p, found[index]!), 0);
        const divergence = computeDivergence(createReferenceMap(wanted), found);
        expect(Math.abs(divergence - expected)).toBeLessThan(1e-5 * (1 + wanted.length));
        expect(divergence).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("is 0 for the reference itself, and for what is as empty or as full", () => {
    const reference = createReferenceMap(Float32Array.of(0, 0.4, 1, 0.01));
    expect(computeDivergence(reference, Float32Array.of(0, 0.4, 1, 0.01))).toBe(0);
    expect(computeDivergence(reference, Float32Array.of(0.02, 0.4, 0.98, 1e-9))).toBe(0);
  });

  it("equals the information for the constant map of the same mean", () => {
    fc.assert(
      fc.property(fc.array(probability, { minLength: 2, maxLength: 30 }), (values) => {
        const inside = Float32Array.from(values, (value) => 0.05 + 0.9 * value);
        const reference = createReferenceMap(inside);
        const mean = inside.reduce((sum, value) => sum + value, 0) / inside.length;
        const constant = new Float32Array(inside.length).fill(mean);
        expect(computeDivergence(reference, constant)).toBeCloseTo(reference.information, 4);
      }),
    );
  });

  it("refuses maps of another size, and what is no probability", () => {
    const reference = createReferenceMap(Float32Array.of(0, 1));
    for (const map of [[0], [0, 1.5], [-0.5, 0], [0, Number.NaN]]) {
      expect(() => computeDivergence(reference, Float32Array.from(map))).toThrow(
        expect.objectContaining({ code: "invalid-metric" }),
      );
    }
    expect(() => createReferenceMap(Float32Array.of(Number.NaN))).toThrow(
      expect.objectContaining({ code: "invalid-metric" }),
    );
  });
});
