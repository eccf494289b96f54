import { describe, expect, it } from "vitest";
import { balancedBinaryCrossEntropy } from "../../src/losses/balanced-binary-cross-entropy.ts";
import { balancedMean } from "../../src/losses/balanced-mean.ts";
import { at, checkLoss, drawn, type LossInput, runLoss, total } from "./check-loss.ts";

type Data = Readonly<Record<string, Float64Array>>;

/** PaddleOCR's BalanceLoss with a sort, word by word. */
function balance(losses: readonly number[], { t, m }: Data, ratio = 3): number {
  const positive = losses.map((_, i) => at(t, i) * at(m, i));
  const negative = losses.map((_, i) => (1 - at(t, i)) * at(m, i));
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  const positiveCount = Math.trunc(sum(positive));
  const negativeCount = Math.trunc(Math.min(sum(negative), positiveCount * ratio));
  const hardest = losses
    .map((loss, i) => loss * (negative[i] ?? 0))
    .sort((a, b) => b - a)
    .slice(0, negativeCount);
  const all = sum(losses.map((loss, i) => loss * (positive[i] ?? 0))) + sum(hardest);
  return all / (positiveCount + negativeCount + 1e-6);
}

const entropies = ({ p, t }: Data): readonly number[] =>
  [...(p ?? [])].map((_, i) => (at(t, i) === 1 ? -Math.log(at(p, i)) : -Math.log(1 - at(p, i))));

const binary = (dims: readonly number[], seed: number, fraction: number): LossInput =>
  drawn(dims, seed, (u) => (u < fraction ? 1 : 0));

const build: Parameters<typeof checkLoss>[0]["build"] = (ops, p, t, m) =>
  balancedBinaryCrossEntropy(ops, p, t, m);

describe("balancedBinaryCrossEntropy", () => {
  const DIMS = [2, 1, 6, 8];
  const p = drawn(DIMS, 1, (u) => 0.01 + 0.98 * u);
  for (const fraction of [0.02, 0.1, 0.24, 0.26, 0.6]) {
    it(`is BalanceLoss by a sort, with ${100 * fraction} % positives`, async () => {
      for (const seed of [2, 3, 4]) {
        await checkLoss({
          inputs: { p, t: binary(DIMS, seed, fraction), m: binary(DIMS, seed + 10, 0.8) },
          build,
          define: (data) => balance(entropies(data), data),
        });
      }
    });
  }

  it("takes other ratios, and no mask for all", async () => {
    for (const negativeRatio of [0.5, 1, 2.5, 40]) {
      await checkLoss({
        inputs: { p, t: binary(DIMS, 2, 0.2) },
        build: (ops, p, t) => balancedBinaryCrossEntropy(ops, p, t, undefined, { negativeRatio }),
        define: (data) =>
          balance(entropies(data), { ...data, m: new Float64Array(96).fill(1) }, negativeRatio),
      });
    }
  });

  it("is exact on a map of 160 x 160 x 4, with one outlier far above all others", async () => {
    const dims = [4, 1, 160, 160];
    const inputs = {
      p: drawn(dims, 1, (u, i) => (i === 70 ? 1 : u ** 6)),
      t: binary(dims, 2, 0.05),
      m: binary(dims, 3, 0.9),
    };
    const { loss } = await runLoss({ inputs, build });
    const data = { p: inputs.p.data, t: inputs.t.data, m: inputs.m.data };
    const losses = entropies(data).map((value) => Math.min(value, 100));
    const expected = balance(losses, data);
    expect(Math.abs(loss - expected)).toBeLessThan(1e-5 * expected);
  });

  it("shares the gradient evenly among equally hard negatives", async () => {
    const { loss, gradients } = await runLoss({
      inputs: {
        p: { dims: [6], data: Float64Array.of(0.5, 0.5, 0.5, 0.5, 0.5, 0.5) },
        t: { dims: [6], data: Float64Array.of(1, 0, 0, 0, 0, 0) },
        m: { dims: [6], data: Float64Array.of(1, 1, 1, 1, 1, 0) },
      },
      build,
    });
    expect(loss).toBeCloseTo(Math.LN2, 5);
    const shares = gradients["p"]?.map((g) => g.toFixed(4));
    expect(shares).toEqual(["-0.5000", "0.3750", "0.3750", "0.3750", "0.3750", "0.0000"]);
  });

  const extremes: Readonly<Record<string, readonly [fraction: number, mask: number]>> = {
    "no positives": [0, 1],
    "nothing but positives": [1, 1],
    "an empty mask": [0.3, 0],
    "neither positives nor a mask": [0, 0],
  };
  for (const [name, [fraction, kept]] of Object.entries(extremes)) {
    it(`is finite, and so is its gradient, with ${name}`, async () => {
      const saturated = drawn(DIMS, 9, (u, i) => (i % 3 === 0 ? Math.round(u) : u));
      const inputs = { p: saturated, t: binary(DIMS, 2, fraction), m: binary(DIMS, 3, kept) };
      const { loss, gradients } = await runLoss({ inputs, build });
      const data = { p: inputs.p.data, t: inputs.t.data, m: inputs.m.data };
      const expected = balance(
        entropies(data).map((value) => Math.min(value, 100)),
        data,
      );
      expect(loss).toBeCloseTo(expected, 4);
      expect(gradients["p"]?.every(Number.isFinite)).toBe(true);
      if (fraction * kept === 0) expect(gradients["p"]?.every((g) => g === 0)).toBe(true);
    });
  }

  it("refuses a ratio that is not above 0", async () => {
    for (const negativeRatio of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      const run = runLoss({
        inputs: { p, t: binary(DIMS, 2, 0.2) },
        build: (ops, p, t) => balancedBinaryCrossEntropy(ops, p, t, undefined, { negativeRatio }),
      });
      await expect(run).rejects.toMatchObject({ code: "invalid-option" });
    }
  });
});

describe("balancedMean", () => {
  it("balances the elements of any loss", async () => {
    const dims = [3, 1, 5, 7];
    const squares = ({ x }: Data): readonly number[] => [...(x ?? [])].map((value) => value ** 2);
    await checkLoss({
      inputs: {
        x: drawn(dims, 5, (u) => 4 * u - 2),
        t: binary(dims, 6, 0.15),
        m: binary(dims, 7, 0.9),
      },
      build: (ops, x, t, m) => balancedMean(ops, ops.square(x), t, m),
      define: (data) => balance(squares(data), data),
    });
  });

  it("chooses nothing among losses that are all 0", async () => {
    const { loss } = await runLoss({
      inputs: { x: drawn([8], 1, () => 0), t: binary([8], 6, 0.4) },
      build: (ops, x, t) => balancedMean(ops, ops.square(x), t),
    });
    expect(loss).toBe(0);
    expect(total(1, () => loss)).toBe(0);
  });
});
