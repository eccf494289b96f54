import fc from "fast-check";
import { expect, test } from "vitest";
import type { Point } from "../../src/data/region.ts";
import { computeBorderDistance } from "../../src/targets/border-distance.ts";

/** PaddleOCR's formula, for each pixel and each edge. */
function distanceTo(points: readonly Point[], reach: number, x: number, y: number): number {
  return points.reduce((least, from, index) => {
    const to = points[(index + 1) % points.length] ?? from;
    const edge = (to[0] - from[0]) ** 2 + (to[1] - from[1]) ** 2;
    const first = (x - from[0]) ** 2 + (y - from[1]) ** 2;
    const second = (x - to[0]) ** 2 + (y - to[1]) ** 2;
    const cosine = (edge - first - second) / (2 * Math.sqrt(first * second));
    const sine = Number.isNaN(cosine) ? 0 : 1 - cosine * cosine;
    const distance =
      cosine < 0 ? Math.sqrt(Math.min(first, second)) : Math.sqrt((first * second * sine) / edge);
    return Math.min(least, Math.min(distance / reach, 1));
  }, 1);
}

const bounds = { left: 3, top: 2, right: 42, bottom: 31 };
const width = bounds.right - bounds.left + 1;
const height = bounds.bottom - bounds.top + 1;

test("looking only near the edges changes no distance, nor where there is none", () => {
  const coordinate = fc.oneof(
    fc.integer({ min: -10, max: 60 }),
    fc.double({ min: -10, max: 60, noNaN: true }),
  );
  const distances = new Float32Array(width * height);
  let missing = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 6 }),
      fc.double({ min: 0.3, max: 20, noNaN: true }),
      (points, reach) => {
        computeBorderDistance(points, reach, bounds, distances);
        distances.forEach((distance, at) => {
          const x = bounds.left + (at % width);
          const y = bounds.top + Math.floor(at / width);
          const wanted = distanceTo(points, reach, x, y);
          if (Number.isNaN(wanted)) missing += 1;
          if (!Object.is(distance, Math.fround(wanted))) {
            expect([x, y, distance]).toEqual([x, y, Math.fround(wanted)]);
          }
        });
      },
    ),
    { seed: 11, numRuns: 200 },
  );
  expect(missing).toBeGreaterThan(0);
});
