import { createRandom, type Model } from "@ocrslim/graph";
import { float32Feed } from "@ocrslim/runtime";
import { conv, createTestModel, runModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { type DbLossOptions, dbLoss, differentiate, distillation } from "../../src/index.ts";

const DIMS = [2, 1, 8, 8];
const COUNT = 128;

/** Three maps, from one image. */
const model = (): Model =>
  createTestModel({
    opset: 18,
    inputs: { x: [2, 3, 8, 8] },
    build: (graph, x) =>
      [0, 1, 2].map(() => {
        if (!x) throw new TypeError("no input");
        return unary(graph, "Sigmoid", conv(graph, x, { out: 1, kernel: 1 }));
      }),
  });

interface Targets {
  readonly shrink: Float32Array;
  readonly shrinkMask: Float32Array;
  readonly threshold: Float32Array;
  readonly thresholdMask: Float32Array;
}

function targets(seed: number, positives: number, kept: number): Targets {
  const random = createRandom(seed);
  const bits = (share: number): Float32Array =>
    Float32Array.from({ length: COUNT }, () => (random() < share ? 1 : 0));
  return {
    shrink: bits(positives),
    shrinkMask: bits(kept),
    threshold: Float32Array.from({ length: COUNT }, () => 0.3 + 0.4 * random()),
    thresholdMask: bits(kept / 2),
  };
}

/** DBLoss in plain double precision, with a real sort. */
function plain(maps: readonly Float32Array[], given: Targets, options: DbLossOptions): number {
  const { alpha = 5, beta = 10, negativeRatio = 3 } = options;
  const { shrink, shrinkMask, threshold, thresholdMask } = given;
  const sum = (of: (at: number) => number): number =>
    Array.from({ length: COUNT }, (_, at) => of(at)).reduce((total, value) => total + value, 0);
  const [p, t, b] = maps as [Float32Array, Float32Array, Float32Array];
  const at = (array: Float32Array, index: number): number => array[index] as number;
  const dice = (map: Float32Array): number =>
    1 -
    (2 * sum((i) => at(map, i) * at(shrink, i) * at(shrinkMask, i))) /
      (sum((i) => at(map, i) * at(shrinkMask, i)) +
        sum((i) => at(shrink, i) * at(shrinkMask, i)) +
        1e-6);
  const positives = Math.trunc(sum((i) => at(shrink, i) * at(shrinkMask, i)));
  const negatives = Math.trunc(
    Math.min(
      sum((i) => (1 - at(shrink, i)) * at(shrinkMask, i)),
      negativeRatio * positives,
    ),
  );
  const count = positives + negatives;
  let forShrink = (dice(p) * count) / (count + 1e-6);
  if (options.shrink === "bce") {
    const losses = [...p].map((value, i) => -Math.log(at(shrink, i) === 1 ? value : 1 - value));
    const hard = losses
      .map((loss, i) => loss * (1 - at(shrink, i)) * at(shrinkMask, i))
      .toSorted((left, right) => right - left)
      .slice(0, negatives);
    const easy = sum((i) => (losses[i] as number) * at(shrink, i) * at(shrinkMask, i));
    forShrink = (easy + hard.reduce((total, loss) => total + loss, 0)) / (count + 1e-6);
  }
  const l1 =
    sum((i) => Math.abs(at(t, i) - at(threshold, i)) * at(thresholdMask, i)) /
    (sum((i) => at(thresholdMask, i)) + 1e-6);
  return alpha * forShrink + beta * l1 + dice(b);
}

async function compare(seed: number, given: Targets, options: DbLossOptions): Promise<void> {
  const random = createRandom(seed);
  const x = float32Feed(
    [2, 3, 8, 8],
    Float32Array.from({ length: 384 }, () => 4 * random() - 2),
  );
  const maps = Object.values(await runModel(model(), { x })).map(
    ({ data }) => data as Float32Array,
  );
  const names = model().graph.initializers.map(({ name }) => name);
  const gradients = await differentiate(model(), { loss: dbLoss(options), wrt: names });
  const results = await runModel(gradients, {
    x,
    shrink_map: float32Feed(DIMS, given.shrink),
    shrink_mask: float32Feed(DIMS, given.shrinkMask),
    threshold_map: float32Feed(DIMS, given.threshold),
    threshold_mask: float32Feed(DIMS, given.thresholdMask),
  });
  expect(results["loss"]?.data[0]).toBeCloseTo(plain(maps, given, options), 4);
  for (const name of names) {
    for (const value of (results[`gradient/${name}`]?.data ?? []) as Float32Array) {
      expect(value).not.toBeNaN();
    }
  }
}

describe("dbLoss", () => {
  it("is PaddleOCR's, computed plainly", async () => {
    for (const seed of [1, 2, 3]) {
      await compare(seed, targets(seed, 0.2, 0.9), {});
      await compare(seed, targets(seed, 0.1, 0.8), { shrink: "bce", alpha: 2, beta: 3 });
    }
  });

  it("is finite where nothing is to be found, and where all is ignored", async () => {
    for (const shrink of ["dice", "bce"] as const) {
      await compare(4, targets(4, 0, 1), { shrink });
      await compare(5, targets(5, 0.3, 0), { shrink });
    }
  });

  it("of a model with one map is the shrink map's term", async () => {
    const [shrink] = model().graph.outputs;
    const given = targets(6, 0.2, 0.9);
    const x = float32Feed([2, 3, 8, 8], Float32Array.from({ length: 384 }, createRandom(6)));
    const wrt = model()
      .graph.initializers.slice(0, 1)
      .map(({ name }) => name);
    const run = async (whole: boolean): Promise<number> => {
      const single = model();
      if (!whole) single.graph.setOutputs(single.graph.outputs.slice(0, 1));
      const loss = dbLoss(whole ? {} : { outputs: [shrink?.name ?? ""] });
      const feeds = {
        x,
        shrink_map: float32Feed(DIMS, given.shrink),
        shrink_mask: float32Feed(DIMS, given.shrinkMask),
        ...(whole
          ? {
              threshold_map: float32Feed(DIMS, given.threshold),
              threshold_mask: float32Feed(DIMS, given.thresholdMask),
            }
          : {}),
      };
      const results = await runModel(await differentiate(single, { loss, wrt }), feeds);
      return (whole ? results["report/shrink"] : results["loss"])?.data[0] as number;
    };
    expect(await run(false)).toBeCloseTo(await run(true), 6);
  });

  it("refuses weights that are none", () => {
    expect(() => dbLoss({ alpha: -1 })).toThrow("alpha is -1");
    expect(() => distillation({ borderWeight: Number.NaN })).toThrow("borderWeight is NaN");
  });
});

describe("distillation", () => {
  it("is the weighted cross-entropy and the dice of what the teacher sees, computed plainly", async () => {
    const random = createRandom(9);
    const x = float32Feed(
      [2, 3, 8, 8],
      Float32Array.from({ length: 384 }, () => 4 * random() - 2),
    );
    const teacher = Float32Array.from({ length: COUNT }, () => random());
    const [map] = Object.values(await runModel(model(), { x }));
    const p = [...((map?.data ?? []) as Float32Array)];
    const [first] = model().graph.initializers;
    const built = await differentiate(model(), {
      loss: distillation({ borderWeight: 3, diceWeight: 0.5 }),
      wrt: [first?.name ?? ""],
    });
    const results = await runModel(built, { x, teacher: float32Feed(DIMS, teacher) });
    const weights = [...teacher].map((t) => (t > 0.1 && t < 0.9 ? 4 : 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const bce =
      p.reduce((sum, value, at) => {
        const t = teacher[at] as number;
        return (
          sum - (weights[at] as number) * (t * Math.log(value) + (1 - t) * Math.log(1 - value))
        );
      }, 0) / total;
    const isText = (image: number, row: number, column: number): boolean =>
      row >= 0 && column >= 0 && (teacher[image * 64 + row * 8 + column] as number) > 0.3;
    const dilated = p.map((_, at) => {
      const [image, row, column] = [Math.floor(at / 64), Math.floor((at % 64) / 8), at % 8];
      const found = [0, 1].some((up) =>
        [0, 1].some((left) => isText(image, row - up, column - left)),
      );
      return found ? 1 : 0;
    });
    const overlap = p.reduce((sum, value, at) => sum + value * (dilated[at] as number), 0);
    const sums = p.reduce((sum, value, at) => sum + value + (dilated[at] as number), 0);
    const dice = 1 - (2 * overlap) / (sums + 1e-6);
    expect(results["report/bce"]?.data[0]).toBeCloseTo(bce, 4);
    expect(results["report/dice"]?.data[0]).toBeCloseTo(dice, 5);
    expect(results["loss"]?.data[0]).toBeCloseTo(bce + 0.5 * dice, 4);
  });
});
