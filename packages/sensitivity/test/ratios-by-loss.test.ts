import type { LossCurve } from "@ocrslim/graph";
import { ratiosByLoss, ratiosByLossMonotone } from "@ocrslim/sensitivity";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitIsotonic } from "../src/fit-isotonic.ts";

const curve = (group: string, losses: readonly number[]): LossCurve => ({
  group,
  width: 100,
  points: losses.map((loss, index) => ({
    ratio: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8][index]!,
    loss,
  })),
});

// The example of PaddleSlim's README: the first is not monotone.
const curves = [
  curve("expand", [0.00651, 0.01828, 0.01453, 0.03062, 0.04711, 0.06536, 0.12391, 0.11799]),
  curve("linear", [0.0511, 0.0771, 0.121, 0.1819, 0.3729, 0.5135, 0.7272, 0.7908]),
];

describe("ratiosByLoss", () => {
  // Printed by a Python transcription of PaddleSlim's get_ratios_by_loss.
  it.each([
    [0.005, 0, 0],
    [0.0065, 0, 0],
    [0.016, 0.309136109384711, 0],
    [0.02, 0.33399627097576134, 0],
    [0.06, 0.5706301369863014, 0.13423076923076924],
    [0.12, 0.8, 0.29772209567198177],
    [0.2, 0.8, 0.40947643979057596],
    [0.8, 0.8, 0.8],
  ])("gives PaddleSlim's ratios at a loss of %s, to the last digit", (loss, expand, linear) => {
    expect(ratiosByLoss(curves, loss)).toEqual({ expand, linear });
  });

  it("leaves out groups that always lose more, in the dygraph variant", () => {
    expect(ratiosByLoss(curves, 0.02, { variant: "dygraph" })).toEqual({
      expand: 0.33399627097576134,
    });
  });

  it("takes points in any order, and groups of any name", () => {
    const shuffled = curves.map((each) => ({ ...each, points: each.points.toReversed() }));
    expect(ratiosByLoss(shuffled, 0.06)).toEqual(ratiosByLoss(curves, 0.06));
    const odd = ratiosByLoss([curve("__proto__", [0.1])], 0.2);
    expect(Object.entries(odd)).toEqual([["__proto__", 0.1]]);
    expect(ratiosByLoss([curve("empty", [])], 0.2)).toEqual({});
  });

  it("refuses losses that are no numbers", () => {
    const broken = [curve("g", [0.1, Number.NaN])];
    for (const ratios of [ratiosByLoss, ratiosByLossMonotone]) {
      expect(() => ratios(broken, 0.1)).toThrow(
        expect.objectContaining({ code: "invalid-option" }),
      );
      expect(() => ratios(curves, Number.NaN)).toThrow("loss is NaN");
    }
  });
});

describe("ratiosByLossMonotone", () => {
  it("starts from nothing lost at ratio 0", () => {
    expect(ratiosByLossMonotone([curve("g", [0.04, 0.08])], 0.01)).toEqual({ g: 0.025 });
    expect(ratiosByLossMonotone([curve("g", [0.04, 0.08])], 0)).toEqual({ g: 0 });
    expect(ratiosByLossMonotone([curve("g", [-0.04, -0.08])], 0)).toEqual({ g: 0.2 });
    expect(ratiosByLossMonotone([curve("g", [-0.04, -0.08])], -0.01)).toEqual({ g: 0 });
  });

  it("is not misled by one lucky point", () => {
    const lucky = [curve("g", [0.1, 0.2, 0.3, 0.4, 0.0, 0.6, 0.7, 0.8])];
    expect(ratiosByLoss(lucky, 0.05)["g"]).toBeGreaterThan(0.5);
    expect(ratiosByLossMonotone(lucky, 0.05)["g"]).toBeCloseTo(0.05, 12);
  });

  it("rises with the loss also where losses are too small to multiply", () => {
    const tiny = [curve("g", [4e-323])];
    const ratios = [0, 1e-323, 2e-323, 3e-323, 4e-323].map(
      (loss) => ratiosByLossMonotone(tiny, loss)["g"]!,
    );
    expect(ratios).toEqual(ratios.toSorted((a, b) => a - b));
    expect(ratios.at(-1)).toBe(0.1);
  });

  it("weighs points by their images where all tell them", () => {
    const points = [
      { ratio: 0.1, loss: 0.4, images: 1 },
      { ratio: 0.2, loss: 0.1, images: 3 },
    ];
    const weighted = [{ group: "g", width: 8, points }];
    // Pooled to (0.4 + 3 · 0.1) / 4 = 0.175, not to 0.25.
    expect(ratiosByLossMonotone(weighted, 0.0875)["g"]).toBeCloseTo(0.05, 12);
    expect(ratiosByLossMonotone(weighted, 0.1751)).toEqual({ g: 0.2 });
  });

  it("never falls as the loss rises, and agrees with the plain one on rising curves", () => {
    const losses = fc.array(fc.double({ min: -0.2, max: 1, noNaN: true }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(
        losses,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (l, a, b) => {
          const [low, high] = a < b ? [a, b] : [b, a];
          const at = (loss: number): number => ratiosByLossMonotone([curve("g", l)], loss)["g"]!;
          expect(at(low)).toBeLessThanOrEqual(at(high) + 1e-12);
        },
      ),
    );
    const rising = [curve("g", [0.1, 0.2, 0.4, 0.7])];
    for (const loss of [0.1, 0.15, 0.3, 0.5, 0.7, 1]) {
      expect(ratiosByLossMonotone(rising, loss)["g"]).toBeCloseTo(
        ratiosByLoss(rising, loss)["g"]!,
        12,
      );
    }
  });
});

describe("fitIsotonic", () => {
  it("is the max-min of weighted means, the closed form of the regression", () => {
    const sample = fc.array(
      fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: 1, max: 5 })),
      { minLength: 1, maxLength: 9 },
    );
    fc.assert(
      fc.property(sample, (pairs) => {
        const [values, weights] = [pairs.map(([v]) => v), pairs.map(([, w]) => w)];
        const mean = (from: number, to: number): number => {
          let [sum, total] = [0, 0];
          for (let index = from; index <= to; index++) {
            sum += values[index]! * weights[index]!;
            total += weights[index]!;
          }
          return sum / total;
        };
        const n = values.length;
        const expected = values.map((_, i) =>
          Math.max(
            ...Array.from({ length: i + 1 }, (_unused, j) =>
              Math.min(...Array.from({ length: n - i }, (_none, k) => mean(j, i + k))),
            ),
          ),
        );
        const actual = fitIsotonic(values, weights);
        actual.forEach((value, index) => {
          expect(value).toBeCloseTo(expected[index]!, 9);
        });
      }),
    );
  });
});
