import type { RuntimeTensor } from "@ocrslim/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cropInput } from "../../src/preprocess/crop-input.ts";

/** Each value tells where it lies: channel, row and column. */
function createInput(height: number, width: number): RuntimeTensor {
  const data = Float32Array.from({ length: 3 * height * width }, (_, at) => {
    const [channel, place] = [Math.floor(at / (height * width)), at % (height * width)];
    return channel * 10_000 + Math.floor(place / width) * 100 + (place % width);
  });
  return { dtype: "float32", dims: [1, 3, height, width], data };
}

const length = fc.integer({ min: 1, max: 12 });

test("each value of a crop is the input's at the place it was cut from", () => {
  fc.assert(
    fc.property(
      length,
      length,
      length,
      length,
      length,
      length,
      (top, left, height, width, h, w) => {
        const input = createInput(top + height + h, left + width + w);
        const { dtype, dims, data } = cropInput(input, top, left, height, width);
        expect([dtype, ...dims]).toEqual(["float32", 1, 3, height, width]);
        expect(data.length).toBe(3 * height * width);
        (data as Float32Array).forEach((value, at) => {
          const [channel, place] = [Math.floor(at / (height * width)), at % (height * width)];
          const [row, column] = [top + Math.floor(place / width), left + (place % width)];
          if (value !== channel * 10_000 + row * 100 + column) expect.fail(`at ${at}: ${value}`);
        });
      },
    ),
    { numRuns: 60, seed: 8 },
  );
});

test("the whole input may be taken, and the crop is a copy", () => {
  const input = createInput(5, 7);
  const whole = cropInput(input, 0, 0, 5, 7);
  expect(whole).toEqual(input);
  (whole.data as Float32Array)[0] = -1;
  expect((input.data as Float32Array)[0]).toBe(0);
});

test.each([
  [-1, 0, 2, 2],
  [0, -1, 2, 2],
  [4, 0, 2, 2],
  [0, 6, 2, 2],
  [0, 0, 0, 2],
  [0, 0, 2, 8],
  [0.5, 0, 2, 2],
  [0, 0, Number.NaN, 2],
])("a part from %d, %d of %d × %d does not lie in 5 × 7", (top, left, height, width) => {
  expect(() => cropInput(createInput(5, 7), top, left, height, width)).toThrow(
    expect.objectContaining({
      code: "invalid-option",
      message: expect.stringContaining(`${height} × ${width} from row ${top}, column ${left}`),
    }),
  );
});

test.each<[string, Partial<RuntimeTensor>]>([
  ["rank 3", { dims: [3, 5, 7] }],
  ["two images", { dims: [2, 3, 5, 7] }],
  ["one channel", { dims: [1, 1, 15, 7] }],
  ["too few values", { data: new Float32Array(10) }],
  ["integers", { dtype: "int32", data: new Int32Array(105) }],
])("an input with %s is refused", (_name, change) => {
  expect(() => cropInput({ ...createInput(5, 7), ...change }, 0, 0, 1, 1)).toThrow(
    expect.objectContaining({ code: "invalid-option" }),
  );
});
