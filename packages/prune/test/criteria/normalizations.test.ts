import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  byMax,
  byMean,
  bySum,
  first,
  gaussian,
  lampShare,
  max,
  mean,
  none,
  product,
  standardize,
  sum,
} from "../../src/index.ts";

fc.configureGlobal({ seed: 1 });

const scores = fc
  .array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 12 })
  .map((list) => Float64Array.from(list));
const total = (list: Float64Array): number => list.reduce((a, b) => a + b, 0);

describe("normalizations", () => {
  it("put the mean, the maximum or the sum at 1", () => {
    fc.assert(
      fc.property(scores, (list) => {
        fc.pre(total(list) > 1e-6);
        expect(total(byMean(list)) / list.length).toBeCloseTo(1, 9);
        expect(Math.max(...byMax(list))).toBeCloseTo(1, 9);
        expect(total(bySum(list))).toBeCloseTo(1, 9);
      }),
    );
  });

  it("leave all-zero scores finite", () => {
    const zeros = new Float64Array(3);
    for (const normalize of [none, byMean, byMax, bySum, standardize, gaussian, lampShare]) {
      expect(normalize(zeros)).toEqual(zeros);
    }
  });

  it("reach from 0 to 1 (standardize), and have mean 0 and deviation 1 (gaussian)", () => {
    const list = Float64Array.of(1, 2, 3, 10);
    expect(standardize(list)).toEqual(Float64Array.of(0, 1 / 9, 2 / 9, 1));
    const scored = gaussian(list);
    expect(total(scored)).toBeCloseTo(0, 12);
    expect(total(scored.map((value) => value * value)) / 4).toBeCloseTo(1, 12);
  });

  it("divide by what is not weaker (lampShare)", () => {
    expect(lampShare(Float64Array.of(1, 3, 2, 2))).toEqual(Float64Array.of(1 / 8, 1, 2 / 7, 2 / 7));
  });

  it("keep the order of scores and change no input", () => {
    fc.assert(
      fc.property(scores, (list) => {
        const copy = Float64Array.from(list);
        for (const normalize of [none, byMean, byMax, bySum, standardize, gaussian]) {
          const out = normalize(list);
          for (let at = 1; at < list.length; at++) {
            if (list[at]! > list[at - 1]!) expect(out[at]).toBeGreaterThanOrEqual(out[at - 1]!);
          }
        }
        expect(list).toEqual(copy);
      }),
    );
  });
});

describe("reductions", () => {
  it("combine members channel by channel", () => {
    const parts = [Float64Array.of(1, 5), Float64Array.of(3, 2), Float64Array.of(2, 2)];
    expect(sum(parts)).toEqual(Float64Array.of(6, 9));
    expect(mean(parts)).toEqual(Float64Array.of(2, 3));
    expect(max(parts)).toEqual(Float64Array.of(3, 5));
    expect(first(parts)).toEqual(Float64Array.of(1, 5));
    expect(product(parts)).toEqual(Float64Array.of(6, 20));
    expect(parts[0]).toEqual(Float64Array.of(1, 5));
  });
});
