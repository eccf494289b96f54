import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AllocationCandidate } from "../../src/index.ts";
import { convexSteps, lossesFromCurve, lossesFromScores } from "../../src/plan/loss-of-width.ts";

fc.configureGlobal({ seed: 1 });

const candidateOf = (scores: readonly number[]): AllocationCandidate => ({
  group: { id: "a", width: scores.length, members: [] },
  scores: Float64Array.from(scores),
  order: scores.map((_, at) => at).sort((a, b) => scores[a]! - scores[b]!),
  widths: scores.map((_, at) => at + 1),
});

describe("losses by width", () => {
  it("are (removed / kept)² of the scores", () => {
    const losses = lossesFromScores(candidateOf([1, 3, 2, 4]));
    expect(losses).toEqual([
      { width: 1, loss: (6 / 4) ** 2 },
      { width: 2, loss: (3 / 7) ** 2 },
      { width: 3, loss: (1 / 9) ** 2 },
      { width: 4, loss: 0 },
    ]);
  });

  it("stay finite for scores that are 0 or negative", () => {
    for (const scores of [
      [0, 0, 0],
      [-1, 0, 1],
      [0, 0, 5],
    ]) {
      for (const { loss } of lossesFromScores(candidateOf(scores))) expect(loss).toBeLessThan(1e30);
    }
  });

  it("are monotone, interpolated and not beyond what was measured, from curves", () => {
    const candidate = candidateOf(Array.from({ length: 10 }, (_, at) => at));
    const losses = lossesFromCurve(candidate, {
      group: "a",
      width: 10,
      points: [
        { ratio: 0.2, loss: -0.1 },
        { ratio: 0.4, loss: 0.3 },
        { ratio: 0.6, loss: 0.1 },
      ],
    });
    expect(losses.map(({ width }) => width)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    const byWidth = new Map(losses.map(({ width, loss }) => [width, loss]));
    expect(byWidth.get(10)).toBe(0);
    expect(byWidth.get(8)).toBe(0);
    expect(byWidth.get(7)).toBeCloseTo(0.1, 12);
    expect(byWidth.get(6)).toBeCloseTo(0.2, 12);
    expect(byWidth.get(4)).toBeCloseTo(0.2, 12);
  });

  it("have a hull below all of them, of rising steepness", () => {
    const list = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), {
      minLength: 2,
      maxLength: 12,
    });
    fc.assert(
      fc.property(list, (numbers) => {
        const losses = numbers
          .sort((a, b) => b - a)
          .map((loss, at, all) => ({ width: at + 1, loss: loss - all[all.length - 1]! }));
        const hull = convexSteps(losses);
        expect(hull[0]!.width).toBe(losses.length);
        expect(hull[hull.length - 1]!.width).toBe(1);
        for (const { width, loss } of losses) {
          const at = hull.findIndex((point) => point.width <= width);
          const below = hull[at]!;
          const above = hull[at - 1] ?? below;
          const span = above.width - below.width;
          const line =
            span === 0
              ? below.loss
              : below.loss + ((above.loss - below.loss) * (width - below.width)) / span;
          expect(line).toBeLessThanOrEqual(loss + 1e-9);
        }
      }),
    );
  });
});
