import { describe, expect, test } from "vitest";
import type { Point } from "../../src/data/region.ts";
import { createPolygonOffsetter } from "../../src/postprocess/offset-polygon.ts";
import { readFixture } from "../read-fixture.ts";

const offsetter = createPolygonOffsetter();

const offset = (points: readonly Point[], distance: number): Point[][] =>
  offsetter.offset(points, distance).map((outline) => outline.map(({ X, Y }): Point => [X, Y]));

test("pyclipper's outlines are reproduced point by point, below 2 pixels too", () => {
  const cases =
    readFixture<{ points: Point[]; distance: number; outlines: Point[][] }[]>("offsets.json");
  expect(cases.filter(({ distance }) => distance < 2).length).toBeGreaterThan(30);
  for (const { points, distance, outlines } of cases) {
    expect(offset(points, distance)).toEqual(outlines);
  }
});

describe("outlines", () => {
  const square: Point[] = [
    [10, 10],
    [20, 10],
    [20, 20],
    [10, 20],
  ];

  test("do not depend on what was grown before, or on the direction of the corners", () => {
    const alone = offset(square, 3);
    offset(square.slice(0, 3), 7);
    expect(offset(square, 3)).toEqual(alone);
    const [turned] = offset([...square].reverse(), 3);
    expect(new Set(turned?.map(String))).toEqual(new Set(alone[0]?.map(String)));
  });

  test("of fewer than three distinct points there are none", () => {
    expect(offset([], 3)).toEqual([]);
    expect(offset([square[0]!, square[0]!, square[1]!], 3)).toEqual([]);
  });

  test("are two where a hole comes about", () => {
    const ring: Point[] = [
      [0, 0],
      [100, 0],
      [100, 100],
      [0, 100],
      [0, 52],
      [20, 52],
      [20, 80],
      [80, 80],
      [80, 20],
      [20, 20],
      [20, 48],
      [0, 48],
    ];
    expect(offset(ring, 5).length).toBe(2);
  });
});
