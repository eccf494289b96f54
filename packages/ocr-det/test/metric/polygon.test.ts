import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Point } from "../../src/data/region.ts";
import {
  computeIntersectionArea,
  computePerimeter,
  computePolygonArea,
  computePolygonIou,
  isSimplePolygon,
} from "../../src/metric/polygon.ts";
import { readFixture } from "../read-fixture.ts";

const { polygons, pairs } = readFixture<{
  polygons: { points: Point[]; valid: boolean; area: number }[];
  pairs: [number, number, number, number][];
}>("polygons.json");

test("a polygon is simple exactly where GEOS calls it valid", () => {
  expect(polygons.filter(({ valid }) => valid).length).toBeGreaterThan(30);
  for (const { points, valid } of polygons) {
    expect(isSimplePolygon(points), JSON.stringify(points)).toBe(valid);
  }
});

test("areas and common areas of simple polygons, convex or not, are those of GEOS", () => {
  for (const { points, valid, area } of polygons) {
    if (valid) expect(computePolygonArea(points)).toBeCloseTo(area, 9);
  }
  for (const [first, second, intersection, union] of pairs) {
    const [a, b] = [polygons[first]!.points, polygons[second]!.points];
    expect(computeIntersectionArea(a, b)).toBeCloseTo(intersection, 8);
    expect(computePolygonIou(a, b)).toBeCloseTo(intersection / union, 8);
  }
});

test("polygons with NaN or infinite corners are not simple", () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(
      isSimplePolygon([
        [0, 0],
        [10, 0],
        [10, bad],
        [0, 10],
      ]),
    ).toBe(false);
  }
});

describe("random convex quads", () => {
  const grid = 3;
  const quad = fc
    .tuple(
      fc.integer({ min: 30, max: 70 }),
      fc.integer({ min: 30, max: 70 }),
      fc.integer({ min: 8, max: 30 }),
      fc.tuple(...[0, 1, 2, 3].map(() => fc.integer({ min: 0, max: 80 }))),
    )
    .map(([x, y, radius, turns]) =>
      // Four points of a circle, one in each quarter: convex.
      turns.map((turn, index): Point => {
        const angle = ((index * 90 + turn) * Math.PI) / 180;
        return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
      }),
    );
  const contains = (ring: readonly Point[], x: number, y: number): boolean =>
    ring.every(([ax, ay], index) => {
      const [bx, by] = ring[(index + 1) % ring.length]!;
      return (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0;
    });

  test("intersection and union agree with a count of grid points", () => {
    fc.assert(
      fc.property(quad, quad, (a, b) => {
        let common = 0;
        let either = 0;
        for (let y = 0; y < 100 * grid; y += 1) {
          for (let x = 0; x < 100 * grid; x += 1) {
            const [px, py] = [(x + 0.5) / grid, (y + 0.5) / grid];
            const [inA, inB] = [contains(a, px, py), contains(b, px, py)];
            if (inA && inB) common += 1;
            if (inA || inB) either += 1;
          }
        }
        const cells = grid * grid;
        const tolerance = (computePerimeter(a) + computePerimeter(b)) / grid / 2;
        const intersection = computeIntersectionArea(a, b);
        const union = computePolygonArea(a) + computePolygonArea(b) - intersection;
        expect(Math.abs(intersection - common / cells)).toBeLessThan(tolerance);
        expect(Math.abs(union - either / cells)).toBeLessThan(tolerance);
        expect(Math.abs(computePolygonIou(a, b) - common / either)).toBeLessThan(
          (2 * tolerance) / union,
        );
      }),
      { numRuns: 12, seed: 2 },
    );
  });

  test("the common area is symmetric, and does not depend on where corners begin or which way they go", () => {
    fc.assert(
      fc.property(quad, quad, fc.integer({ min: 0, max: 3 }), (a, b, start) => {
        const area = computeIntersectionArea(a, b);
        const turned = [...a.slice(start), ...a.slice(0, start)].reverse();
        expect(computeIntersectionArea(b, a)).toBeCloseTo(area, 9);
        expect(computeIntersectionArea(turned, b)).toBeCloseTo(area, 9);
        expect(computePolygonIou(a, a)).toBeCloseTo(1, 12);
      }),
      { numRuns: 200, seed: 4 },
    );
  });
});
