import { createRandom } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import { eliminateChannels } from "../../src/reconstruction/eliminate.ts";
import {
  choleskyFactor,
  choleskySolve,
  invertSymmetric,
} from "../../src/reconstruction/linear-algebra.ts";

const CHANNELS = 5;
const TAPS = 2;
const FEATURES = CHANNELS * TAPS;
const TARGETS = 3;

function randomProblem(seed: number): { covariance: Float64Array; weight: Float64Array } {
  const random = createRandom(seed);
  const factors = Float64Array.from({ length: FEATURES * FEATURES }, () => random() - 0.5);
  const covariance = new Float64Array(FEATURES * FEATURES);
  for (let row = 0; row < FEATURES; row++) {
    for (let column = 0; column < FEATURES; column++) {
      let sum = row === column ? 0.1 : 0;
      for (let k = 0; k < FEATURES; k++)
        sum += factors[row * FEATURES + k]! * factors[column * FEATURES + k]!;
      covariance[row * FEATURES + column] = sum;
    }
  }
  return {
    covariance,
    weight: Float64Array.from({ length: FEATURES * TARGETS }, () => random() - 0.5),
  };
}

/** E‖W'x − V'x_K‖² at the best V, for the features K that stay, from the definition. */
function refittedError(
  covariance: Float64Array,
  weight: Float64Array,
  kept: readonly number[],
): number {
  const full = (a: number, b: number): number => covariance[a * FEATURES + b]!;
  let error = 0;
  for (let target = 0; target < TARGETS; target++) {
    const w = Array.from({ length: FEATURES }, (_, row) => weight[row * TARGETS + target]!);
    const cross = kept.map((row) =>
      w.reduce((sum, value, column) => sum + full(row, column) * value, 0),
    );
    let power = 0;
    for (let row = 0; row < FEATURES; row++)
      for (let column = 0; column < FEATURES; column++)
        power += w[row]! * w[column]! * full(row, column);
    const sub = Float64Array.from(kept.flatMap((row) => kept.map((column) => full(row, column))));
    const solution = Float64Array.from(cross);
    choleskySolve(choleskyFactor(sub, kept.length)!, kept.length, solution, 1);
    error += power - cross.reduce((sum, value, index) => sum + value * solution[index]!, 0);
  }
  return error;
}

const featuresOf = Array.from({ length: CHANNELS }, (_, channel) => [
  channel * TAPS,
  channel * TAPS + 1,
]);

describe("eliminateChannels", () => {
  it.each([1, 2, 3, 4])(
    "gives the error that a real refit leaves, after each removal (seed %s)",
    (seed) => {
      const { covariance, weight } = randomProblem(seed);
      const inverse = invertSymmetric(covariance, FEATURES)!;
      const { order, losses } = eliminateChannels(CHANNELS, [
        { features: FEATURES, targets: TARGETS, inverse, weight, price: 1, featuresOf },
      ]);
      expect([...order].sort()).toEqual([0, 1, 2, 3, 4]);
      for (let removed = 1; removed < CHANNELS; removed++) {
        const kept = order
          .slice(removed)
          .flatMap((channel) => featuresOf[channel]!)
          .sort((a, b) => a - b);
        expect(losses[removed]).toBeCloseTo(refittedError(covariance, weight, kept), 8);
      }
    },
  );

  it.each([5, 6])("takes first the channel whose loss is least (seed %s)", (seed) => {
    const { covariance, weight } = randomProblem(seed);
    const inverse = invertSymmetric(covariance, FEATURES)!;
    const { order } = eliminateChannels(CHANNELS, [
      { features: FEATURES, targets: TARGETS, inverse, weight, price: 1, featuresOf },
    ]);
    const costs = featuresOf.map((block) =>
      refittedError(
        covariance,
        weight,
        Array.from({ length: FEATURES }, (_, index) => index).filter(
          (index) => !block.includes(index),
        ),
      ),
    );
    expect(order[0]).toBe(costs.indexOf(Math.min(...costs)));
  });

  it("adds up consumers by their price", () => {
    const a = randomProblem(7);
    const b = randomProblem(8);
    const consumer = (problem: typeof a, price: number) => ({
      features: FEATURES,
      targets: TARGETS,
      inverse: invertSymmetric(problem.covariance, FEATURES)!,
      weight: problem.weight,
      price,
      featuresOf,
    });
    const { order, losses } = eliminateChannels(CHANNELS, [consumer(a, 2), consumer(b, 0.5)]);
    const kept = order
      .slice(2)
      .flatMap((channel) => featuresOf[channel]!)
      .sort((x, y) => x - y);
    const expected =
      2 * refittedError(a.covariance, a.weight, kept) +
      0.5 * refittedError(b.covariance, b.weight, kept);
    expect(losses[2]).toBeCloseTo(expected, 8);
  });
});
