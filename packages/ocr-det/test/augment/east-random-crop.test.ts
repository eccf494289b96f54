import { createRandom } from "@ocrslim/graph";
import { describe, expect, test } from "vitest";
import { augment, eastRandomCrop, type LabelledImage } from "../../src/index.ts";
import { box, noise, page, pixelOf, region } from "./pictures.ts";

const boxes = [
  [10, 10, 60, 20],
  [70, 10, 110, 20],
  [10, 40, 90, 52],
  [30, 70, 110, 78],
] as const;

const crop = (
  sample: LabelledImage,
  seed: number,
  options: Parameters<typeof eastRandomCrop>[0] = {},
): LabelledImage =>
  augment([eastRandomCrop({ size: [64, 48], ...options })]).apply(sample, {
    random: createRandom(seed),
  });

describe("eastRandomCrop", () => {
  test("cuts through no text, and always shows some", () => {
    const sample = page(120, 90, boxes);
    const seen = new Set<number>();
    for (let seed = 0; seed < 200; seed += 1) {
      const { image, regions } = crop(sample, seed);
      expect([image.width, image.height]).toEqual([64, 48]);
      expect(regions.length).toBeGreaterThan(0);
      seen.add(regions.length);
      // The crop's scale is that of any region; what touches its edge has no area in it.
      for (const { points } of regions) {
        const [left, top] = points[0] ?? [0, 0];
        const [right, bottom] = points[2] ?? [0, 0];
        const columns = Math.min(right, 64) - Math.max(left, 0);
        const rows = Math.min(bottom, 48) - Math.max(top, 0);
        if (columns < 1e-6 || rows < 1e-6) continue;
        expect(Math.min(left, top)).toBeGreaterThanOrEqual(-1e-6);
        expect(right).toBeLessThanOrEqual(64 + 1e-6);
        expect(bottom).toBeLessThanOrEqual(48 + 1e-6);
      }
    }
    expect(seen.size).toBe(4);
  });

  test("reaches the last text of the page without taking all of it", () => {
    const sample = page(120, 90, boxes);
    const alone = Array.from({ length: 200 }, (_, seed) => crop(sample, seed).regions).filter(
      ({ length }) => length === 1,
    );
    // By their shapes, which scaling keeps.
    const shapes = alone.map(([{ points } = region([])]) => {
      const [left = 0, top = 0] = points[0] ?? [];
      const [right = 0, bottom = 0] = points[2] ?? [];
      return Math.round(((right - left) / (bottom - top)) * 100) / 100;
    });
    expect(shapes).toContain(80 / 8);
  });

  test("takes the whole image where there is no text to be read", () => {
    const image = noise(100, 50, createRandom(4));
    for (const regions of [[], [region(box(10, 10, 90, 40), true)]]) {
      const result = crop({ image, regions }, 3, { size: [50, 50] });
      expect(result.regions.map(({ points }) => points)).toEqual(
        regions.map(() => box(5, 5, 45, 20)),
      );
      expect(pixelOf(result.image, 20, 24)).not.toEqual([0, 0, 0]);
      expect(pixelOf(result.image, 20, 25)).toEqual([0, 0, 0]);
    }
  });

  test("takes the whole image where text leaves no gap", () => {
    const { regions } = crop(page(64, 48, [[0, 0, 64, 48]]), 1);
    expect(regions[0]?.points).toEqual(box(0, 0, 64, 48));
  });

  test("may stretch the part", () => {
    const sample = page(64, 96, [[0, 0, 64, 96]]);
    const { image, regions } = crop(sample, 1, { keepRatio: false });
    expect(regions[0]?.points).toEqual(box(0, 0, 64, 48));
    expect(pixelOf(image, 63, 47)).toEqual([255, 255, 255]);
  });

  test("drops text outside, and outlines that lie nowhere", () => {
    const { image } = page(120, 90, []);
    const odd = [
      region(box(500, 500, 600, 600)),
      region([]),
      region([[Number.NaN, 1], ...box(10, 10, 20, 20)]),
    ];
    for (let seed = 0; seed < 20; seed += 1) {
      const { regions } = crop({ image, regions: [...odd, region(box(30, 30, 60, 50))] }, seed);
      expect(regions.length).toBe(1);
    }
    expect(crop({ image, regions: odd }, 1).regions).toEqual([]);
  });

  test("copes with images of a few pixels", () => {
    for (const [width, height] of [
      [1, 1],
      [1, 500],
      [500, 1],
    ] as const) {
      const { image } = crop(page(width, height, [[0, 0, width, height]]), 2);
      expect([image.width, image.height]).toEqual([64, 48]);
      expect(pixelOf(image, 0, 0)).toEqual([255, 255, 255]);
    }
  });
});

test.each([
  { size: [0, 32] },
  { maxTries: 0 },
  { minCropSideRatio: 0 },
  { minCropSideRatio: 1.1 },
] as const)("%o is refused", (options) => {
  expect(() => eastRandomCrop(options)).toThrow(
    expect.objectContaining({ code: "invalid-option" }),
  );
});
