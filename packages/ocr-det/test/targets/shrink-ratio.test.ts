import { expect, test } from "vitest";
import { shrinkRatioAt } from "../../src/index.ts";

test("the shrink ratio grows by 0.2 from the first epoch to the last", () => {
  expect(shrinkRatioAt(0, 500)).toBe(0.4);
  expect(shrinkRatioAt(250, 500)).toBeCloseTo(0.5, 12);
  expect(shrinkRatioAt(500, 500)).toBeCloseTo(0.6, 12);
  expect(shrinkRatioAt(5, 10, 0.3)).toBeCloseTo(0.4, 12);
});

test.each([
  [11, 10, 0.4],
  [-1, 10, 0.4],
  [0, 0, 0.4],
  [1, 10, 0],
  [10, 10, 0.8],
  [Number.NaN, 10, 0.4],
])("epoch %d of %d from %d is refused", (epoch, epochs, start) => {
  expect(() => shrinkRatioAt(epoch, epochs, start)).toThrow(
    expect.objectContaining({ code: "invalid-option" }),
  );
});
