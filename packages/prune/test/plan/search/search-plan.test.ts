import { createRandom, type ProgressEvent, type PruningPlan } from "@ocrslim/graph";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { searchPlan } from "../../../src/plan/search/search-plan.ts";
import type {
  PlanMeasurement,
  PlanSearch,
  SearchPlanOptions,
  SearchTarget,
} from "../../../src/plan/search/types.ts";

fc.configureGlobal({ seed: 1 });

/** A plan that keeps so many of 1000 channels. */
const planOf = (kept: number, id = "group"): PruningPlan => ({
  formatVersion: 1,
  inputShapes: {},
  groups: [
    { id, width: 1000, keep: Array.from({ length: Math.round(kept * 1000) }, (_, at) => at) },
  ],
  skipped: [],
  provenance: {},
});
const keptBy = ({ groups: [group] }: PruningPlan): number => group!.keep.length / 1000;

interface World {
  /** Measured time of a kept fraction; `undefined`: not measured. */
  readonly time?: (kept: number) => number;
  readonly loss?: (kept: number) => number;
  readonly macs?: (kept: number) => number;
  /** Smallest fraction that plans go down to. */
  readonly floor?: number;
}

function search(
  target: SearchTarget,
  world: World,
  options: Partial<SearchPlanOptions> = {},
): Promise<PlanSearch> {
  const { time, loss = (kept) => (1 - kept) ** 2, macs = (kept) => kept, floor = 0 } = world;
  return searchPlan({
    target,
    makePlan: (kept) => planOf(Math.max(kept, floor)),
    measure: (plan): Promise<PlanMeasurement> => {
      const kept = keptBy(plan);
      return Promise.resolve({
        loss: loss(kept),
        macsRatio: macs(kept),
        parametersRatio: kept,
        ...(time ? { latency: { medianMs: 40 * time(kept), ratio: time(kept) } } : {}),
      });
    },
    ...options,
  });
}

/** What time really does: a part stays, the rest bends. */
const realTime = (fixed: number, bend: number) => (kept: number) =>
  fixed + (1 - fixed) * kept ** bend;

