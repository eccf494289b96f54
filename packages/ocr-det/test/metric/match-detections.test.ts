import { readFileSync } from "node:fs";
import { sharedPath } from "@ocrslim/test-utils";
import { describe, expect, test } from "vitest";
import type { Point, TextRegion } from "../../src/data/region.ts";
import {
  computeAgreement,
  matchDetections,
  summarizeMatches,
} from "../../src/metric/match-detections.ts";
import { readFixture } from "../read-fixture.ts";

interface MetricImage {
  truth: { points: Point[]; ignore: boolean }[];
  predicted: Point[][];
  expected: { matched: number; truthCare: number; predictedCare: number };
}

const match = ({ truth, predicted }: MetricImage) =>
  matchDetections(
    truth.map(({ points, ignore }) => ({ points, text: "", ignored: ignore })),
    predicted,
  );

const square = (x: number, y: number, width = 10, height = 10): Point[] => [
  [x, y],
  [x + width, y],
  [x + width, y + height],
  [x, y + height],
];

const region = (points: Point[], ignored = false): TextRegion => ({ points, text: "a", ignored });

describe("PaddleOCR's counts are reproduced", () => {
  const { images } = readFixture<{ images: MetricImage[] }>("metric.json");
  test.each(images.map((image, index) => ({ index, image })))("page $index", ({ image }) => {
    expect(match(image)).toMatchObject(image.expected);
  });

  const file = sharedPath("fixtures/db/metric.json");
  test.skipIf(!file)("all images of the shared reference material, and their metrics", () => {
    const sets = JSON.parse(readFileSync(file ?? "", "utf8")) as Record<
      string,
      { images: MetricImage[]; expected: Record<string, number> }
    >;
    expect(Object.keys(sets).length).toBeGreaterThan(1);
    for (const set of Object.values(sets)) {
      const matches = set.images.map(match);
      for (const [index, found] of matches.entries()) {
        expect(found).toMatchObject(set.images[index]!.expected);
      }
      const metrics = summarizeMatches(matches);
      for (const [key, value] of Object.entries(set.expected)) {
        expect(metrics[key as keyof typeof metrics]).toBeCloseTo(value, 14);
      }
    }
  });
});

describe("the protocol", () => {
  test("an IoU of exactly 0.5 is no match, one above is", () => {
    const truth = [region(square(0, 0, 30, 10))];
    expect(matchDetections(truth, [square(0, 0, 15, 10)]).matched).toBe(0);
    expect(matchDetections(truth, [square(0, 0, 16, 10)]).matched).toBe(1);
  });

  test("the first pair wins, not the best; each prediction is used once", () => {
    const truth = [region(square(0, 0)), region(square(2, 0))];
    const { pairs, matched } = matchDetections(truth, [square(2, 0), square(0, 0)]);
    expect(matched).toBe(2);
    expect(pairs).toEqual([
      { truth: 0, predicted: 0 },
      { truth: 1, predicted: 1 },
    ]);
    expect(matchDetections(truth, [square(1, 0)])).toMatchObject({ matched: 1, truthCare: 2 });
  });

  test("predictions mostly on an ignored region do not count", () => {
    const truth = [region(square(0, 0), true), region(square(100, 0))];
    const predicted = [
      square(0, 0, 5, 5),
      square(5, 0, 10, 10),
      square(4, 0, 10, 10),
      square(100, 0),
    ];
    expect(matchDetections(truth, predicted)).toMatchObject({
      matched: 1,
      truthCare: 1,
      predictedCare: 2,
    });
  });

  test("polygons that cross themselves or have no area are left out", () => {
    const flat = square(0, 0, 10, 0);
    const crossed: Point[] = [
      [0, 0],
      [10, 10],
      [10, 0],
      [0, 10],
    ];
    expect(matchDetections([region(flat), region(crossed)], [flat, crossed])).toEqual({
      matched: 0,
      truthCare: 0,
      predictedCare: 0,
      pairs: [],
    });
  });

  test("nothing found, or nothing there, gives 0 and never NaN", () => {
    expect(summarizeMatches([])).toMatchObject({ images: 0, precision: 0, recall: 0, hmean: 0 });
    const missed = matchDetections([region(square(0, 0))], []);
    expect(summarizeMatches([missed])).toMatchObject({ precision: 0, recall: 0, hmean: 0 });
  });

  test("counts are summed over images before they are divided", () => {
    const metrics = summarizeMatches([
      { matched: 1, truthCare: 1, predictedCare: 1 },
      { matched: 1, truthCare: 3, predictedCare: 9 },
    ]);
    expect(metrics).toMatchObject({ images: 2, precision: 0.2, recall: 0.5, matched: 2 });
    expect(metrics.hmean).toBeCloseTo(2 / 7, 12);
  });
});

describe("computeAgreement", () => {
  const found = (id: string, ...outlines: Point[][]) => ({
    id,
    detections: outlines.map((points) => ({ points })),
  });

  test("is 1 for the same detections and falls with those that are missing", () => {
    const reference = [found("a", square(0, 0), square(50, 0)), found("b", square(0, 0))];
    expect(computeAgreement(reference, reference).hmean).toBe(1);
    const candidate = [found("a", square(0, 0)), found("b", square(0, 0))];
    expect(computeAgreement(reference, candidate)).toMatchObject({ precision: 1, recall: 2 / 3 });
  });

  test("refuses other images or another order", () => {
    const [a, b] = [found("a"), found("b")];
    for (const candidate of [[a], [b, a]]) {
      expect(() => computeAgreement([a, b], candidate)).toThrow(
        expect.objectContaining({ code: "mismatched-images" }),
      );
    }
  });
});
