import { createRandom } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import { constantRate } from "../../src/optimizers/constant-rate.ts";
import { cosineRate } from "../../src/optimizers/cosine-rate.ts";
import { piecewiseRate } from "../../src/optimizers/piecewise-rate.ts";
import { polynomialRate } from "../../src/optimizers/polynomial-rate.ts";
import type { Schedule } from "../../src/optimizers/schedule.ts";
import { stepRate } from "../../src/optimizers/step-rate.ts";
import type { ScheduleOptions } from "../../src/optimizers/warm-up.ts";

const all: Readonly<Record<string, (options: ScheduleOptions) => Schedule>> = {
  constantRate,
  cosineRate: (options) => cosineRate({ ...options, final: 1e-5 }),
  polynomialRate: (options) => polynomialRate({ ...options, power: 0.9, final: 1e-5 }),
  stepRate: (options) => stepRate({ ...options, every: { fraction: 0.2 }, factor: 0.5 }),
  piecewiseRate: (options) =>
    piecewiseRate({
      ...options,
      pieces: [
        [{ fraction: 0.3 }, 1e-3],
        [{ fraction: 0.6 }, 1e-5],
      ],
    }),
};

const ratesOf = (schedule: Schedule, total: number): number[] =>
  Array.from({ length: total }, (_, update) => schedule(update, total));

/** Settings of trainings, at random. */
function settings(): readonly { learningRate: number; warmUp: number; total: number }[] {
  const random = createRandom(7);
  return Array.from({ length: 30 }, () => {
    const total = 1 + Math.floor(random() * 300);
    return {
      learningRate: 1e-3 * (1 + 9 * random()),
      warmUp: Math.floor(random() * total * 1.2),
      total,
    };
  });
}

describe("every schedule", () => {
  for (const [name, make] of Object.entries(all)) {
    it(`${name} rises in a line, never above the learning rate, and never rises again`, () => {
      for (const { learningRate, warmUp, total } of settings()) {
        const rates = ratesOf(make({ learningRate, warmUp }), total);
        rates.forEach((rate, update) => {
          expect(rate).toBeGreaterThanOrEqual(0);
          expect(rate).toBeLessThanOrEqual(learningRate);
          if (update < warmUp) expect(rate).toBeCloseTo((learningRate * update) / warmUp, 12);
          else if (update === warmUp) expect(rate).toBe(learningRate);
          else expect(rate).toBeLessThanOrEqual(rates[update - 1] ?? 0);
        });
      }
    });

    it(`${name} takes a fraction for the warm-up, and a rate to start it from`, () => {
      const byFraction = make({
        learningRate: 0.01,
        warmUp: { fraction: 0.1 },
        warmUpFrom: 0.002,
      });
      const byUpdates = make({ learningRate: 0.01, warmUp: 25, warmUpFrom: 0.002 });
      expect(ratesOf(byFraction, 250)).toEqual(ratesOf(byUpdates, 250));
      expect(byFraction(0, 250)).toBe(0.002);
      expect(byFraction(5, 250)).toBeCloseTo(0.002 + (0.008 * 5) / 25, 12);
      expect(byFraction(25, 250)).toBe(0.01);
    });

    it(`${name} refuses numbers out of range when made`, () => {
      const base = { learningRate: 0.01 };
      for (const options of [
        { learningRate: 0 },
        { learningRate: -1 },
        { learningRate: Number.NaN },
        { ...base, warmUp: -1 },
        { ...base, warmUp: { fraction: 1.5 } },
        { ...base, warmUpFrom: -0.1 },
      ]) {
        expect(() => make(options)).toThrow(expect.objectContaining({ code: "invalid-option" }));
      }
    });
  }
});

