import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AllocationCandidate } from "../../src/index.ts";
import { lossesFromCurve, lossesFromScores } from "../../src/plan/loss-of-width.ts";

fc.configureGlobal({ seed: 1 });

const candidateOf = (scores: readonly number[]): AllocationCandidate => ({
  group: { id: "a", width: scores.length, members: [] },
  scores: Float64Array.from(scores),
  order: scores.map((_, at) => at).sort((a, b) => scores[a]! - scores[b]!),
  widths: scores.map((_, at) => at + 1),
  rules: { channelMultiple: 1, minimumWidth: 1, minimumKept: 0 },
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

  it("never rise with the width, whatever the curve or the scores", () => {
    const numbers = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
      minLength: 2,
      maxLength: 12,
    });
    fc.assert(
      fc.property(numbers, (values) => {
        const candidate = candidateOf(values);
        const points = values.map((loss, at) => ({ ratio: (at + 1) / values.length, loss }));
        const curve = { group: "a", width: values.length, points };
        for (const losses of [lossesFromScores(candidate), lossesFromCurve(candidate, curve)]) {
          losses.forEach(({ loss }, at) => {
            expect(loss).toBeGreaterThanOrEqual(losses[at + 1]?.loss ?? 0);
          });
        }
      }),
    );
  });
});
