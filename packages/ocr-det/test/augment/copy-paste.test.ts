import { createRandom } from "@ocrslim/graph";
import { describe, expect, test } from "vitest";
import { squareToQuad } from "../../src/augment/homography.ts";
import type { Point } from "../../src/data/region.ts";
import { augment, computePolygonArea, copyPaste, type LabelledImage } from "../../src/index.ts";
import { box, centreOf, findBright, page, pixelOf, plain, region } from "./pictures.ts";

const donor = page(200, 100, [
  [10, 10, 50, 22],
  [70, 10, 100, 20],
  [10, 50, 60, 64],
  [100, 40, 108, 80],
]);

const empty: LabelledImage = { image: plain(160, 120, [30, 30, 30]), regions: [] };

const paste = (
  sample: LabelledImage,
  seed: number,
  options: Parameters<typeof copyPaste>[0] = {},
  from = donor,
): LabelledImage =>
  augment([copyPaste(options)]).apply(sample, { random: createRandom(seed), donor: from });

describe("copyPaste", () => {
  test("pastes pixels where it says that text is", () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const { image, regions } = paste(empty, seed);
      expect(regions.length).toBe(1);
      const points = regions[0]?.points ?? [];
      if (points.some(([x, y]) => x <= 0 || y <= 0 || x >= 160 || y >= 120)) continue;
      const bright = findBright(image, 200);
      const [x, y] = centreOf(points);
      const area = computePolygonArea(points);
      expect(Math.hypot(bright.x - x, bright.y - y), `seed ${seed}`).toBeLessThan(0.8);
      expect(Math.abs(bright.count - area) / area, `seed ${seed}`).toBeLessThan(0.15);
    }
  });

  test("pastes the part of the texts that it is told to, none twice", () => {
    const counts = Array.from(
      { length: 20 },
      (_, seed) => paste(empty, seed, { objectsPasteRatio: 1 }).regions.length,
    );
    expect(Math.max(...counts)).toBe(4);
    expect(paste(empty, 1, { objectsPasteRatio: 0.5 }).regions.length).toBe(2);
    expect(paste(empty, 1, { objectsPasteRatio: 0 }).regions.length).toBe(1);
  });

  test("keeps off other text, unless it is not to", () => {
    const sample = page(160, 120, [[40, 30, 120, 90]]);
    let overlaps = 0;
    for (let seed = 0; seed < 30; seed += 1) {
      const own = (limitPaste: boolean) =>
        paste(sample, seed, { limitPaste, objectsPasteRatio: 1 }).regions;
      for (const { points } of own(true).slice(1)) {
        const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
        const apart =
          Math.max(...xs) < 40 ||
          Math.min(...xs) > 120 ||
          Math.max(...ys) < 30 ||
          Math.min(...ys) > 90;
        expect(apart, `seed ${seed}`).toBe(true);
      }
      for (const { points } of own(false).slice(1)) {
        const [x, y] = centreOf(points);
        if (x > 40 && x < 120 && y > 30 && y < 90) overlaps += 1;
      }
    }
    expect(overlaps).toBeGreaterThan(10);
  });

  test("straightens what it cuts out", () => {
    const slanted: Point[] = [
      [20, 20],
      [80, 40],
      [70, 70],
      [10, 50],
    ];
    const image = plain(100, 90, [255, 255, 255]);
    const { image: result, regions } = paste(empty, 3, {}, { image, regions: [region(slanted)] });
    const points = regions[0]?.points ?? [];
    const side = (from = 0): number =>
      Math.hypot(
        (points[from + 1]?.[0] ?? 0) - (points[from]?.[0] ?? 0),
        (points[from + 1]?.[1] ?? 0) - (points[from]?.[1] ?? 0),
      );
    expect(side()).toBeCloseTo(Math.trunc(Math.hypot(60, 20)), 6);
    expect(side(1)).toBeCloseTo(Math.trunc(Math.hypot(10, 30)), 6);
    expect(findBright(result, 200).count).toBeGreaterThan(1500);
  });

  test("changes neither image it was given", () => {
    const [image, other] = [Uint8Array.from(empty.image.data), Uint8Array.from(donor.image.data)];
    paste(empty, 1);
    expect(empty.image.data).toEqual(image);
    expect(donor.image.data).toEqual(other);
  });

  test("does nothing without a donor, and asks for one", () => {
    const augmenter = augment([copyPaste()]);
    expect(augmenter.needsDonor).toBe(true);
    expect(augmenter.apply(empty, { random: createRandom(1) })).toEqual(empty);
  });

  test("leaves out what cannot be pasted", () => {
    const odd = [
      region(box(10, 10, 40, 20), true),
      region(box(0, 0, 190, 20)),
      region(box(10, 10, 10, 10)),
      region([[1, 1], ...box(10, 10, 40, 20)]),
      region([
        [10, 10],
        [50, 10],
        [20, 12],
        [10, 50],
      ]),
      region([[Number.NaN, 1], ...box(10, 10, 40, 20).slice(1)]),
    ];
    for (const one of odd) {
      const result = paste(empty, 1, {}, { image: donor.image, regions: [one] });
      expect(result.regions, JSON.stringify(one.points)).toEqual([]);
      expect(pixelOf(result.image, 80, 60)).toEqual([30, 30, 30]);
    }
  });
});

test("a square is taken to the corners of a quadrilateral, if that is convex", () => {
  const quad = [
    [3, 4],
    [60, 9],
    [50, 40],
    [1, 30],
  ] as const;
  const map = squareToQuad(quad);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = map ?? [];
  box(0, 0, 1, 1).forEach(([u, v], index) => {
    const w = g * u + h * v + 1;
    expect((a * u + b * v + c) / w).toBeCloseTo(quad[index]?.[0] ?? -1, 9);
    expect((d * u + e * v + f) / w).toBeCloseTo(quad[index]?.[1] ?? -1, 9);
  });
  expect(squareToQuad([quad[0], quad[2], quad[1], quad[3]])).toBeUndefined();
  expect(squareToQuad([quad[0], quad[0], quad[0], quad[0]])).toBeUndefined();
  expect(
    squareToQuad([
      [0, 5],
      [0, 0],
      [10, 0],
      [20, 0],
    ]),
  ).toBeUndefined();
});

test("a ratio out of range is refused", () => {
  expect(() => copyPaste({ objectsPasteRatio: 1.1 })).toThrow("objectsPasteRatio is 1.1");
});
