import type { ChannelGroup, LossCurve, PruningPlan } from "@ocrslim/graph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Allocation,
  budget,
  globalThreshold,
  ignoreFirstConvolutions,
  ignoreNames,
  ignoreSensitive,
  l1Norm,
  l2Norm,
  type PlanPruningOptions,
  PruneError,
  planPruning,
  randomScores,
  ratioPerGroup,
  ratiosFromLoss,
  uniformRatio,
} from "../../src/index.ts";
import { analyze, contextOf, smallNetwork } from "../support/models.ts";

fc.configureGlobal({ seed: 1 });

const { model, shapes, groups, open } = analyze(smallNetwork());
const { inputShapes } = shapes;
const plan = (options: Partial<PlanPruningOptions>): PruningPlan =>
  planPruning(model, {
    groups,
    criterion: l2Norm(),
    allocation: uniformRatio(0.5),
    inputShapes,
    shapes,
    ...options,
  });
const widthsOf = ({ groups: planned }: PruningPlan): Record<string, number> =>
  Object.fromEntries(planned.map(({ id, keep }) => [id, keep.length]));
const reasonsOf = ({ skipped }: PruningPlan): Record<string, string> =>
  Object.fromEntries(skipped.map(({ group, reason }) => [group, reason]));
const predicted = (made: PruningPlan) =>
  made.provenance["predicted"] as { macs: number; macsRatio: number; parametersRatio: number };

const allocations: fc.Arbitrary<Allocation> = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }).map(uniformRatio),
  fc.double({ min: 0, max: 1, noNaN: true }).map((ratio) => globalThreshold({ ratio })),
  fc.double({ min: 1e-3, max: 1, noNaN: true }).map((macs) => budget({ macs })),
  fc.double({ min: 1e-3, max: 1, noNaN: true }).map((parameters) => budget({ parameters })),
  fc.double({ min: 1e-3, max: 1, noNaN: true }).map((macs) => globalThreshold({ macs })),
);

