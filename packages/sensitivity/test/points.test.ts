import { countRemoved, listPoints } from "@ocrslim/sensitivity";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groups } from "./sweep.ts";

describe("countRemoved", () => {
  it("counts as Python: min(width - 1, int(round(width * ratio)))", () => {
    // Printed by Python 3 for these widths, at ratios 0.1, 0.3, 0.5, 0.7, 0.9.
    const expected: Readonly<Record<number, readonly number[]>> = {
      2: [0, 1, 1, 1, 1],
      4: [0, 1, 2, 3, 3],
      5: [0, 2, 2, 4, 4],
      8: [1, 2, 4, 6, 7],
      12: [1, 4, 6, 8, 11],
      15: [2, 4, 8, 10, 14],
      24: [2, 7, 12, 17, 22],
      45: [4, 14, 22, 31, 40],
    };
    for (const [width, counts] of Object.entries(expected)) {
      const actual = [0.1, 0.3, 0.5, 0.7, 0.9].map((ratio) => countRemoved(Number(width), ratio));
      expect(actual).toEqual(counts);
    }
  });

  it("keeps multiples, the nearest to what the ratio keeps, at least one channel", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 300 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.constantFrom(2, 4, 8, 16),
        (width, ratio, multiple) => {
          const plain = width - countRemoved(width, ratio);
          const kept = width - countRemoved(width, ratio, multiple);
          expect(kept).toBeGreaterThan(0);
          expect(kept).toBeLessThanOrEqual(width);
          expect(kept === width || kept % multiple === 0).toBe(true);
          const atHand = [
            multiple,
            plain - (plain % multiple),
            plain - (plain % multiple) + multiple,
          ];
          const distances = atHand
            .filter((count) => count > 0 && count <= width)
            .map((count) => Math.abs(count - plain));
          expect(Math.abs(kept - plain)).toBeLessThanOrEqual(
            Math.min(Math.abs(width - plain) + multiple, ...distances),
          );
        },
      ),
    );
  });
});

describe("listPoints", () => {
  it("lists every group that can be cut, ratios ascending", () => {
    expect(listPoints(groups, [0.9, 0.5])).toEqual([
      { group: "Conv", width: 8, ratio: 0.5, removed: 4 },
      { group: "Conv", width: 8, ratio: 0.9, removed: 7 },
      { group: "Conv_2", width: 6, ratio: 0.5, removed: 3 },
      { group: "Conv_2", width: 6, ratio: 0.9, removed: 5 },
    ]);
  });
});
