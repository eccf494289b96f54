import type { PaddleSchedulePlan } from "@ocrslim/ocr-det";
import { describe, expect, it } from "vitest";
import { chooseMicroBatch } from "../../src/pipeline/training-run.ts";
import { toSchedule } from "../../src/pipeline/training-setup.ts";

const EPOCHS = 50;
const STEPS = 20;
const TOTAL = EPOCHS * STEPS;

/** PaddleOCR's learning rates: straight warm-up from 0, then the decay, counted from its end. */
const withWarmUp =
  (warmUp: number, rate: number, decay: (step: number) => number) =>
  (update: number): number =>
    update < warmUp ? (rate * update) / warmUp : decay(update - warmUp);

describe("toSchedule", () => {
  const cases: readonly (readonly [PaddleSchedulePlan, (update: number) => number])[] = [
    [
      { kind: "constant", learningRate: 0.1, warmUp: { epochs: 2 } },
      withWarmUp(2 * STEPS, 0.1, () => 0.1),
    ],
    [
      { kind: "cosine", learningRate: 0.1, warmUp: { epochs: 2 } },
      withWarmUp(2 * STEPS, 0.1, (step) => 0.05 * (1 + Math.cos((Math.PI * step) / TOTAL))),
    ],
    [
      { kind: "cosine", learningRate: 0.1, warmUp: { updates: 100 } },
      withWarmUp(100, 0.1, (step) => 0.05 * (1 + Math.cos((Math.PI * step) / TOTAL))),
    ],
    [
      { kind: "polynomial", learningRate: 0.1, power: 0.9, final: 0.01, warmUp: { epochs: 0 } },
      (update) => 0.09 * (1 - update / TOTAL) ** 0.9 + 0.01,
    ],
    [
      { kind: "step", learningRate: 0.1, everyEpochs: 15, factor: 0.5, warmUp: { epochs: 0 } },
      (update) => 0.1 * 0.5 ** Math.floor(update / (15 * STEPS)),
    ],
    [
      {
        kind: "piecewise",
        learningRate: 0.1,
        pieces: [
          [10, 0.05],
          [30, 0.01],
          [400, 0.001],
        ],
        warmUp: { epochs: 1 },
      },
      withWarmUp(STEPS, 0.1, (step) => (step < 200 ? 0.1 : step < 600 ? 0.05 : 0.01)),
    ],
  ];

  it.each(cases)("is PaddleOCR's: %j", (plan, expected) => {
    const schedule = toSchedule(plan, { epochs: EPOCHS, updatesPerEpoch: STEPS });
    for (let update = 0; update < TOTAL; update += 7) {
      expect(schedule(update, TOTAL)).toBeCloseTo(expected(update), 12);
    }
  });

  it("keeps its shape in a shorter run", () => {
    const [, [plan] = []] = cases;
    if (!plan) throw new TypeError("no case");
    const schedule = toSchedule(plan, { epochs: EPOCHS, updatesPerEpoch: STEPS });
    for (let update = 0; update < TOTAL; update += 10) {
      expect(schedule(update / 10, TOTAL / 10)).toBeCloseTo(schedule(update, TOTAL), 12);
    }
  });
});

describe("chooseMicroBatch", () => {
  it("divides the batch, and holds no more pixels than 4 images of 640 × 640", () => {
    expect(chooseMicroBatch(16, 640)).toBe(4);
    expect(chooseMicroBatch(8, 960)).toBe(1);
    expect(chooseMicroBatch(6, 480)).toBe(6);
    expect(chooseMicroBatch(7, 640)).toBe(1);
    expect(chooseMicroBatch(16, 64)).toBe(16);
    for (const size of [320, 640, 960, 1280]) {
      for (let batch = 1; batch <= 32; batch++) {
        const micro = chooseMicroBatch(batch, size);
        expect(batch % micro).toBe(0);
        expect(micro === 1 || micro * size * size <= 4 * 640 * 640).toBe(true);
      }
    }
  });
});
