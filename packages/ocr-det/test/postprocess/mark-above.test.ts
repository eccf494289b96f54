import fc from "fast-check";
import { expect, test } from "vitest";
import { markAbove } from "../../src/postprocess/mark-above.ts";

test("exactly what is above the threshold is marked, whatever the values and the length", () => {
  const limit = Math.fround(0.3);
  const value = fc.oneof(
    fc.float(),
    fc.constantFrom(limit, -limit, 0, -0, 1, 0.30000004, Number.NaN, Number.POSITIVE_INFINITY),
  );
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 40 }),
      fc.constantFrom(0, -0, 0.3, 1),
      (values, threshold) => {
        const map = Float32Array.from(values);
        const expected = Array.from(map, (each) => (each > Math.fround(threshold) ? 255 : 0));
        const out = new Uint8Array(map.length).fill(7);
        expect(markAbove(map, threshold, out)).toEqual({
          first: expected.indexOf(255),
          last: expected.lastIndexOf(255),
        });
        expect([...out]).toEqual(expected);
      },
    ),
    { seed: 3, numRuns: 300 },
  );
});

test("nor do quiet NaNs with the sign set, or patterns of 8 negative numbers, count", () => {
  const map = new Float32Array(16).fill(-1);
  new Int32Array(map.buffer)[3] = -1;
  const out = new Uint8Array(16);
  expect(markAbove(map, 0.3, out)).toEqual({ first: -1, last: -1 });
  expect(out).toEqual(new Uint8Array(16));
});