describe("planPruning", () => {
  it("finds the groups it is tested with", () => {
    expect(open.map(({ width }) => width)).toEqual([16, 24, 20]);
  });

  it("keeps the channels with the highest scores, ascending", () => {
    const made = plan({});
    expect(widthsOf(made)).toEqual(
      Object.fromEntries(open.map(({ id, width }) => [id, width / 2])),
    );
    for (const { id, keep } of made.groups) {
      const scores = l2Norm()(open.find((group) => group.id === id)!, contextOf(model));
      const weakestKept = Math.min(...keep.map((channel) => scores[channel]!));
      scores.forEach((score, channel) => {
        if (!keep.includes(channel)) expect(score).toBeLessThanOrEqual(weakestKept);
      });
      expect(keep).toEqual([...keep].sort((a, b) => a - b));
    }
  });

  it("removes the lower index first where scores are equal", () => {
    const made = plan({
      criterion: ({ width }) => new Float64Array(width),
      allocation: uniformRatio(0.25),
    });
    expect(made.groups[0]?.keep).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  });

  it("plans or skips every group, within all rules, whatever the allocation", () => {
    fc.assert(
      fc.property(
        allocations,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (allocation, channelMultiple, minimumWidth, minimumKept) => {
          const made = plan({ allocation, channelMultiple, minimumWidth, minimumKept });
          const named = [
            ...made.groups.map(({ id }) => id),
            ...made.skipped.map(({ group }) => group),
          ];
          expect(named.sort()).toEqual(groups.map(({ id }) => id).sort());
          for (const { keep, width } of made.groups) {
            expect(keep.length).toBeLessThan(width);
            expect(keep.length).toBeGreaterThanOrEqual(minimumWidth);
            expect(keep.length % channelMultiple).toBe(0);
            expect(keep.length / width).toBeGreaterThanOrEqual(minimumKept - 1e-6);
          }
          for (const { reason } of made.skipped) expect(reason.length).toBeGreaterThan(8);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("is plain JSON with its own provenance, the same for the same seed", () => {
    const made = plan({ criterion: randomScores() });
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
    expect(plan({ criterion: randomScores() })).toEqual(made);
    expect(made.provenance).toMatchObject({
      criterion: "randomScores",
      allocation: "uniformRatio",
      ratio: 0.5,
      options: { channelMultiple: 1, minimumWidth: 1, minimumKept: 0 },
    });
  });

  it("says why it skips a group", () => {
    const [stem, wide, last] = open as [ChannelGroup, ChannelGroup, ChannelGroup];
    const output = groups.find(({ blocked }) => blocked !== undefined)!;
    const single: ChannelGroup = { id: "single", width: 1, members: [] };
    const made = planPruning(model, {
      groups: [...groups, single],
      criterion: l1Norm(),
      allocation: ratioPerGroup({ [wide.id]: 0.01 }),
      inputShapes,
      ignore: [stem.id],
    });
    expect(made.groups).toEqual([]);
    const reasons = reasonsOf(made);
    expect(reasons[output.id]).toBe(`blocked: ${output.blocked}`);
    expect(reasons["single"]).toContain("one must stay");
    expect(reasons[stem.id]).toContain("ignored by name");
    expect(reasons[wide.id]).toContain("rounds to none");
    expect(reasons[last.id]).toBe("no ratio is given for it");
    const narrow = reasonsOf(plan({ channelMultiple: 32 }));
    expect(narrow[stem.id]).toContain("cannot shrink to a multiple of 32");
  });

  it("skips groups that a criterion does not apply to, and reports wrong criteria", () => {
    const picky = plan({
      criterion: (group) => {
        if (group.id === open[0]!.id) throw new PruneError("not-applicable", "no scale here");
        return new Float64Array(group.width);
      },
    });
    expect(reasonsOf(picky)[open[0]!.id]).toBe("no scale here");
    expect(() => plan({ criterion: () => new Float64Array(2) })).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
    expect(() =>
      plan({ criterion: ({ width }) => new Float64Array(width).fill(Number.NaN) }),
    ).toThrow(expect.objectContaining({ code: "invalid-option" }));
  });

  it("refuses options out of range when they are made", () => {
    const code = expect.objectContaining({ code: "invalid-option" });
    expect(() => uniformRatio(1.5)).toThrow(code);
    expect(() => ratioPerGroup({ a: -1 })).toThrow(code);
    expect(() => budget({ macs: Number.NaN })).toThrow(code);
    expect(() => budget({} as { macs: number })).toThrow(code);
    expect(() => budget({ macs: 0.5, parameters: 0.5 } as { macs: number })).toThrow(code);
    expect(() => globalThreshold({ ratio: 2 })).toThrow(code);
    expect(() => ignoreFirstConvolutions(0)).toThrow(code);
    expect(() => plan({ channelMultiple: 0 })).toThrow(code);
    expect(() => plan({ minimumWidth: 1.5 })).toThrow(code);
    expect(() => plan({ minimumKept: 2 })).toThrow(code);
  });
});

describe("ignore rules", () => {
  const producerNames = open.map(({ id }) => id);

  it("keep what the first convolutions compute, depthwise ones not counted", () => {
    const conv = [...model.graph.nodes].filter(({ opType }) => opType === "Conv");
    expect(conv.length).toBe(6);
    const reasons = reasonsOf(plan({ ignore: [ignoreFirstConvolutions(2)] }));
    expect(Object.keys(reasons)).toEqual(expect.arrayContaining(producerNames.slice(0, 2)));
    expect(reasons[producerNames[0]!]).toBe("computed by convolution 1 of the model");
    expect(reasons[producerNames[1]!]).toBe("computed by convolution 2 of the model");
    expect(reasons[producerNames[2]!]).toBeUndefined();
  });

  it("keep groups whose smallest cut already loses too much", () => {
    const curves: LossCurve[] = [
      {
        group: producerNames[0]!,
        width: 16,
        points: [
          { ratio: 0.3, loss: 0.4 },
          { ratio: 0.1, loss: 0.2 },
        ],
      },
      { group: producerNames[1]!, width: 24, points: [{ ratio: 0.1, loss: 0.01 }] },
    ];
    const reasons = reasonsOf(plan({ ignore: [ignoreSensitive(curves, 0.05)] }));
    expect(reasons[producerNames[0]!]).toBe("sensitive: loses 0.2000 of the metric at ratio 0.1");
    expect(reasons[producerNames[1]!]).toBeUndefined();
  });

  it("know groups by their id, by values and by nodes", () => {
    const group = open[2]!;
    const consumer = group.members.find(({ role }) => role === "consumer")!;
    for (const name of [group.id, consumer.value, consumer.node!]) {
      expect(ignoreNames([name])(group, model)).toContain(name);
    }
    expect(ignoreNames(["other"])(group, model)).toBeUndefined();
  });
});

describe("allocations", () => {
  it("take the ratio of each group", () => {
    const ratios = { [open[0]!.id]: 0.25, [open[2]!.id]: 0.5, gone: 0.1 };
    const made = plan({ allocation: ratiosFromLoss(ratios) });
    expect(widthsOf(made)).toEqual({ [open[0]!.id]: 12, [open[2]!.id]: 10 });
    expect(made.provenance["unused"]).toEqual(["gone"]);
    expect(reasonsOf(made)[open[1]!.id]).toBe("no ratio keeps its loss below the bound");
  });

  it("put one threshold over all groups", () => {
    const made = plan({ allocation: globalThreshold({ ratio: 0.4 }) });
    const threshold = made.provenance["threshold"] as number;
    let removed = 0;
    for (const { id, width, keep } of made.groups) {
      const scores = l2Norm()(open.find((group) => group.id === id)!, contextOf(model));
      expect(Math.min(...keep.map((channel) => scores[channel]!))).toBeGreaterThanOrEqual(
        threshold,
      );
      removed += width - keep.length;
    }
    expect(removed).toBe(24);
  });

  it("lower the threshold until the budget is met, and no further", () => {
    const made = plan({ allocation: globalThreshold({ macs: 0.6 }) });
    expect(predicted(made).macsRatio).toBeLessThanOrEqual(0.6);
    const removed = made.groups.reduce((sum, { width, keep }) => sum + width - keep.length, 0);
    const one = plan({ allocation: globalThreshold({ ratio: (removed - 1) / 60 }) });
    expect(predicted(one).macsRatio).toBeGreaterThan(0.6);
  });

  it("meet a budget within one step, with exact cost", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 1, noNaN: true }),
        fc.constantFrom(1, 2, 4),
        fc.constantFrom("macs" as const, "parameters" as const),
        (kept, channelMultiple, quantity) => {
          const target = quantity === "macs" ? { macs: kept } : { parameters: kept };
          const made = plan({ allocation: budget(target), channelMultiple });
          const report = made.provenance["budget"] as { met: boolean; reached: number };
          const reached =
            quantity === "macs" ? predicted(made).macsRatio : predicted(made).parametersRatio;
          expect(report.met).toBe(true);
          expect(report.reached).toBeCloseTo(reached, 12);
          expect(reached).toBeLessThanOrEqual(kept + 1e-9);
          for (const { id, width, keep } of made.groups) {
            const wider = Math.min(width, keep.length + channelMultiple) - keep.length;
            const more = made.groups.map((group) =>
              group.id === id
                ? { ...group, keep: [...group.keep, ...Array.from({ length: wider }, () => -1)] }
                : group,
            );
            const widths = Object.fromEntries(
              more.map((group) => [group.id, 1 - group.keep.length / group.width]),
            );
            const grown = plan({ allocation: ratioPerGroup(widths), channelMultiple });
            const cost = predicted(grown);
            expect(quantity === "macs" ? cost.macsRatio : cost.parametersRatio).toBeGreaterThan(
              kept - 1e-9,
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("take all that may be taken where a budget cannot be met, and say so", () => {
    const made = plan({ allocation: budget({ macs: 0.01 }), minimumKept: 0.5 });
    expect(widthsOf(made)).toEqual(
      Object.fromEntries(open.map(({ id, width }) => [id, width / 2])),
    );
    expect(made.provenance["budget"]).toMatchObject({ wanted: 0.01, met: false });
    expect((made.provenance["budget"] as { reason: string }).reason).toContain("minimumKept");
  });

  it("follow measured curves: the insensitive group pays", () => {
    const curve = (group: ChannelGroup, slope: number): LossCurve => ({
      group: group.id,
      width: group.width,
      points: [0.25, 0.5, 0.75].map((ratio) => ({ ratio, loss: slope * ratio * ratio })),
    });
    const losses = [curve(open[0]!, 100), curve(open[1]!, 0.001), curve(open[2]!, 100)];
    const made = plan({ allocation: budget({ macs: 0.85 }, { losses }) });
    expect(Object.keys(widthsOf(made))).toEqual([open[1]!.id]);
    const unmeasured = plan({ allocation: budget({ macs: 0.3 }, { losses: losses.slice(1, 2) }) });
    expect(widthsOf(unmeasured)).toEqual({ [open[1]!.id]: 6 });
    expect(reasonsOf(unmeasured)[open[0]!.id]).toBe("no loss was measured for it");
    expect(unmeasured.provenance["budget"]).toMatchObject({ met: false });
  });
});
