import { describe, expect, it } from "vitest";
import { maskedL1 } from "../../src/losses/masked-l1.ts";
import { maskedMean } from "../../src/losses/masked-mean.ts";
import { meanSquaredError } from "../../src/losses/mean-squared-error.ts";
import { smoothL1 } from "../../src/losses/smooth-l1.ts";
import { at, checkLoss, drawn, runLoss, total } from "./check-loss.ts";

const DIMS = [2, 1, 4, 5];
const SIZE = 40;
const prediction = drawn(DIMS, 1, (u) => 6 * u - 3);
const target = drawn(DIMS, 2, (u) => 6 * u - 3);
const mask = drawn(DIMS, 3, (u) => (u < 0.6 ? 1 : 0));
const weight = drawn(DIMS, 4, (u) => u + 0.5);
const empty = drawn(DIMS, 3, () => 0);

describe("maskedL1", () => {
  it("is the sum of distances inside the mask over its sum", async () => {
    await checkLoss({
      inputs: { p: prediction, t: target, m: mask },
      build: (ops, p, t, m) => maskedL1(ops, p, t, m),
      define: ({ p, t, m }) =>
        total(SIZE, (i) => at(m, i) * Math.abs(at(p, i) - at(t, i))) /
        (total(SIZE, (i) => at(m, i)) + 1e-6),
      wrt: ["p", "t"],
    });
  });

  it("is the mean of distances without a mask", async () => {
    await checkLoss({
      inputs: { p: prediction, t: target },
      build: (ops, p, t) => maskedL1(ops, p, t),
      define: ({ p, t }) => total(SIZE, (i) => Math.abs(at(p, i) - at(t, i))) / SIZE,
    });
  });

  it("is 0 without gradients where the mask is empty", async () => {
    const { loss, gradients } = await runLoss({
      inputs: { p: prediction, t: target, m: empty },
      build: (ops, p, t, m) => maskedL1(ops, p, t, m),
    });
    expect(loss).toBe(0);
    expect(gradients["p"]?.every((g) => g === 0)).toBe(true);
  });
});

describe("smoothL1", () => {
  const huber = (d: number, beta: number): number =>
    Math.abs(d) < beta ? (0.5 * d * d) / beta : Math.abs(d) - 0.5 * beta;

  for (const beta of [0.25, 1, 3]) {
    it(`is a parabola up to ${beta} and a line beyond`, async () => {
      await checkLoss({
        inputs: { p: prediction, t: target, m: mask, w: weight },
        build: (ops, p, t, m, w) => smoothL1(ops, p, t, { beta, mask: m, weight: w }),
        define: ({ p, t, m, w }) =>
          total(SIZE, (i) => at(w, i) * at(m, i) * huber(at(p, i) - at(t, i), beta)) /
          (total(SIZE, (i) => at(m, i)) + 1e-6),
      });
    });
  }

  it("has the slope of both pieces where they meet, and 0 in the middle", async () => {
    const { gradients } = await runLoss({
      inputs: {
        p: { dims: [3], data: Float64Array.of(0.5, -0.5, 0) },
        t: { dims: [3], data: Float64Array.of(0, 0, 0) },
      },
      build: (ops, p, t) => smoothL1(ops, p, t, { beta: 0.5 }),
    });
    expect(gradients["p"]?.map((g) => Math.fround(3 * g))).toEqual([1, -1, 0]);
  });

  it("refuses a beta that is not above 0", async () => {
    for (const beta of [0, -1, Number.NaN]) {
      const run = runLoss({
        inputs: { p: prediction, t: target },
        build: (ops, p, t) => smoothL1(ops, p, t, { beta }),
      });
      await expect(run).rejects.toMatchObject({ code: "invalid-option" });
    }
  });
});

describe("meanSquaredError", () => {
  it("is the mean of squares, masked and weighted", async () => {
    await checkLoss({
      inputs: { p: prediction, t: target, m: mask, w: weight },
      build: (ops, p, t, m, w) => meanSquaredError(ops, p, t, { mask: m, weight: w }),
      define: ({ p, t, m, w }) =>
        total(SIZE, (i) => at(w, i) * at(m, i) * (at(p, i) - at(t, i)) ** 2) /
        (total(SIZE, (i) => at(m, i)) + 1e-6),
    });
  });

  it("takes a mask of bools and a target of integers", async () => {
    const { loss, gradients } = await runLoss({
      inputs: { p: { dims: [4], data: Float64Array.of(1, 2, 3, 4) } },
      build: (ops, p) =>
        meanSquaredError(ops, p, ops.ints([1, 1, 1, 1]), {
          mask: ops.less(p, 3.5),
        }),
    });
    expect(loss).toBeCloseTo(5 / 3, 5);
    expect(gradients["p"]?.map((g) => Math.round(3 * g))).toEqual([0, 2, 4, 0]);
  });
});

describe("maskedMean", () => {
  it("divides by the number of elements that a broadcast mask covers", async () => {
    await checkLoss({
      inputs: {
        x: drawn([2, 3, 4], 5, (u) => u - 0.5),
        m: drawn([1, 4], 6, (u) => u),
        w: drawn([3, 1], 7),
      },
      build: (ops, x, m, w) => maskedMean(ops, x, { mask: m, weight: w }),
      define: ({ x, m, w }) =>
        total(24, (i) => at(x, i) * at(m, i % 4) * at(w, Math.floor(i / 4) % 3)) /
        (6 * total(4, (i) => at(m, i)) + 1e-6),
    });
  });
});
