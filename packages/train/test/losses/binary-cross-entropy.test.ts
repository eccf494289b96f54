import { describe, expect, it } from "vitest";
import {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
} from "../../src/losses/binary-cross-entropy.ts";
import { at, checkLoss, drawn, runLoss, total } from "./check-loss.ts";

const DIMS = [2, 1, 4, 5];
const SIZE = 40;
const probability = drawn(DIMS, 1, (u) => 0.02 + 0.96 * u);
const soft = drawn(DIMS, 2);
const hard = drawn(DIMS, 3, (u) => (u < 0.4 ? 1 : 0));
const mask = drawn(DIMS, 4, (u) => (u < 0.7 ? 1 : 0));
const weight = drawn(DIMS, 5, (u) => 0.5 + 2 * u);

const entropy = (p: number, t: number): number => -t * Math.log(p) - (1 - t) * Math.log(1 - p);

describe("binaryCrossEntropy", () => {
  for (const [name, t] of Object.entries({ soft, hard })) {
    it(`is the mean of the definition, of ${name} targets`, async () => {
      await checkLoss({
        inputs: { p: probability, t },
        build: (ops, p, t) => binaryCrossEntropy(ops, p, t),
        define: ({ p, t }) => total(SIZE, (i) => entropy(at(p, i), at(t, i))) / SIZE,
      });
    });
  }

  it("divides by the mask's sum, not by that of the weights", async () => {
    await checkLoss({
      inputs: { p: probability, t: soft, m: mask, w: weight },
      build: (ops, p, t, m, w) => binaryCrossEntropy(ops, p, t, { mask: m, weight: w }),
      define: ({ p, t, m, w }) =>
        total(SIZE, (i) => at(w, i) * at(m, i) * entropy(at(p, i), at(t, i))) /
        (total(SIZE, (i) => at(m, i)) + 1e-6),
    });
  });

  it("counts a mask that broadcasts once for each element that it covers", async () => {
    const p = drawn([3, 2, 4], 1, (u) => 0.02 + 0.96 * u);
    await checkLoss({
      inputs: { p, t: drawn([3, 2, 4], 2), m: { dims: [3, 1, 1], data: Float64Array.of(1, 0, 1) } },
      build: (ops, p, t, m) => binaryCrossEntropy(ops, p, t, { mask: m }),
      define: ({ p, t, m }) =>
        total(24, (i) => at(m, Math.floor(i / 8)) * entropy(at(p, i), at(t, i))) / (16 + 1e-6),
    });
  });

  it("limits logarithms to -100 at probabilities of 0 and 1, with a gradient of 0", async () => {
    const data = { dims: [4], data: Float64Array.of(0, 1, 0, 1) };
    const { loss, gradients } = await runLoss({
      inputs: { p: data, t: { dims: [4], data: Float64Array.of(0, 1, 1, 0) } },
      build: (ops, p, t) => binaryCrossEntropy(ops, p, t),
    });
    expect(loss).toBeCloseTo(50, 4);
    // The sure and right ones keep the slope of the logarithm that is in reach, 1 / 4.
    expect(gradients["p"]).toEqual([0.25, -0.25, 0, 0]);
  });

  it("limits probabilities to [epsilon, 1 - epsilon] if asked to", async () => {
    const epsilon = 0.1;
    const limit = (p: number): number => Math.min(Math.max(p, epsilon), 1 - epsilon);
    await checkLoss({
      inputs: { p: probability, t: soft },
      build: (ops, p, t) => binaryCrossEntropy(ops, p, t, { epsilon }),
      define: ({ p, t }) => total(SIZE, (i) => entropy(limit(at(p, i)), at(t, i))) / SIZE,
    });
  });

  it("is NaN where a probability is NaN", async () => {
    const { loss } = await runLoss({
      inputs: {
        p: { dims: [2], data: Float64Array.of(0.5, Number.NaN) },
        t: { dims: [2], data: Float64Array.of(1, 0) },
      },
      build: (ops, p, t) => binaryCrossEntropy(ops, p, t),
    });
    expect(loss).toBeNaN();
  });

  it("refuses targets of other dims, masks that do not broadcast and an epsilon out of range", async () => {
    const run = (tDims: number[], mDims: number[], epsilon?: number): Promise<unknown> =>
      runLoss({
        inputs: { p: drawn([2, 3], 1), t: drawn(tDims, 2), m: drawn(mDims, 3) },
        build: (ops, p, t, m) =>
          binaryCrossEntropy(ops, p, t, {
            mask: m,
            ...(epsilon === undefined ? {} : { epsilon }),
          }),
      });
    await expect(run([3], [2, 3])).rejects.toMatchObject({ code: "invalid-loss" });
    await expect(run([2, 3], [2])).rejects.toMatchObject({ code: "invalid-loss" });
    await expect(run([2, 3], [1, 2, 3])).rejects.toMatchObject({ code: "invalid-loss" });
    for (const epsilon of [0, 0.5, Number.NaN, 1e-9]) {
      await expect(run([2, 3], [2, 3], epsilon)).rejects.toMatchObject({ code: "invalid-option" });
    }
  });
});

describe("binaryCrossEntropyWithLogits", () => {
  it("is the cross-entropy of the sigmoid", async () => {
    await checkLoss({
      inputs: { z: drawn(DIMS, 6, (u) => 12 * u - 6), t: soft, m: mask, w: weight },
      build: (ops, z, t, m, w) =>
        binaryCrossEntropyWithLogits(ops, z, t, {
          mask: m,
          weight: w,
        }),
      define: ({ z, t, m, w }) =>
        total(SIZE, (i) => at(w, i) * at(m, i) * entropy(1 / (1 + Math.exp(-at(z, i))), at(t, i))) /
        (total(SIZE, (i) => at(m, i)) + 1e-6),
    });
  });

  it("is exact where the sigmoid is 0 or 1 in float32", async () => {
    const { loss, gradients } = await runLoss({
      inputs: {
        z: { dims: [4], data: Float64Array.of(300, -300, 300, -300) },
        t: { dims: [4], data: Float64Array.of(1, 0, 0, 1) },
      },
      build: (ops, z, t) => binaryCrossEntropyWithLogits(ops, z, t),
    });
    expect(loss).toBe(150);
    expect(gradients["z"]?.map((g) => Math.round(4 * g))).toEqual([0, 0, 1, -1]);
  });
});
