import { cloneModel, createRunContext, type LossCurve, type PruningPlan } from "@ocrslim/graph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { budget, l2Norm, type PlanPruningOptions, planPruning } from "../../../src/index.ts";
import { createLatencyModel } from "../../../src/plan/latency-model.ts";
import { pruneChannels } from "../../../src/prune-channels.ts";
import { analyze, smallNetwork } from "../../support/models.ts";
import { emptyTable, listConvolutions, staircase, sumTimes } from "../support/timed-layers.ts";

fc.configureGlobal({ seed: 1 });

const { model, shapes, groups, open } = analyze(smallNetwork());
const { inputShapes } = shapes;
const latencyModelOf = (multiple: number) =>
  createLatencyModel(
    { layers: listConvolutions(model), table: emptyTable(multiple), layerTime: staircase },
    groups,
  );
const plan = (options: Partial<PlanPruningOptions>): PruningPlan =>
  planPruning(model, { groups, criterion: l2Norm(), inputShapes, shapes, ...options });
const code = (name: string) => expect.objectContaining({ code: name });
const curves = (change: Partial<LossCurve> = {}, loss = 0.1): readonly LossCurve[] =>
  open.map(({ id, width }, at) => ({
    group: id,
    width,
    points: [
      { ratio: 0.5, loss },
      { ratio: 0.9, loss: 0.2 },
    ],
    ...(at === 0 ? change : {}),
  }));

describe("budget of latency", () => {
  it("is met by the layers of the model that is really pruned, within the table's steps", async () => {
    const latencyModel = latencyModelOf(4);
    for (const latency of [0.9, 0.7, 0.5]) {
      const made = plan({ budget: { latency, latencyModel } });
      const pruned = cloneModel(model);
      await pruneChannels({ plan: made }).run(pruned, createRunContext());
      const ms = sumTimes(listConvolutions(pruned), emptyTable(4));
      expect(ms).toBeLessThanOrEqual(latency * latencyModel.original * (1 + 1e-9));
      expect(made.provenance["predictedLatency"]).toEqual({
        medianMs: expect.closeTo(ms, 9),
        ratio: expect.closeTo(ms / latencyModel.original, 9),
      });
      expect(made.provenance["budget"]).toMatchObject({ quantity: "latency", met: true });
      for (const { keep } of made.groups) expect(keep.length % 4).toBe(0);
    }
  });

  it("leaves groups whole that have no width on a step of the stairs", () => {
    const made = plan({ budget: { latency: 0.9, latencyModel: latencyModelOf(20) } });
    const reasons = new Map(made.skipped.map(({ group, reason }) => [group, reason]));
    expect(reasons.get(open[0]!.id)).toContain("no narrower width is a multiple of 20");
  });

  it("needs something that predicts it", () => {
    expect(() => budget({ latency: 0.5 })).toThrow(code("invalid-option"));
  });

  it("predicts the time of plans for other budgets, too", () => {
    const made = plan({ budget: { macs: 0.6, latencyModel: latencyModelOf(4) } });
    const { ratio } = made.provenance["predictedLatency"] as { ratio: number };
    expect(ratio).toBeLessThan(1);
    expect(plan({ budget: { macs: 0.6 } }).provenance["predictedLatency"]).toBeUndefined();
  });
});

describe("budget", () => {
  it("is what planPruning makes of its shorthand, exactly one of the two given", () => {
    const short = plan({ budget: { macs: 0.5, losses: curves() } });
    expect(short).toEqual(plan({ allocation: budget({ macs: 0.5 }, { losses: curves() }) }));
    expect(() => plan({})).toThrow(code("invalid-option"));
    expect(() => plan({ budget: { macs: 0.5 }, allocation: budget({ macs: 0.5 }) })).toThrow(
      code("invalid-option"),
    );
  });

  it("loses no more with more to spend", () => {
    const losses = [0.3, 0.45, 0.6, 0.75, 0.9].map(
      (macs) => plan({ budget: { macs } }).provenance["expectedLoss"] as number,
    );
    expect(losses).toEqual(losses.toSorted((a, b) => b - a));
    expect(losses[0]).toBeGreaterThan(losses[4]!);
  });

  it("refuses fractions that are not above 0 and at most 1", () => {
    for (const kept of [0, -0.5, 1.01, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => budget({ macs: kept })).toThrow(code("invalid-option"));
      expect(() => budget({ parameters: kept })).toThrow(code("invalid-option"));
      expect(() => budget({ latency: kept }, { latencyModel: latencyModelOf(4) })).toThrow(
        code("invalid-option"),
      );
    }
  });

  it("says what is possible where the limits are in the way, as an error if it is to be strict", () => {
    const limits = { minimumKept: 0.5 };
    const made = plan({ budget: { macs: 0.05 }, ...limits });
    const { reached, reason } = made.provenance["budget"] as { reached: number; reason: string };
    expect(reason).toContain(`leaves ${(reached * 100).toFixed(1)} % of the macs`);
    expect(() => plan({ budget: { macs: 0.05, strict: true }, ...limits })).toThrow(
      expect.objectContaining({
        code: "unreachable-budget",
        message: expect.stringContaining(`${(reached * 100).toFixed(1)} %`),
      }),
    );
    expect(() => plan({ budget: { macs: reached + 1e-9, strict: true }, ...limits })).not.toThrow();
  });

  it("refuses curves that are no finite numbers or of other groups", () => {
    const bad: readonly (readonly LossCurve[])[] = [
      curves({ points: [{ ratio: 0.5, loss: Number.NaN }] }),
      curves({ points: [{ ratio: 0.5, loss: Number.POSITIVE_INFINITY }] }),
      curves({ points: [{ ratio: Number.NaN, loss: 0 }] }),
      curves({ points: [{ ratio: 1.5, loss: 0 }] }),
      curves({ group: "gone" }),
      curves({ width: 99 }),
      [...curves(), ...curves()],
    ];
    for (const losses of bad) {
      expect(() => plan({ budget: { macs: 0.5, losses } })).toThrow(code("invalid-option"));
    }
    expect(plan({ budget: { macs: 0.5, losses: curves() } }).groups.length).toBeGreaterThan(0);
  });

  it("takes curves of blocked and ignored groups without using them", () => {
    const made = plan({ budget: { macs: 0.7, losses: curves() }, ignore: [open[1]!.id] });
    expect(made.groups.map(({ id }) => id)).not.toContain(open[1]!.id);
  });

  it("keeps least widths of single groups", () => {
    const id = open[1]!.id;
    const options = { budget: { macs: 0.2 }, channelMultiple: 4 } as const;
    const widthOf = (made: PruningPlan): number =>
      made.groups.find((group) => group.id === id)?.keep.length ?? 24;
    expect(widthOf(plan(options))).toBeLessThan(20);
    expect(widthOf(plan({ ...options, minimumWidths: { [id]: 18 } }))).toBeGreaterThanOrEqual(20);
    expect(() => plan({ ...options, minimumWidths: { gone: 4 } })).toThrow(code("invalid-option"));
    expect(() => plan({ ...options, minimumWidths: { [id]: 0 } })).toThrow(code("invalid-option"));
  });
});
