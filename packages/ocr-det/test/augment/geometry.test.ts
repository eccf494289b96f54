import { createRandom } from "@ocrslim/graph";
import { describe, expect, test } from "vitest";
import {
  type Augmentation,
  augment,
  computePolygonArea,
  eastRandomCrop,
  flip,
  type LabelledImage,
  pad,
  resizeBilinear,
  rotate,
  scale,
} from "../../src/index.ts";
import { box, centreOf, findBright, noise, page, pixelOf, region } from "./pictures.ts";

const random = createRandom(1);
const sample: LabelledImage = {
  image: noise(40, 30, createRandom(2)),
  regions: [region(box(4, 6, 20, 12))],
};

const run = (steps: readonly Augmentation[], input = sample, draw = random): LabelledImage =>
  augment(steps).apply(input, { random: draw });

describe("flip", () => {
  test("mirrors pixels and corners", () => {
    const { image, regions } = run([flip(1)]);
    for (let x = 0; x < 40; x += 1) {
      expect(pixelOf(image, x, 7)).toEqual(pixelOf(sample.image, 39 - x, 7));
    }
    expect(regions[0]?.points).toEqual([
      [36, 6],
      [20, 6],
      [20, 12],
      [36, 12],
    ]);
    expect(run([flip(1), flip(1)])).toEqual(sample);
  });

  test("happens as often as it is to", () => {
    const draw = createRandom(5);
    let count = 0;
    for (let round = 0; round < 400; round += 1) {
      if (run([flip(0.25)], sample, draw).image !== sample.image) count += 1;
    }
    expect(count).toBeGreaterThan(70);
    expect(count).toBeLessThan(130);
    expect(run([flip(0)]).image).toBe(sample.image);
  });
});

describe("scale", () => {
  test("gives what resizing gives", () => {
    for (const factor of [0.5, 0.7, 1.5, 3]) {
      const { image, regions } = run([scale([factor, factor])]);
      const wanted = resizeBilinear(sample.image, Math.round(30 * factor), Math.round(40 * factor));
      expect([image.width, image.height]).toEqual([wanted.width, wanted.height]);
      const worst = image.data.reduce(
        (most, value, at) => Math.max(most, Math.abs(value - (wanted.data[at] ?? -99))),
        0,
      );
      expect(worst).toBeLessThanOrEqual(1);
      expect(regions[0]?.points[2]?.[0]).toBeCloseTo(20 * factor, 9);
    }
  });
});

describe("rotate", () => {
  test("by a quarter turn moves each pixel of a square to its place", () => {
    const square = { image: noise(21, 21, createRandom(3)), regions: [region(box(2, 3, 9, 7))] };
    const { image, regions } = run([rotate([90, 90])], square);
    for (let x = 0; x < 21; x += 1) {
      for (let y = 0; y < 21; y += 1) {
        const wanted = pixelOf(square.image, x, y);
        pixelOf(image, 20 - y, x).forEach((level, channel) => {
          expect(Math.abs(level - (wanted[channel] ?? -99))).toBeLessThanOrEqual(1);
        });
      }
    }
    expect(regions[0]?.points.map((point) => point.map(Math.round))).toEqual([
      [18, 2],
      [18, 9],
      [14, 9],
      [14, 2],
    ]);
  });

  test("keeps the size and brings in black", () => {
    const white = page(50, 40, [[0, 0, 50, 40]]);
    const { image } = run([rotate([10, 10])], white);
    expect([image.width, image.height]).toEqual([50, 40]);
    expect(pixelOf(image, 0, 0)).toEqual([0, 0, 0]);
    expect(pixelOf(image, 25, 20)).toEqual([255, 255, 255]);
  });
});

test("pad adds black on the right and below, and only there", () => {
  const { image, regions } = run([pad([50, 20])]);
  expect([image.width, image.height]).toEqual([50, 30]);
  expect(regions).toEqual(sample.regions);
  for (const [x, y] of [
    [0, 0],
    [39, 29],
  ] as const) {
    expect(pixelOf(image, x, y)).toEqual(pixelOf(sample.image, x, y));
  }
  expect(pixelOf(image, 40, 3)).toEqual([0, 0, 0]);
});

test("outlines go where the pixels go, whatever the steps", () => {
  const steps = [flip(), rotate([-40, 40]), scale([0.5, 3]), eastRandomCrop({ size: [96, 64] })];
  for (let seed = 0; seed < 60; seed += 1) {
    const { image, regions } = run(steps, page(120, 90, [[50, 38, 74, 52]]), createRandom(seed));
    const points = regions[0]?.points ?? [];
    const bright = findBright(image, 170);
    const [x, y] = centreOf(points);
    // A turned text may be cut by the image's edge before it is cropped.
    if (points.some(([px, py]) => px < 0 || py < 0 || px > 96 || py > 64)) continue;
    expect(Math.hypot(bright.x - x, bright.y - y), `seed ${seed}`).toBeLessThan(0.7);
    const area = computePolygonArea(points);
    expect(Math.abs(bright.count - area), `seed ${seed}`).toBeLessThan(4 + 0.12 * area);
  }
});

test("steps change no input, and the same numbers give the same result", () => {
  const before = structuredClone(sample);
  const steps = [flip(), rotate(), scale(), eastRandomCrop({ size: [32, 32] })];
  const once = run(steps, sample, createRandom(9));
  expect(run(steps, sample, createRandom(9))).toEqual(once);
  expect(run(steps, sample, createRandom(10))).not.toEqual(once);
  expect(sample).toEqual(before);
});

test.each<[string, () => unknown]>([
  ["flip", () => flip(1.5)],
  ["rotate", () => rotate([10, -10])],
  ["rotate", () => rotate([Number.NaN, 10])],
  ["scale", () => scale([0, 1])],
  ["scale", () => scale([1, Number.POSITIVE_INFINITY])],
  ["pad", () => pad([0, 10])],
])("%s refuses options out of range", (name, make) => {
  expect(make).toThrow(
    expect.objectContaining({ code: "invalid-option", message: expect.stringContaining(name) }),
  );
});