describe("searchPlan for a latency", () => {
  it("comes within 2 % below the budget in four measurements, however wrong the prediction", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0, max: 0.2, noNaN: true }),
        fc.double({ min: 0.6, max: 1.5, noNaN: true }),
        fc.double({ min: 0.4, max: 0.9, noNaN: true }),
        async (fixed, bend, latency) => {
          const { chosen, tried, outcome } = await search(
            { latency },
            { time: realTime(fixed, bend) },
          );
          expect(tried.length).toBeLessThanOrEqual(4);
          expect(outcome).toMatchObject({ quantity: "latency", wanted: latency, met: true });
          expect(chosen!.latency!.ratio).toBeLessThanOrEqual(latency);
          expect(chosen!.latency!.ratio).toBeGreaterThanOrEqual(latency * 0.98);
          expect(outcome.reached).toBe(chosen!.latency!.ratio);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("meets the budget under noise of 2 %, too, never with a plan that measured above it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1e6 }),
        fc.double({ min: 0.4, max: 0.8, noNaN: true }),
        async (seed, latency) => {
          const random = createRandom(seed);
          const exact = realTime(0.15, 1.2);
          const time = (kept: number): number => exact(kept) * (0.98 + 0.04 * random());
          const once = new Map<number, number>();
          const noisy = (kept: number): number => {
            const known = once.get(kept) ?? time(kept);
            once.set(kept, known);
            return known;
          };
          const { chosen, outcome, tried } = await search({ latency }, { time: noisy });
          expect(outcome.met).toBe(true);
          expect(chosen!.latency!.ratio).toBeLessThanOrEqual(latency);
          expect(chosen!.latency!.ratio).toBeGreaterThanOrEqual(latency * 0.9);
          expect(tried.length).toBeLessThanOrEqual(6);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("states what was measured in the plan", async () => {
    const { chosen } = await search({ latency: 0.5 }, { time: (kept) => kept });
    expect(chosen!.plan.provenance["measuredLatency"]).toEqual(chosen!.latency);
  });

  it("says so where the widths do not go down so far, and takes the fastest", async () => {
    const world = { time: (kept: number) => kept, floor: 0.4 };
    const { chosen, outcome, tried } = await search({ latency: 0.3 }, world);
    expect(outcome).toMatchObject({ met: false, code: "budget-not-reached", reached: 0.4 });
    expect(outcome.reason).toContain("40.0 %");
    expect(keptBy(chosen!.plan)).toBe(0.4);
    expect(tried.length).toBe(1);
  });

  it("measures no plan twice", async () => {
    const measured: number[] = [];
    const steps = (kept: number): number => Math.round(kept * 4) / 4;
    await searchPlan({
      target: { latency: 0.6 },
      makePlan: (kept) => planOf(steps(kept)),
      measure: (plan) => {
        measured.push(keptBy(plan));
        const ratio = keptBy(plan);
        return Promise.resolve({
          loss: 0,
          macsRatio: ratio,
          parametersRatio: ratio,
          latency: { medianMs: 1, ratio },
        });
      },
    });
    expect(new Set(measured).size).toBe(measured.length);
    expect(Math.min(...measured)).toBeLessThanOrEqual(0.6);
  });
});

describe("searchPlan for other targets", () => {
  it("takes the first plan where predictions are exact", async () => {
    const { chosen, tried, outcome } = await search({ macs: 0.5 }, {});
    expect(tried.length).toBe(1);
    expect(chosen!.macsRatio).toBe(0.5);
    expect(outcome).toEqual({ quantity: "macs", wanted: 0.5, reached: 0.5, met: true });
  });

  it("goes down to budgets below the least fraction that a loss is looked for at", async () => {
    const { chosen, outcome } = await search({ parameters: 0.04 }, {});
    expect(outcome.met).toBe(true);
    expect(chosen!.parametersRatio).toBe(0.04);
  });

  it("finds the fastest plan within a loss by halving", async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.01, max: 0.5, noNaN: true }), async (maximumLoss) => {
        const { chosen, outcome } = await search({ maximumLoss }, { time: (kept) => kept });
        const best = 1 - Math.sqrt(maximumLoss);
        expect(chosen!.loss).toBeLessThanOrEqual(maximumLoss);
        expect(chosen!.latency!.ratio).toBeLessThanOrEqual(best + 0.9 / 2 ** 5 + 1e-3);
        expect(outcome).toMatchObject({ quantity: "loss", wanted: maximumLoss, met: true });
      }),
      { numRuns: 50 },
    );
  });

  it("goes back to the smallest model within the loss where the budget costs too much", async () => {
    const { chosen, outcome } = await search(
      { latency: 0.4, maximumLoss: 0.09 },
      { time: (kept) => kept },
    );
    expect(chosen!.loss).toBeLessThanOrEqual(0.09);
    expect(chosen!.latency!.ratio).toBeGreaterThanOrEqual(0.7);
    expect(chosen!.latency!.ratio).toBeLessThanOrEqual(0.73);
    expect(outcome).toMatchObject({ quantity: "latency", met: false, code: "loss-exceeded" });
    const both = await search({ latency: 0.8, maximumLoss: 0.09 }, { time: (kept) => kept });
    expect(both.outcome.met).toBe(true);
    expect(both.chosen!.latency!.ratio).toBeLessThanOrEqual(0.8);
  });

  it("leaves the model as it is where nothing can go within the loss", async () => {
    const { chosen, outcome } = await search({ maximumLoss: 0.01 }, { loss: () => 0.5 });
    expect(chosen).toBeUndefined();
    expect(outcome).toMatchObject({ code: "nothing-removable", reached: 0 });
  });

  it("refuses plans that measure slower than the original, however few MACs they keep", async () => {
    const slow = await search({ macs: 0.5 }, { time: () => 1.2 });
    expect(slow.chosen).toBeUndefined();
    expect(slow.outcome).toMatchObject({ met: false, code: "slower-than-original" });
    expect(slow.outcome.reason).toContain("120.0 %");
    expect(slow.tried.length).toBeGreaterThan(0);
    const loss = await search({ maximumLoss: 0.3 }, { time: () => 1.2 });
    expect(loss.chosen).toBeUndefined();
    expect(loss.outcome.code).toBe("slower-than-original");
  });
});

