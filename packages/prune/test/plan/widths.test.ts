import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listWidths, roundHalfToEven, roundWidth } from "../../src/plan/widths.ts";

fc.configureGlobal({ seed: 1 });

const rulesOf = fc.record({
  channelMultiple: fc.integer({ min: 1, max: 16 }),
  minimumWidth: fc.integer({ min: 1, max: 20 }),
  minimumKept: fc.double({ min: 0, max: 1, noNaN: true }),
});

describe("widths", () => {
  it("round half to even, as Python does", () => {
    expect([0.5, 1.5, 2.5, 3.5, 0.4999, 2.51].map(roundHalfToEven)).toEqual([0, 2, 2, 4, 0, 3]);
  });

  it("remove as many channels as PaddleSlim: min(n − 1, round(n · ratio))", () => {
    const rules = { channelMultiple: 1, minimumWidth: 1, minimumKept: 0 };
    expect(roundWidth(5, 5 * 0.5, rules)).toBe(3);
    expect(roundWidth(7, 7 * 0.5, rules)).toBe(3);
    expect(roundWidth(4, 4 * 1, rules)).toBe(1);
  });

  it("take the nearest multiple, at least one, never more than the width", () => {
    const rules = { channelMultiple: 8, minimumWidth: 1, minimumKept: 0 };
    expect(roundWidth(48, 17, rules)).toBe(32);
    expect(roundWidth(48, 19, rules)).toBe(32);
    expect(roundWidth(48, 47, rules)).toBe(8);
    expect(roundWidth(14, 1, rules)).toBe(14);
    expect(roundWidth(18, 0, rules)).toBe(18);
    expect(listWidths(20, rules)).toEqual([8, 16, 20]);
    expect(listWidths(6, rules)).toEqual([6]);
  });

  it("are always allowed ones, and fall as more is to be removed", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        rulesOf,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (width, rules, ratio) => {
          const widths = listWidths(width, rules);
          const rounded = roundWidth(width, width * ratio, rules);
          expect(widths).toContain(rounded);
          expect(roundWidth(width, Math.min(width, width * ratio + 1), rules)).toBeLessThanOrEqual(
            rounded,
          );
          for (const kept of widths.slice(0, -1)) {
            expect(kept % rules.channelMultiple).toBe(0);
            expect(kept).toBeGreaterThanOrEqual(rules.minimumWidth);
            expect(kept / width).toBeGreaterThanOrEqual(rules.minimumKept - 1e-6);
          }
        },
      ),
    );
  });
});
