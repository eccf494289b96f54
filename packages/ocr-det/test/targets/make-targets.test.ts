import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import type { Point, TextRegion } from "../../src/data/region.ts";
import { makeBorderMap, makeShrinkMap, makeTargets, type TargetOptions } from "../../src/index.ts";
import { fixtureUrl, readFixture } from "../read-fixture.ts";

interface TargetCase {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly polygons: readonly Point[][];
  readonly ignored: readonly boolean[];
  readonly order: "border-first" | "shrink-first";
}

const cases = readFixture<TargetCase[]>("targets.json");
const maps = Uint8Array.from(gunzipSync(readFileSync(fixtureUrl("targets.maps.gz"))));

const region = (points: readonly Point[], ignored = false): TextRegion => ({
  points,
  text: "",
  ignored,
});

const box = (left: number, top: number, right: number, bottom: number): Point[] => [
  [left, top],
  [right, top],
  [right, bottom],
  [left, bottom],
];

const size = { height: 64, width: 96 };

/** A pixel of a map of `size`. */
const at = (map: Float32Array, x: number, y: number): number => map[y * size.width + x] ?? -1;

describe("PaddleOCR's maps", () => {
  it.each(cases.map((entry, index) => ({ ...entry, index })))(
    "are reproduced pixel for pixel: $name",
    async ({ height, width, polygons, ignored, order, index }) => {
      const regions = polygons.map((points, at) => region(points, ignored[at]));
      const targets = await makeTargets(regions, { height, width }, { order });
      const count = height * width;
      const start = index * 5 * count;
      const wanted = (map: number): Uint8Array =>
        maps.subarray(start + map * count, start + (map + 1) * count);
      expect(countDifferences(targets.shrinkMap, wanted(0), 0)).toBe(0);
      expect(countDifferences(targets.shrinkMask, wanted(1), 0)).toBe(0);
      expect(countDifferences(targets.thresholdMask, wanted(2), 0)).toBe(0);
      const thresholds = new Uint16Array(maps.slice(start + 3 * count, start + 5 * count).buffer);
      // Fractional corners were float32 there, which shows next to upright edges.
      const scaled = targets.thresholdMap.map((value) => value * 50_000);
      expect(countDifferences(scaled, thresholds, 2e-4 * 50_000)).toBe(0);
    },
  );

  it("are all there", () => expect(maps.length).toBe(21 * 5 * 160 * 160));
});

describe("makeShrinkMap", () => {
  test("shrinks less where the ratio is larger", async () => {
    const sum = async (shrinkRatio: number): Promise<number> => {
      const { shrinkMap } = await makeShrinkMap([region(box(10, 10, 80, 50))], size, {
        shrinkRatio,
      });
      return shrinkMap.reduce((total, value) => total + value, 0);
    };
    expect(await sum(0.6)).toBeGreaterThan(await sum(0.4));
  });

  test("tells which regions it clipped and ignored, and leaves those it was given as they are", async () => {
    const given = [
      region(box(-20, 10, 40, 40)),
      region(box(50, 10, 57, 40)),
      region(box(60, 10, 90, 40), true),
    ];
    const before = structuredClone(given);
    const { regions, shrinkMask } = await makeShrinkMap(given, size);
    expect(given).toEqual(before);
    expect(regions.map(({ ignored }) => ignored)).toEqual([false, true, true]);
    expect(Math.min(...(regions[0]?.points.map(([x]) => x) ?? []))).toBe(0);
    expect([at(shrinkMask, 20, 20), at(shrinkMask, 53, 20), at(shrinkMask, 70, 20)]).toEqual([
      1, 0, 0,
    ]);
  });

  test("draws all parts if an outline falls apart at every ratio", async () => {
    const dumbbell: Point[] = [
      [2, 2],
      [30, 2],
      [30, 30],
      [60, 30],
      [60, 2],
      [90, 2],
      [90, 60],
      [60, 60],
      [60, 31],
      [30, 31],
      [30, 60],
      [2, 60],
    ];
    const { shrinkMap } = await makeShrinkMap([region(dumbbell)], size);
    expect([at(shrinkMap, 16, 31), at(shrinkMap, 45, 31), at(shrinkMap, 75, 31)]).toEqual([
      1, 0, 1,
    ]);
  });
});

