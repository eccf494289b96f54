import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  computeResize,
  DEFAULT_RESIZE,
  type ResizeOptions,
  roundHalfEven,
} from "../../src/preprocess/compute-resize.ts";
import { readFixture } from "../read-fixture.ts";

interface PaddleOptions {
  image_shape?: [number, number];
  keep_ratio?: boolean;
  resize_long?: number;
  limit_side_len?: number;
  limit_type?: "min" | "max" | "resize_long";
}

function fromPaddle(options: PaddleOptions): ResizeOptions {
  if (options.image_shape) {
    const [height, width] = options.image_shape;
    return { kind: "image-shape", height, width, keepRatio: options.keep_ratio ?? false };
  }
  if (options.resize_long) return { kind: "resize-long", length: options.resize_long };
  if (options.limit_side_len === undefined) return DEFAULT_RESIZE;
  return {
    kind: "limit-side",
    limitSideLength: options.limit_side_len,
    limitType: options.limit_type ?? "min",
  };
}

const fixture = readFixture<{
  rows: { options: PaddleOptions; height: number; width: number; expected: [number, number] }[];
}>("resize.json");

test.each(fixture.rows)("PaddleOCR's size for $height × $width with $options", (row) => {
  const { height, width } = computeResize(row.height, row.width, fromPaddle(row.options));
  expect([height, width]).toEqual(row.expected);
});

const side = fc.integer({ min: 1, max: 5000 });

test("limit-side gives multiples of 32, at least 32, near the wanted length", () => {
  fc.assert(
    fc.property(
      side,
      side,
      fc.integer({ min: 32, max: 2000 }),
      fc.constantFrom("min" as const, "max" as const, "resize_long" as const),
      (height, width, limitSideLength, limitType) => {
        const size = computeResize(height, width, {
          kind: "limit-side",
          limitSideLength,
          limitType,
        });
        expect(size.height % 32).toBe(0);
        expect(size.width % 32).toBe(0);
        expect(Math.min(size.height, size.width)).toBeGreaterThanOrEqual(32);
        const [long, short] = [
          Math.max(size.height, size.width),
          Math.min(size.height, size.width),
        ];
        if (limitType === "min") expect(short).toBeGreaterThanOrEqual(limitSideLength - 17);
        if (limitType === "max") expect(long).toBeLessThanOrEqual(limitSideLength + 16);
        if (limitType === "resize_long") expect(Math.abs(long - limitSideLength)).toBeLessThan(18);
      },
    ),
    { numRuns: 500, seed: 5 },
  );
});

test("maximumSideLength caps what a thin image would grow to", () => {
  const resize = { ...DEFAULT_RESIZE, maximumSideLength: 4000 } as ResizeOptions;
  expect(computeResize(33, 1000, resize)).toEqual({ height: 128, width: 4000 });
});

test("halves are rounded to even", () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6].map(roundHalfEven)).toEqual([0, 2, 2, 0, -2, 2, 3]);
});

describe("options out of range are refused", () => {
  test.each([
    { kind: "limit-side", limitSideLength: 0, limitType: "min" },
    { kind: "limit-side", limitSideLength: 9.5, limitType: "max" },
    { kind: "limit-side", limitSideLength: 960, limitType: "other" },
    { kind: "limit-side", limitSideLength: 960, limitType: "max", maximumSideLength: -1 },
    { kind: "image-shape", height: Number.NaN, width: 10 },
    { kind: "resize-long", length: Number.POSITIVE_INFINITY },
    { kind: "unknown" },
  ])("%j", (options) => {
    expect(() => computeResize(100, 100, options as ResizeOptions)).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
  });
});
