import { createRandom } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import {
  createCostAfterReturn,
  type EliminationConsumer,
  eliminateChannels,
  removalCost,
  removeChannel,
  removeChannels,
  returnChannel,
  returnGain,
  startElimination,
} from "../../src/reconstruction/eliminate.ts";
import { exchangeChannels } from "../../src/reconstruction/exchange.ts";
import {
  choleskyFactor,
  choleskySolve,
  invertSymmetric,
} from "../../src/reconstruction/linear-algebra.ts";

const CHANNELS = 5;
const TAPS = 2;
const FEATURES = CHANNELS * TAPS;
const TARGETS = 3;

interface Problem {
  readonly covariance: Float64Array;
  readonly weight: Float64Array;
}

function randomProblem(seed: number): Problem {
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

function featuresIn(channels: readonly number[]): number[] {
  return channels.flatMap((channel) => featuresOf[channel]!).sort((a, b) => a - b);
}

function consumerOf({ covariance, weight }: Problem, scale: number): EliminationConsumer {
  return {
    features: FEATURES,
    targets: TARGETS,
    inverse: invertSymmetric(covariance, FEATURES)!,
    weight: weight.map((value) => value * scale),
    featuresOf,
  };
}

describe("eliminateChannels", () => {
  it.each([1, 2, 3, 4])(
    "gives the error that a real refit leaves, after each removal (seed %s)",
    (seed) => {
      const { covariance, weight } = randomProblem(seed);
      const inverse = invertSymmetric(covariance, FEATURES)!;
      const { order, losses } = eliminateChannels(CHANNELS, [
        { features: FEATURES, targets: TARGETS, inverse, weight, featuresOf },
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
      { features: FEATURES, targets: TARGETS, inverse, weight, featuresOf },
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

  it("adds up consumers, each weighted by the square of its weights' scale", () => {
    const a = randomProblem(7);
    const b = randomProblem(8);
    const consumers = [consumerOf(a, Math.SQRT2), consumerOf(b, Math.SQRT1_2)];
    const { order, losses } = eliminateChannels(CHANNELS, consumers);
    const kept = featuresIn(order.slice(2));
    const expected =
      2 * refittedError(a.covariance, a.weight, kept) +
      0.5 * refittedError(b.covariance, b.weight, kept);
    expect(losses[2]).toBeCloseTo(expected, 8);
  });

  it.each([9, 10])(
    "lets features of other groups make up for what goes, given the block of the inverse (seed %s)",
    (seed) => {
      const { covariance, weight } = randomProblem(seed);
      const inverse = invertSymmetric(covariance, FEATURES)!;
      // A group of three channels; the features of the other two stay whatever happens.
      const own = featuresIn([0, 2, 3]);
      const block = Float64Array.from(
        own.flatMap((row) => own.map((column) => inverse[row * FEATURES + column]!)),
      );
      const rows = own.flatMap((row) => [...weight.subarray(row * TARGETS, (row + 1) * TARGETS)]);
      const { order, losses } = eliminateChannels(3, [
        {
          features: own.length,
          targets: TARGETS,
          inverse: block,
          weight: Float64Array.from(rows),
          featuresOf: [
            [0, 1],
            [2, 3],
            [4, 5],
          ],
        },
      ]);
      const names = [0, 2, 3];
      const gone = new Set(order.slice(0, 2).map((channel) => names[channel]!));
      const kept = featuresIn([0, 1, 2, 3, 4].filter((channel) => !gone.has(channel)));
      expect(losses[2]).toBeCloseTo(refittedError(covariance, weight, kept), 8);
    },
  );
});

describe("removing and returning channels", () => {
  it.each([11, 12, 13])(
    "costs in sum what a real refit without them leaves, in any order (seed %s)",
    (seed) => {
      const problem = randomProblem(seed);
      const states = startElimination([consumerOf(problem, 1)]);
      const random = createRandom(seed);
      const gone = new Set<number>();
      let total = 0;
      for (let step = 0; step < 30; step++) {
        const channel = Math.floor(random() * CHANNELS);
        if (gone.has(channel)) {
          total -= returnGain(states, channel);
          returnChannel(states, channel);
          gone.delete(channel);
        } else if (gone.size < CHANNELS - 1) {
          total += removalCost(states, channel);
          removeChannel(states, channel);
          gone.add(channel);
        }
        const kept = featuresIn([0, 1, 2, 3, 4].filter((other) => !gone.has(other)));
        expect(total).toBeCloseTo(refittedError(problem.covariance, problem.weight, kept), 7);
      }
    },
  );

  it.each([14, 15])("knows what a channel would cost after a return (seed %s)", (seed) => {
    const states = startElimination([consumerOf(randomProblem(seed), 1)]);
    removeChannels(states, [1, 3, 4]);
    const predicted = createCostAfterReturn(states, 3)(0);
    returnChannel(states, 3);
    expect(predicted).toBeCloseTo(removalCost(states, 0), 8);
  });
});

describe("exchangeChannels", () => {
  const seeds = Array.from({ length: 12 }, (_, index) => index + 20);

  /** The least error of all subsets of a width. */
  function optimum(problem: Problem, width: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let mask = 0; mask < 1 << CHANNELS; mask++) {
      const kept = [0, 1, 2, 3, 4].filter((channel) => (mask >> channel) & 1);
      if (kept.length !== width) continue;
      least = Math.min(least, refittedError(problem.covariance, problem.weight, featuresIn(kept)));
    }
    return least;
  }

  it("never costs more than the greedy order, and states the exact error of what it keeps", () => {
    for (const seed of seeds) {
      const problem = randomProblem(seed);
      const consumers = [consumerOf(problem, 1)];
      const greedy = eliminateChannels(CHANNELS, consumers);
      for (const width of [1, 2, 3, 4]) {
        const { keep, loss } = exchangeChannels(greedy, consumers, width);
        expect(keep).toHaveLength(width);
        expect(loss).toBeLessThanOrEqual(greedy.losses[CHANNELS - width]! + 1e-12);
        const exact = refittedError(problem.covariance, problem.weight, featuresIn(keep));
        expect(loss).toBeCloseTo(exact, 7);
      }
    }
  });

  it("finds the best of all subsets mostly, also where the greedy order does not", () => {
    let [found, improved, optimal] = [0, 0, 0];
    for (const seed of seeds) {
      const problem = randomProblem(seed);
      const consumers = [consumerOf(problem, 1)];
      const greedy = eliminateChannels(CHANNELS, consumers);
      for (const width of [2, 3]) {
        const best = optimum(problem, width);
        const { loss } = exchangeChannels(greedy, consumers, width);
        const before = greedy.losses[CHANNELS - width]!;
        if (loss < before - 1e-9) improved++;
        if (before < best * (1 + 1e-6)) optimal++;
        if (loss < best * (1 + 1e-6)) found++;
      }
    }
    expect(improved).toBeGreaterThan(0);
    expect(found).toBeGreaterThan(optimal);
    expect(found).toBeGreaterThanOrEqual(0.9 * 2 * seeds.length);
  });
});
