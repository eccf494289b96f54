import { describe, expect, it } from "vitest";
import { dice } from "../../src/losses/dice.ts";
import { focal } from "../../src/losses/focal.ts";
import { bernoulliKlDivergence, softmaxKlDivergence } from "../../src/losses/kl-divergence.ts";
import { weightedSum } from "../../src/losses/weighted-sum.ts";
import { at, checkLoss, drawn, runLoss, total } from "./check-loss.ts";

const DIMS = [2, 1, 4, 5];
const SIZE = 40;
const probability = drawn(DIMS, 1, (u) => 0.03 + 0.94 * u);
const soft = drawn(DIMS, 2, (u) => 0.01 + 0.98 * u);
const hard = drawn(DIMS, 3, (u) => (u < 0.4 ? 1 : 0));
const mask = drawn(DIMS, 4, (u) => (u < 0.7 ? 1 : 0));
const zeros = drawn(DIMS, 5, () => 0);

describe("dice", () => {
  for (const [name, t] of Object.entries({ soft, hard })) {
    it(`is 1 - 2 PTM / (PM + TM), of ${name} targets`, async () => {
      await checkLoss({
        inputs: { p: probability, t, m: mask },
        build: (ops, p, t, m) => dice(ops, p, t, m),
        define: ({ p, t, m }) => {
          const overlap = total(SIZE, (i) => at(p, i) * at(t, i) * at(m, i));
          const sizes = total(SIZE, (i) => (at(p, i) + at(t, i)) * at(m, i));
          return 1 - (2 * overlap) / (sizes + 1e-6);
        },
      });
    });
  }

  it("takes an epsilon, and no mask for all", async () => {
    await checkLoss({
      inputs: { p: probability, t: hard },
      build: (ops, p, t) => dice(ops, p, t, undefined, { epsilon: 2 }),
      define: ({ p, t }) =>
        1 -
        (2 * total(SIZE, (i) => at(p, i) * at(t, i))) /
          (total(SIZE, (i) => at(p, i) + at(t, i)) + 2),
    });
  });

  it("is 0 for a perfect map, 1 where nothing is to be found, with finite gradients", async () => {
    const run = (t: typeof hard, p: typeof hard, m: typeof hard): ReturnType<typeof runLoss> =>
      runLoss({
        inputs: { p, t, m },
        build: (ops, p, t, m) => dice(ops, p, t, m),
      });
    const all = drawn(DIMS, 6, () => 1);
    expect((await run(hard, hard, all)).loss).toBeCloseTo(0, 6);
    for (const result of [
      await run(zeros, probability, all),
      await run(zeros, zeros, all),
      await run(hard, probability, zeros),
    ]) {
      expect(result.loss).toBe(1);
      expect(result.gradients["p"]?.every(Number.isFinite)).toBe(true);
    }
  });
});

describe("focal", () => {
  const define =
    (alpha: number, gamma: number) =>
    (p: number, t: number): number =>
      -alpha * t * (1 - p) ** gamma * Math.log(p) -
      (1 - alpha) * (1 - t) * p ** gamma * Math.log(1 - p);

  for (const [alpha, gamma] of [
    [0.25, 2],
    [0.5, 0],
    [1, 1],
    [0.9, 2.5],
    [0.1, 5],
  ] as const) {
    it(`is the definition, with alpha ${alpha} and gamma ${gamma}`, async () => {
      const of = define(alpha, gamma);
      await checkLoss({
        inputs: { p: probability, t: hard, m: mask },
        build: (ops, p, t, m) => focal(ops, p, t, { alpha, gamma, mask: m }),
        define: ({ p, t, m }) =>
          total(SIZE, (i) => at(m, i) * of(at(p, i), at(t, i))) /
          (total(SIZE, (i) => at(m, i)) + 1e-6),
      });
    });
  }

  it("is finite, and so is its gradient, at probabilities of 0 and 1", async () => {
    for (const gamma of [0, 1, 1.5, 2]) {
      const { loss, gradients } = await runLoss({
        inputs: {
          p: { dims: [4], data: Float64Array.of(0, 1, 0, 1) },
          t: { dims: [4], data: Float64Array.of(0, 1, 1, 0) },
        },
        build: (ops, p, t) => focal(ops, p, t, { alpha: 0.5, gamma }),
      });
      expect(loss).toBeCloseTo(25, 4);
      expect(gradients["p"]?.every(Number.isFinite)).toBe(true);
    }
  });

  it("refuses a gamma with an infinite slope and an alpha beyond 1", async () => {
    for (const options of [{ gamma: 0.5 }, { gamma: Number.NaN }, { alpha: 1.1 }]) {
      const run = runLoss({
        inputs: { p: probability, t: hard },
        build: (ops, p, t) => focal(ops, p, t, options),
      });
      await expect(run).rejects.toMatchObject({ code: "invalid-option" });
    }
  });
});

