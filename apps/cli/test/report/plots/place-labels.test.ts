import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Box, placeLabels } from "../../../src/report/plots/place-labels.ts";

const area: Box = { left: 0, top: 0, width: 400, height: 300 };
const options = { area, fontSize: 10, gap: 5, lines: [] };
const place = fc.record({
  x: fc.integer({ min: 0, max: 400 }),
  y: fc.integer({ min: 0, max: 300 }),
});
const labels = fc.array(
  fc.record({
    text: fc.string({ minLength: 1, maxLength: 12 }),
    places: fc.array(place, { minLength: 1, maxLength: 3 }),
    isImportant: fc.boolean(),
  }),
  { maxLength: 40 },
);

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.left + b.width &&
  b.left < a.left + a.width &&
  a.top < b.top + b.height &&
  b.top < a.top + a.height;

describe("placeLabels", () => {
  it("never lets two labels overlap, nor one leave the area", () => {
    fc.assert(
      fc.property(
        labels,
        fc.array(fc.array(place, { maxLength: 4 }), { maxLength: 5 }),
        (wanted, lines) => {
          const placed = placeLabels(wanted, { ...options, lines });
          expect(placed).toHaveLength(wanted.length);
          const boxes = placed.filter((box) => box !== undefined);
          boxes.forEach((box, index) => {
            expect(box.left).toBeGreaterThanOrEqual(0);
            expect(box.top).toBeGreaterThanOrEqual(0);
            expect(box.left + box.width).toBeLessThanOrEqual(400);
            expect(box.top + box.height).toBeLessThanOrEqual(300);
            for (const other of boxes.slice(index + 1)) expect(overlap(box, other)).toBe(false);
          });
        },
      ),
    );
  });

  it("keeps off every point of every line", () => {
    fc.assert(
      fc.property(labels, fc.tuple(place, place), (wanted, [start, end]) => {
        const plain = wanted.map((label) => ({ ...label, isImportant: false }));
        const boxes = placeLabels(plain, { ...options, lines: [[start, end]] });
        for (let step = 0; step <= 200; step++) {
          const x = start.x + ((end.x - start.x) * step) / 200;
          const y = start.y + ((end.y - start.y) * step) / 200;
          for (const box of boxes) {
            expect(box && overlap(box, { left: x, top: y, width: 0, height: 0 })).toBeFalsy();
          }
        }
      }),
    );
  });

  it("takes the first place and the right side where there is room", () => {
    const [label] = placeLabels([{ text: "ab", places: [{ x: 100, y: 100 }] }], options);
    expect(label).toMatchObject({ place: 0, side: "right", left: 105, top: 94 });
  });

  it("goes to another side, then to another place, and is left out in the end", () => {
    const corner = { x: 399, y: 150 };
    const wanted = { text: "abcdef", places: [corner, { x: 60, y: 40 }] };
    const sides = placeLabels([wanted, wanted, wanted, wanted], options).map(
      (label) => label && [label.place, label.side],
    );
    expect(sides).toEqual([[0, "left"], [1, "right"], [1, "left"], undefined]);
  });

  it("lets an important label cross a line rather than be left out", () => {
    const grid = Array.from({ length: 60 }, (_, row) => [
      { x: 0, y: row * 5 },
      { x: 400, y: row * 5 },
    ]);
    const label = { text: "abc", places: [{ x: 100, y: 100 }] };
    const crossed = { ...options, lines: grid };
    expect(placeLabels([label], crossed)).toEqual([undefined]);
    expect(placeLabels([{ ...label, isImportant: true }], crossed)[0]).toMatchObject({ place: 0 });
  });
});
