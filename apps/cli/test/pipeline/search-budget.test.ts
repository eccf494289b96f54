import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type MeasuredPlan,
  searchBudget,
  type Target,
  type TryPlan,
} from "../../src/pipeline/search-budget.ts";

const plan = {
  formatVersion: 1,
  inputShapes: {},
  groups: [],
  skipped: [],
  provenance: {},
} as const;

/** A model whose loss grows as (1 − kept)², and that cannot get below `floor`. */
function simulate(floor: number, lossOf = (kept: number) => (1 - kept) ** 2): TryPlan {
  return async (_axis, kept) => {
    const reached = Math.max(kept, floor);
    return {
      plan,
      kept,
      macsRatio: reached,
      parametersRatio: reached,
      loss: lossOf(reached),
      latencyRatio: 0.3 + 0.7 * reached,
    };
  };
}

const search = (target: Partial<Target>, tryPlan = simulate(0.2)) =>
  searchBudget({ kind: undefined, wanted: 1, maximumLoss: undefined, ...target }, tryPlan);

describe("searchBudget", () => {
  it("takes a budget of MACs as it is if any loss is allowed", async () => {
    const { chosen, tried, budget } = await search({ kind: "macs", wanted: 0.5 });
    expect(chosen?.macsRatio).toBe(0.5);
    expect(tried).toHaveLength(1);
    expect(budget).toMatchObject({ kind: "macs", met: true, reached: 0.5 });
  });

  it("says so if a budget cannot be met, and gives the best that can", async () => {
    const { chosen, budget } = await search({ kind: "macs", wanted: 0.3 }, simulate(0.6));
    expect(chosen?.macsRatio).toBe(0.6);
    expect(budget).toMatchObject({ met: false, reached: 0.6 });
    expect(budget.reason).toContain("cannot be met");
  });

  it("lets the budget give way where it would lose more than is allowed", async () => {
    const { chosen, budget } = await search({ kind: "macs", wanted: 0.5, maximumLoss: 0.04 });
    expect(chosen?.loss).toBeLessThanOrEqual(0.04);
    expect(chosen?.macsRatio).toBeCloseTo(0.8, 1);
    expect(budget.met).toBe(false);
    expect(budget.reason).toContain("loses more than 4.0 %");
  });

  it("finds the largest model that is fast enough", async () => {
    const { chosen, budget } = await search({ kind: "latency", wanted: 0.65 });
    expect(chosen?.latencyRatio).toBeLessThanOrEqual(0.65);
    expect(chosen?.macsRatio).toBeCloseTo(0.5, 1);
    expect(budget.met).toBe(true);
  });

  it("chooses nothing if every plan loses too much", async () => {
    const { chosen, budget } = await search(
      { maximumLoss: 0.01 },
      simulate(0.2, () => 0.5),
    );
    expect(chosen).toBeUndefined();
    expect(budget).toMatchObject({ kind: "max-loss", reached: 0 });
    expect(budget.reason).toContain("only simplified");
  });

  it("never exceeds the largest loss, whatever the losses are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        async (losses, maximumLoss) => {
          let step = 0;
          const { chosen, tried } = await search({ maximumLoss }, async (_, kept) => {
            const measured: MeasuredPlan = {
              plan,
              kept,
              macsRatio: kept,
              parametersRatio: kept,
              loss: losses[step++ % losses.length] ?? 0,
            };
            return measured;
          });
          const allowed = tried.filter(({ loss }) => loss <= maximumLoss);
          expect(chosen?.macsRatio).toBe(
            allowed.length > 0 ? Math.min(...allowed.map((one) => one.macsRatio)) : undefined,
          );
        },
      ),
      { seed: 7 },
    );
  });
});
