import { createRandom } from "@ocrslim/graph";
import { float32Feed } from "@ocrslim/runtime";
import { conv, createTestModel, runModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { differentiate } from "../../src/gradients/differentiate.ts";
import { diceFocal, diceFocalDbLoss } from "../../src/losses/dice-focal.ts";
import { at, checkLoss, drawn, runLoss, total } from "./check-loss.ts";

const DIMS = [2, 1, 4, 5];
const SIZE = 40;
const probability = drawn(DIMS, 1, (u) => 0.03 + 0.94 * u);
const shrunk = drawn(DIMS, 3, (u) => (u < 0.4 ? 1 : 0));
const mask = drawn(DIMS, 4, (u) => (u < 0.7 ? 1 : 0));

/** The definition, in double precision. */
function plain(
  p: Float64Array | undefined,
  t: Float64Array | undefined,
  m: Float64Array | undefined,
  { alpha, gamma }: { readonly alpha: number; readonly gamma: number },
): readonly [dice: number, focal: number] {
  const size = p?.length ?? 0;
  const overlap = total(size, (i) => at(p, i) * at(t, i) * at(m, i));
  const sizes = total(size, (i) => (at(p, i) + at(t, i)) * at(m, i));
  const pixels = total(size, (i) => {
    const [x, y] = [at(p, i), at(t, i)];
    const present = alpha * y * (1 - x) ** gamma * Math.log(x);
    const absent = (1 - alpha) * (1 - y) * x ** gamma * Math.log(1 - x);
    return -at(m, i) * (present + absent);
  });
  return [1 - (2 * overlap) / (sizes + 1e-6), pixels / (total(size, (i) => at(m, i)) + 1e-6)];
}

describe("diceFocal", () => {
  it("is the weighted sum of dice and focal loss under one mask, computed plainly", async () => {
    await checkLoss({
      inputs: { p: probability, t: shrunk, m: mask },
      build: (ops, p, t, m) =>
        diceFocal(ops, p, t, m, { alpha: 0.3, gamma: 2.5, diceWeight: 0.5, focalWeight: 4 }),
      define: ({ p, t, m }) => {
        const [dice, focal] = plain(p, t, m, { alpha: 0.3, gamma: 2.5 });
        return 0.5 * dice + 4 * focal;
      },
    });
  });

  it("is finite, with finite gradients, where maps are certain, right or wrong, and all is ignored", async () => {
    const certain = drawn(DIMS, 5, (u) => (u < 0.5 ? 1 : 0));
    const nothing = drawn(DIMS, 5, () => 0);
    for (const m of [mask, nothing]) {
      const { loss, gradients } = await runLoss({
        inputs: { p: certain, t: shrunk, m },
        build: (ops, p, t, masked) => diceFocal(ops, p, t, masked, { gamma: 2.5 }),
      });
      expect(loss).toBeGreaterThan(0);
      expect(Number.isFinite(loss)).toBe(true);
      expect(gradients["p"]?.every(Number.isFinite)).toBe(true);
    }
  });
});

describe("diceFocalDbLoss", () => {
  const model = (maps: number) =>
    createTestModel({
      opset: 18,
      inputs: { x: [2, 3, 4, 5] },
      build: (graph, x) =>
        Array.from({ length: maps }, () => {
          if (!x) throw new TypeError("no input");
          return unary(graph, "Sigmoid", conv(graph, x, { out: 1, kernel: 1 }));
        }),
    });
  const random = createRandom(7);
  const x = float32Feed(
    [2, 3, 4, 5],
    Float32Array.from({ length: 120 }, () => 4 * random() - 2),
  );
  const threshold = drawn(DIMS, 8, (u) => 0.3 + 0.4 * u);
  const thresholdMask = drawn(DIMS, 9, (u) => (u < 0.5 ? 1 : 0));
  const feeds = Object.fromEntries(
    Object.entries({
      shrink_map: shrunk,
      shrink_mask: mask,
      threshold_map: threshold,
      threshold_mask: thresholdMask,
    }).map(([name, { data }]) => [name, float32Feed(DIMS, Float32Array.from(data))]),
  );

  it("adds the three maps' losses with their weights", async () => {
    const detector = model(3);
    const [p, t, b] = Object.values(await runModel(detector, { x })).map(({ data }) =>
      Float64Array.from(data as Float32Array),
    );
    const names = detector.graph.initializers.map(({ name }) => name);
    const built = await differentiate(detector, {
      loss: diceFocalDbLoss({ alpha: 2, beta: 3, maps: { gamma: 2.5, focalWeight: 2 } }),
      wrt: names,
    });
    const results = await runModel(built, { x, ...feeds });
    const focal = { alpha: 0.25, gamma: 2.5 };
    const term = (map: Float64Array | undefined): number => {
      const [overlap, pixels] = plain(map, shrunk.data, mask.data, focal);
      return overlap + 2 * pixels;
    };
    const gap =
      total(SIZE, (i) => Math.abs(at(t, i) - at(threshold.data, i)) * at(thresholdMask.data, i)) /
      (total(SIZE, (i) => at(thresholdMask.data, i)) + 1e-6);
    expect(results["report/shrink"]?.data[0]).toBeCloseTo(2 * term(p), 4);
    expect(results["report/threshold"]?.data[0]).toBeCloseTo(3 * gap, 4);
    expect(results["report/binary"]?.data[0]).toBeCloseTo(term(b), 4);
    expect(results["loss"]?.data[0]).toBeCloseTo(2 * term(p) + 3 * gap + term(b), 4);
    for (const name of names) {
      const gradient = [...((results[`gradient/${name}`]?.data ?? []) as Float32Array)];
      expect(gradient.length).toBeGreaterThan(0);
      expect(gradient.every(Number.isFinite)).toBe(true);
    }
  });

  it("of a model with one map is the shrink map's term", async () => {
    const detector = model(1);
    const [p] = Object.values(await runModel(detector, { x })).map(({ data }) =>
      Float64Array.from(data as Float32Array),
    );
    const [weight] = detector.graph.initializers;
    const loss = diceFocalDbLoss();
    const built = await differentiate(detector, { loss, wrt: [weight?.name ?? ""] });
    const { shrink_map, shrink_mask } = feeds;
    const results = await runModel(built, {
      x,
      ...(shrink_map && shrink_mask ? { shrink_map, shrink_mask } : {}),
    });
    const [overlap, pixels] = plain(p, shrunk.data, mask.data, { alpha: 0.25, gamma: 2 });
    expect(results["loss"]?.data[0]).toBeCloseTo(5 * (overlap + pixels), 4);
  });

  it("refuses weights that are none", () => {
    expect(() => diceFocalDbLoss({ beta: -1 })).toThrow("beta is -1");
  });
});
