import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type KnapsackItem,
  solveKnapsack,
} from "../../../../src/plan/allocations/search/knapsack.ts";

fc.configureGlobal({ seed: 1 });

type Classes = readonly (readonly KnapsackItem[])[];

const item = fc.record({
  cost: fc.integer({ min: -20, max: 60 }),
  loss: fc.integer({ min: 0, max: 99 }),
});
const classes = fc.array(fc.array(item, { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 5,
});

const total = (list: Classes, chosen: readonly number[], key: keyof KnapsackItem): number =>
  chosen.reduce((sum, index, at) => sum + list[at]![index]![key], 0);

/** Every choice of one item each. */
function choices(list: Classes): readonly (readonly number[])[] {
  return list.reduce<readonly (readonly number[])[]>(
    (all, items) => all.flatMap((chosen) => items.map((_, index) => [...chosen, index])),
    [[]],
  );
}

function leastLoss(list: Classes, capacity: number): number {
  const within = choices(list).filter((chosen) => total(list, chosen, "cost") <= capacity);
  return Math.min(...within.map((chosen) => total(list, chosen, "loss")));
}

describe("solveKnapsack", () => {
  it("finds the least loss where a bucket holds no more than one cost", () => {
    fc.assert(
      fc.property(classes, fc.integer({ min: 0, max: 200 }), (list, capacity) => {
        const chosen = solveKnapsack(list, capacity);
        const best = leastLoss(list, capacity);
        expect(chosen !== undefined).toBe(Number.isFinite(best));
        if (!chosen) return;
        expect(total(list, chosen, "cost")).toBeLessThanOrEqual(capacity);
        expect(total(list, chosen, "loss")).toBe(best);
      }),
      { numRuns: 300 },
    );
  });

  it("loses no more in coarse buckets than the best one with a bucket less for each class", () => {
    fc.assert(
      fc.property(
        classes,
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 4, max: 20 }),
        (list, capacity, buckets) => {
          const chosen = solveKnapsack(list, capacity, buckets);
          if (!chosen) return;
          const least = list.reduce(
            (sum, items) => sum + Math.min(...items.map(({ cost }) => cost)),
            0,
          );
          const reduced = capacity - ((capacity - least) * list.length) / buckets;
          expect(total(list, chosen, "cost")).toBeLessThanOrEqual(capacity);
          expect(total(list, chosen, "loss")).toBeLessThanOrEqual(leastLoss(list, reduced));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("takes the cheapest items where nothing else fits, and none where these do not", () => {
    const list = [
      [
        { cost: 3, loss: 5 },
        { cost: 4, loss: 0 },
      ],
      [{ cost: -1, loss: 7 }],
    ];
    expect(solveKnapsack(list, 2)).toEqual([0, 0]);
    expect(solveKnapsack(list, 1.9)).toBeUndefined();
    expect(solveKnapsack([], 0)).toEqual([]);
  });
});