describe("bad outlines", () => {
  const outlines: Record<string, readonly Point[]> = {
    "without corners": [],
    "of one corner": [[10, 10]],
    "of two corners": [
      [10, 10],
      [40, 40],
    ],
    "of three corners on a line": [
      [10, 10],
      [20, 20],
      [40, 40],
    ],
    "of no area": [
      [10, 10],
      [50, 10],
      [50, 10],
      [10, 10],
    ],
    "that cross themselves": [
      [10, 10],
      [50, 50],
      [50, 10],
      [10, 50],
    ],
    "far outside": box(500, 500, 600, 600),
    "left of the image": box(-80, 10, -20, 40),
    "that are huge": box(-1e9, -1e9, 1e9, 1e9),
    "with a corner that is not a number": [[Number.NaN, 3], ...box(10, 10, 50, 40)],
    "with a corner at infinity": [[Number.POSITIVE_INFINITY, 3], ...box(10, 10, 50, 40)],
    "smaller than a pixel": box(10.2, 10.2, 10.6, 10.6),
    "with a corner twice": [[10, 10], ...box(10, 10, 50, 40)],
  };

  test.each(Object.keys(outlines))("%s do no harm", async (name) => {
    const sound = region(box(60, 10, 90, 50));
    for (const order of ["border-first", "shrink-first"] as const) {
      const targets = await makeTargets([region(outlines[name] ?? []), sound], size, { order });
      expectSound(targets);
      if (name !== "that are huge") {
        expect(at(targets.shrinkMap, 75, 30)).toBe(1);
        expect(at(targets.thresholdMap, 60, 30)).toBeGreaterThan(0.6);
      }
    }
  });

  test("at random never crash, and all values are in range", async () => {
    const coordinate = fc.oneof(
      fc.double({ min: -120, max: 220, noNaN: true }),
      fc.integer({ min: -5, max: 100 }),
    );
    const points = fc.array(fc.tuple(coordinate, coordinate), { minLength: 0, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(points, fc.boolean()), { maxLength: 4 }),
        fc.constantFrom("border-first" as const, "shrink-first" as const),
        async (entries, order) => {
          const regions = entries.map(([corners, ignored]) => region(corners, ignored));
          expectSound(await makeTargets(regions, size, { order }));
        },
      ),
      { seed: 7, numRuns: 150 },
    );
  });
});

test("where there is no text, or none that is to be read, nothing is to be found", async () => {
  const empty = await makeTargets([], size);
  expect(empty.shrinkMask.every((value) => value === 1)).toBe(true);
  const ignored = await makeTargets([region(box(10, 10, 50, 50), true)], size);
  expect(at(ignored.shrinkMask, 30, 30)).toBe(0);
  for (const { shrinkMap, thresholdMap, thresholdMask } of [empty, ignored]) {
    expect(shrinkMap.every((value) => value === 0)).toBe(true);
    expect(thresholdMask.every((value) => value === 0)).toBe(true);
    expect(thresholdMap.every((value) => value === Math.fround(0.3))).toBe(true);
  }
});

test.each<[string, TargetOptions]>([
  ["shrinkRatio", { shrinkRatio: 1 }],
  ["shrinkRatio", { shrinkRatio: 0 }],
  ["minTextSize", { minTextSize: -1 }],
  ["thresholdMin", { thresholdMin: 0.8 }],
  ["order", { order: "both" as "border-first" }],
])("a %s that is out of range is refused", async (name, options) => {
  for (const make of [makeTargets, makeShrinkMap, makeBorderMap]) {
    await expect(make([], size, options)).rejects.toMatchObject({
      code: "invalid-option",
      message: expect.stringContaining(name),
    });
  }
});

test("a size of no pixels is refused", async () => {
  await expect(makeTargets([], { height: 0, width: 4 })).rejects.toMatchObject({
    code: "invalid-option",
  });
});

function countDifferences(
  values: Float32Array,
  wanted: ArrayLike<number>,
  tolerance: number,
): number {
  let count = Math.abs(values.length - wanted.length);
  for (let at = 0; at < values.length; at += 1) {
    const difference = Math.abs((values[at] ?? Number.NaN) - (wanted[at] ?? Number.NaN));
    if (!(difference <= tolerance)) count += 1;
  }
  return count;
}

function expectSound(targets: Awaited<ReturnType<typeof makeTargets>>): void {
  const { shrinkMap, shrinkMask, thresholdMap, thresholdMask } = targets;
  for (const map of [shrinkMap, shrinkMask, thresholdMask]) {
    expect(map.every((value) => value === 0 || value === 1)).toBe(true);
  }
  const inRange = (value: number): boolean => value >= 0.2999 && value <= 0.7001;
  expect(thresholdMap.every(inRange)).toBe(true);
}