describe("decaying schedules", () => {
  for (const make of [cosineRate, polynomialRate]) {
    it(`${make.name} goes from the learning rate to final and stays there`, () => {
      const schedule = make({ learningRate: 1, final: 0.1, warmUp: 20, length: 50 });
      expect(schedule(20, 100)).toBe(1);
      expect(schedule(45, 100)).toBeCloseTo(0.55, 12);
      for (const update of [70, 71, 99, 1000]) expect(schedule(update, 100)).toBeCloseTo(0.1, 12);
      // Without a length, it would be reached by the update after the last.
      expect(make({ learningRate: 1, final: 0.1, warmUp: 20 })(100, 100)).toBeCloseTo(0.1, 12);
      expect(make({ learningRate: 1, final: 0.1, warmUp: 20 })(60, 100)).toBeCloseTo(0.55, 12);
    });

    it(`${make.name} refuses a final rate, a length or a power out of range`, () => {
      const base = { learningRate: 1 };
      for (const options of [
        { ...base, final: -1 },
        { ...base, final: Number.NaN },
        { ...base, length: 0 },
        { ...base, length: { fraction: 0 } },
      ]) {
        expect(() => make(options)).toThrow(expect.objectContaining({ code: "invalid-option" }));
      }
    });
  }

  it("polynomialRate is a line by default, and bends with its power", () => {
    const rates = ratesOf(polynomialRate({ learningRate: 8 }), 8);
    expect(rates).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect(polynomialRate({ learningRate: 1, power: 2 })(5, 10)).toBe(0.25);
    expect(() => polynomialRate({ learningRate: 1, power: 0 })).toThrow("power is 0");
  });
});

describe("PaddleOCR's schedules", () => {
  // Straight from paddle.optimizer.lr: LinearWarmup steps its inner schedule by update − warm-up.
  const warmed =
    (lr: number, warmUp: number, inner: (update: number) => number) =>
    (update: number): number =>
      update < warmUp ? (lr * update) / warmUp : inner(update - warmUp);
  const [lr, epochs, perEpoch, warmUpEpochs] = [0.001, 12, 10, 2];
  const total = epochs * perEpoch;
  const warmUp = warmUpEpochs * perEpoch;
  const same = (schedule: Schedule, definition: (update: number) => number): void => {
    ratesOf(schedule, total).forEach((rate, update) => {
      expect(rate).toBeCloseTo(definition(update), 14);
    });
  };

  it("Cosine", () => {
    same(
      cosineRate({ learningRate: lr, warmUp, length: { fraction: 1 } }),
      warmed(lr, warmUp, (update) => (lr * (1 + Math.cos((Math.PI * update) / total))) / 2),
    );
  });

  it("Linear and Polynomial", () => {
    for (const [power, end] of [
      [1, 0],
      [0.9, 0],
      [2, 1e-5],
    ] as const) {
      same(
        polynomialRate({
          learningRate: lr,
          power,
          final: end,
          warmUp,
          length: { fraction: 1 },
        }),
        warmed(
          lr,
          warmUp,
          (update) => (lr - end) * (1 - Math.min(update, total) / total) ** power + end,
        ),
      );
    }
  });

  it("Piecewise and MultiStepDecay", () => {
    const boundaries = [3 * perEpoch, 7 * perEpoch];
    const values = [lr, 0.0005, 0.0001];
    same(
      piecewiseRate({
        learningRate: lr,
        warmUp,
        pieces: [
          [30, 0.0005],
          [70, 0.0001],
        ],
      }),
      warmed(lr, warmUp, (update) => {
        const index = boundaries.findIndex((boundary) => update < boundary);
        return values.at(index) ?? 0;
      }),
    );
  });

  it("Step and Const", () => {
    same(
      stepRate({ learningRate: lr, every: 3 * perEpoch, factor: 0.5, warmUp }),
      warmed(lr, warmUp, (update) => lr * 0.5 ** Math.floor(update / 30)),
    );
    same(
      constantRate({ learningRate: lr, warmUp }),
      warmed(lr, warmUp, () => lr),
    );
  });
});

describe("piecewiseRate and stepRate", () => {
  it("refuse pieces that do not ascend, and lengths and rates out of range", () => {
    const learningRate = 0.1;
    const wrong: readonly (() => Schedule)[] = [
      () =>
        piecewiseRate({
          learningRate,
          pieces: [
            [20, 0.1],
            [10, 0.01],
          ],
        }),
      () =>
        piecewiseRate({
          learningRate,
          pieces: [
            [{ fraction: 0.5 }, 0.1],
            [{ fraction: 0.5 }, 0.01],
          ],
        }),
      () => piecewiseRate({ learningRate, pieces: [[-1, 0.1]] }),
      () => piecewiseRate({ learningRate, pieces: [[1, Number.NaN]] }),
      () => stepRate({ learningRate, every: 0 }),
      () => stepRate({ learningRate, every: 10, factor: 1.5 }),
      () => stepRate({ learningRate, every: 10, factor: 0 }),
    ];
    for (const make of wrong) {
      expect(make).toThrow(expect.objectContaining({ code: "invalid-option" }));
    }
  });
});