describe("searchPlan with neighbours", () => {
  const world: World = {
    time: (kept) => kept,
    // A dip that predictions did not know of.
    loss: (kept) => (1 - kept) ** 2 - (kept > 0.486 && kept < 0.492 ? 0.1 : 0),
  };
  const neighbours = (plan: PruningPlan): readonly PruningPlan[] =>
    [-0.005, 0.005, -0.01].map((step) => planOf(Math.round((keptBy(plan) + step) * 1000) / 1000));

  it("goes to better ones that are within the budget, and stops after so many", async () => {
    const plain = await search({ latency: 0.5 }, world);
    const stepped = await search({ latency: 0.5 }, world, { neighbours });
    expect(stepped.chosen!.loss).toBeLessThan(plain.chosen!.loss);
    expect(stepped.chosen!.latency!.ratio).toBeLessThanOrEqual(0.5);
    expect(stepped.tried.length - plain.tried.length).toBeLessThanOrEqual(6);
    const two = await search({ latency: 0.5 }, world, { neighbours, neighbourSteps: 2 });
    expect(two.tried.length - plain.tried.length).toBe(2);
  });

  it("takes faster ones within the loss where no budget is given", async () => {
    const target = { maximumLoss: 0.2 };
    const plain = await search(target, world);
    const stepped = await search(target, world, { neighbours });
    expect(stepped.chosen!.latency!.ratio).toBeLessThan(plain.chosen!.latency!.ratio);
    expect(stepped.chosen!.loss).toBeLessThanOrEqual(0.2);
  });
});

describe("searchPlan", () => {
  it("gives the front: of those that it tried, what no other one beats", async () => {
    const { front, tried } = await search({ maximumLoss: 0.1 }, { time: (kept) => kept });
    const beats = (a: PlanMeasurement, b: PlanMeasurement): boolean =>
      a.latency!.ratio <= b.latency!.ratio &&
      a.loss <= b.loss &&
      (a.latency!.ratio < b.latency!.ratio || a.loss < b.loss);
    for (const plan of tried) {
      expect(front.includes(plan)).toBe(!tried.some((other) => beats(other, plan)));
    }
    const times = front.map(({ latency }) => latency!.ratio);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("finds the same plan for the same measurements", async () => {
    const world = { time: realTime(0.2, 1.3) };
    const run = () => search({ latency: 0.55, maximumLoss: 0.2 }, world);
    expect(await run()).toEqual(await run());
  });

  it("tells its progress and stops when it is told to", async () => {
    const events: ProgressEvent[] = [];
    await search({ macs: 0.5 }, {}, { onProgress: (event) => events.push(event) });
    expect(events.map(({ kind }) => kind)).toEqual(["start", "advance", "end"]);
    const measure = vi.fn();
    const stopped = search({ macs: 0.5 }, {}, { measure, signal: AbortSignal.abort() });
    await expect(stopped).rejects.toThrow("aborted");
    expect(measure).not.toHaveBeenCalled();
  });

  it("refuses targets that are none, and measurements that are no numbers", async () => {
    const code = expect.objectContaining({ code: "invalid-option" });
    const targets: readonly SearchTarget[] = [
      {},
      { macs: 0.5, latency: 0.5 },
      { latency: 0 },
      { macs: 1.5 },
      { maximumLoss: -1 },
      { maximumLoss: Number.NaN },
    ];
    for (const target of targets) await expect(search(target, {})).rejects.toEqual(code);
    const worlds: readonly World[] = [
      { loss: () => Number.NaN, time: () => 0.5 },
      { time: () => Number.NaN },
      { time: () => 0 },
      {},
    ];
    for (const world of worlds) await expect(search({ latency: 0.5 }, world)).rejects.toEqual(code);
    await expect(search({ macs: 0.5 }, {}, { budgetSteps: 0 })).rejects.toEqual(code);
    await expect(search({ macs: 0.5 }, {}, { tolerance: 2 })).rejects.toEqual(code);
  });
});
