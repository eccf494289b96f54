import { describe, expect, test } from "vitest";
import { NORMALIZE_DEFAULTS, normalizeImage } from "../../src/preprocess/normalize.ts";
import { preprocess } from "../../src/preprocess/preprocess.ts";

describe("normalizeImage", () => {
  test("gives planes of blue, green and red with PaddleOCR's means in that order", () => {
    const image = { height: 1, width: 2, data: Uint8Array.of(0, 128, 255, 10, 20, 30) };
    const values = normalizeImage(image);
    const expected = [
      (0 - 0.485) / 0.229,
      (10 / 255 - 0.485) / 0.229,
      (128 / 255 - 0.456) / 0.224,
      (20 / 255 - 0.456) / 0.224,
      (255 / 255 - 0.406) / 0.225,
      (30 / 255 - 0.406) / 0.225,
    ];
    expect(values.length).toBe(6);
    for (const [index, value] of values.entries()) expect(value).toBeCloseTo(expected[index]!, 6);
  });

  test("refuses a deviation of 0", () => {
    const image = { height: 1, width: 1, data: new Uint8Array(3) };
    expect(() => normalizeImage(image, { ...NORMALIZE_DEFAULTS, std: [1, 0, 1] })).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
  });
});

describe("preprocess", () => {
  test("tells sizes and ratios", () => {
    const image = { height: 400, width: 1000, data: new Uint8Array(400 * 1000 * 3) };
    const result = preprocess(image, {
      kind: "limit-side",
      limitSideLength: 500,
      limitType: "max",
    });
    expect(result.input.dims).toEqual([1, 3, 192, 512]);
    expect(result.input.data.length).toBe(3 * 192 * 512);
    expect(result).toMatchObject({ sourceHeight: 400, sourceWidth: 1000, extentHeight: 400 });
    expect([result.ratioHeight, result.ratioWidth]).toEqual([192 / 400, 512 / 1000]);
  });

  test("pads images whose sides sum to less than 64 with black", () => {
    const image = { height: 10, width: 40, data: new Uint8Array(10 * 40 * 3).fill(255) };
    const { input, extentHeight, extentWidth } = preprocess(image, {
      kind: "image-shape",
      height: 32,
      width: 40,
    });
    expect([extentHeight, extentWidth]).toEqual([32, 40]);
    const values = input.data as Float32Array;
    expect(values[9 * 40]).toBeCloseTo((1 - 0.485) / 0.229, 5);
    expect(values[10 * 40]).toBeCloseTo(-0.485 / 0.229, 5);
  });
});
