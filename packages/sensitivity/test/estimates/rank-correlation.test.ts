import type { LossCurve } from "@ocrslim/graph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rankCorrelation } from "../../src/estimates/rank-correlation.ts";

const curve = (group: string, losses: readonly number[]): LossCurve => ({
  group,
  width: 10,
  points: losses.map((loss, index) => ({ ratio: (index + 1) / 10, loss })),
});

describe("rankCorrelation", () => {
  it("is 1 for any rising function of the losses, and -1 for any falling one", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 9 }),
        (losses) => {
          const plain = [curve("a", losses)];
          const rising = [
            curve(
              "a",
              losses.map((loss) => Math.atan(loss) * 3 + 1),
            ),
          ];
          const falling = [
            curve(
              "a",
              losses.map((loss) => -(loss ** 3)),
            ),
          ];
          expect(rankCorrelation(plain, rising).rho).toBeCloseTo(1, 12);
          expect(rankCorrelation(plain, falling).rho).toBeCloseTo(-1, 12);
        },
      ),
    );
  });

  it("is 1 - 6 Σd² / (n³ - n) where no losses are equal", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (order) => {
        const n = order.length;
        const squares = order.reduce((sum, rank, index) => sum + (rank - index) ** 2, 0);
        const { rho } = rankCorrelation([curve("a", order)], [curve("a", [...order.keys()])]);
        expect(rho).toBeCloseTo(1 - (6 * squares) / (n ** 3 - n), 12);
      }),
    );
  });

  it("gives equal losses the mean of their ranks", () => {
    // Ranks 1.5 1.5 3 4 and 1 2 3.5 3.5: Pearson's correlation of these.
    const { rho } = rankCorrelation([curve("a", [0, 0, 1, 2])], [curve("a", [5, 6, 7, 7])]);
    expect(rho).toBeCloseTo(4 / 4.5, 12);
  });

  it("takes the points that both have, in any order, and counts them", () => {
    const first = [curve("a", [1, 2, 3]), curve("b", [9, 8]), curve("only here", [7])];
    const second = [curve("b", [90]), curve("a", [10, 20])];
    expect(rankCorrelation(first, second)).toEqual({ rho: 1, points: 3 });
  });

  it.each([
    ["no common points", [curve("a", [1, 2])], [curve("b", [1, 2])]],
    ["equal losses throughout", [curve("a", [1, 1])], [curve("a", [1, 2])]],
    ["a loss that is not finite", [curve("a", [1, Number.NaN])], [curve("a", [1, 2])]],
  ])("refuses %s", (_, first, second) => {
    expect(() => rankCorrelation(first, second)).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
  });
});
