import type { ChannelGroup } from "@ocrslim/graph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listCurvePoints } from "../../src/pipeline/compress/measure-curves.ts";

const group = (width: number): ChannelGroup => ({ id: `g${width}`, width, members: [] });

describe("listCurvePoints", () => {
  it("measures at widths that a plan may have, each once, the largest first", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 600 }),
        fc.constantFrom(1, 4, 8, 16),
        (width, multiple) => {
          const kept = listCurvePoints([group(width)], multiple).map(
            (point) => point.width - point.removed,
          );
          expect(kept).toEqual([...new Set(kept)].toSorted((a, b) => b - a));
          for (const count of kept) {
            expect(count % multiple).toBe(0);
            expect(count).toBeGreaterThan(0);
            expect(count).toBeLessThan(width);
          }
          expect(kept.length > 0).toBe(width > multiple);
        },
      ),
      { seed: 11 },
    );
  });

  it("states the ratio that is really removed", () => {
    const points = listCurvePoints([group(24)], 8);
    expect(points.map(({ removed }) => removed)).toEqual([8, 16]);
    expect(points[0]?.ratio).toBeCloseTo(1 / 3, 12);
  });
});