describe("bernoulliKlDivergence", () => {
  const divergence = (p: number, t: number): number =>
    t * Math.log(t / p) + (1 - t) * Math.log((1 - t) / (1 - p));

  it("is the definition, for both maps", async () => {
    await checkLoss({
      inputs: { p: probability, t: soft, m: mask },
      build: (ops, p, t, m) => bernoulliKlDivergence(ops, p, t, { mask: m }),
      define: ({ p, t, m }) =>
        total(SIZE, (i) => at(m, i) * divergence(at(p, i), at(t, i))) /
        (total(SIZE, (i) => at(m, i)) + 1e-6),
      wrt: ["p", "t"],
    });
  });

  it("is 0 where maps are equal, at 0 and 1 as well", async () => {
    const p = drawn(DIMS, 7, (u, i) => (i % 4 === 0 ? Math.round(u) : u));
    const { loss, gradients } = await runLoss({
      inputs: { p, t: p },
      build: (ops, p, t) => bernoulliKlDivergence(ops, p, t),
    });
    expect(Math.abs(loss)).toBeLessThan(1e-7);
    expect(gradients["p"]?.every(Number.isFinite)).toBe(true);
  });
});

describe("softmaxKlDivergence", () => {
  const logits = drawn([2, 3, 4], 8, (u) => 8 * u - 4);
  const goals = drawn([2, 3, 4], 9, (u) => 8 * u - 4);
  const softmax = (logit: readonly number[], temperature: number): readonly number[] => {
    const powers = logit.map((z) => Math.exp(z / temperature));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  };
  const classes = (data: Float64Array | undefined, image: number, place: number): number[] =>
    [0, 1, 2].map((index) => at(data, image * 12 + index * 4 + place));

  for (const temperature of [1, 4]) {
    it(`is the definition along an axis, at temperature ${temperature}`, async () => {
      await checkLoss({
        inputs: { z: logits, t: goals, m: drawn([2, 1, 4], 10) },
        build: (ops, z, t, m) =>
          softmaxKlDivergence(ops, z, t, {
            axis: 1,
            temperature,
            mask: m,
          }),
        define: ({ z, t, m }) => {
          const sum = total(8, (i) => {
            const [image, place] = [Math.floor(i / 4), i % 4];
            const p = softmax(classes(z, image, place), temperature);
            const q = softmax(classes(t, image, place), temperature);
            const kl = q.reduce((all, value, k) => all + value * Math.log(value / (p[k] ?? 0)), 0);
            return at(m, i) * kl * temperature ** 2;
          });
          return sum / (total(8, (i) => at(m, i)) + 1e-6);
        },
        wrt: ["z", "t"],
      });
    });
  }

  it("stays finite for logits that are far apart", async () => {
    const { loss, gradients } = await runLoss({
      inputs: {
        z: { dims: [1, 2], data: Float64Array.of(500, -500) },
        t: { dims: [1, 2], data: Float64Array.of(-500, 500) },
      },
      build: (ops, z, t) => softmaxKlDivergence(ops, z, t),
    });
    expect(loss).toBe(1000);
    expect(gradients["z"]).toEqual([1, -1]);
  });

  it("refuses an axis that is not there and a temperature of 0", async () => {
    for (const options of [{ axis: 3 }, { axis: -4 }, { axis: 0.5 }, { temperature: 0 }]) {
      const run = runLoss({
        inputs: { z: logits, t: goals },
        build: (ops, z, t) => softmaxKlDivergence(ops, z, t, options),
      });
      await expect(run).rejects.toMatchObject({ code: "invalid-option" });
    }
  });
});

describe("weightedSum", () => {
  it("adds weighted scalars and leaves out those of weight 0", async () => {
    await checkLoss({
      inputs: { x: drawn([3], 11, (u) => u + 0.5) },
      build: (ops, x) =>
        weightedSum(ops, [
          [5, ops.sum(x)],
          [1, ops.mean(ops.square(x), [0], true)],
          [0, ops.log(ops.sum(ops.mul(x, 0)))],
          [-0.5, ops.sum(ops.exp(x))],
        ]),
      define: ({ x }) =>
        total(3, (i) => 5 * at(x, i) + at(x, i) ** 2 / 3 - 0.5 * Math.exp(at(x, i))),
    });
  });

  it("refuses no terms, terms that are no scalars and weights that are no numbers", async () => {
    const run = (weights: readonly number[], isScalar = true): Promise<unknown> =>
      runLoss({
        inputs: { x: drawn([3], 11) },
        build: (ops, x) =>
          weightedSum(
            ops,
            weights.map((weight) => [weight, isScalar ? ops.sum(x) : x]),
          ),
      });
    await expect(run([])).rejects.toMatchObject({ code: "invalid-loss" });
    await expect(run([0])).rejects.toMatchObject({ code: "invalid-loss" });
    await expect(run([1], false)).rejects.toMatchObject({ code: "invalid-loss" });
    await expect(run([1, Number.NaN])).rejects.toMatchObject({ code: "invalid-option" });
  });
});
