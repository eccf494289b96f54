import type { ChannelGroup } from "@ocrslim/graph";
import { listPoints, type SensitivityReport } from "@ocrslim/sensitivity";
import { describe, expect, it } from "vitest";
import { listMissing, planShards } from "../src/shards.ts";
import { suffixMacs } from "../src/suffix-macs.ts";
import { groups, inputShapes, model } from "./sweep.ts";

const wide = (count: number): readonly ChannelGroup[] =>
  Array.from({ length: count }, (_, index) => ({ id: `g${index}`, width: 100, members: [] }));
const ratios = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

describe("planShards", () => {
  it.each([1, 2, 3, 7, 8, 40])("gives %i parts every point once, in order, evenly", (count) => {
    const points = listPoints(wide(4), ratios);
    const costOf = ({ group }: { group: string }): number => 10 - Number(group.slice(1));
    const parts = planShards(points, count, costOf);
    expect(parts).toHaveLength(count);
    expect(parts.flat()).toEqual(points);
    expect(planShards(points, count, costOf)).toEqual(parts);
    const costs = parts.map((part) => part.reduce((sum, point) => sum + costOf(point), 0));
    const even = points.reduce((sum, point) => sum + costOf(point), 0) / count;
    for (const cost of costs) expect(Math.abs(cost - even)).toBeLessThanOrEqual(10);
  });

  it("counts nothing for points that need no measuring", () => {
    // 2 of 4 channels at most ratios: few of them are distinct.
    const narrow: ChannelGroup = { id: "narrow", width: 4, members: [] };
    const points = listPoints([narrow, ...wide(1)], ratios);
    const [first, second] = planShards(points, 2);
    const distinct = (part: typeof first): number =>
      new Set(part?.filter((p) => p.removed > 0).map((p) => `${p.group} ${p.removed}`)).size;
    expect(Math.abs(distinct(first) - distinct(second))).toBeLessThanOrEqual(1);
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses %d parts", (count) => {
    expect(() => planShards([], count)).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("refuses a cost of %d", (cost) => {
    expect(() => planShards(listPoints(wide(1), [0.5]), 1, () => cost)).toThrow(
      expect.objectContaining({ code: "invalid-option", group: "g0" }),
    );
  });
});

describe("suffixMacs", () => {
  it("counts what depends on the group, and a tenth of the model", () => {
    const costOf = suffixMacs(model, groups, inputShapes);
    const [first, second] = listPoints(groups.slice(0, 2), [0.5]);
    // 6 × 6 outputs of 3 × 3 kernels.
    const macs = [3 * 8, 8 * 6, 6 * 2].map((channels) => channels * 36 * 9);
    const total = macs.reduce((sum, count) => sum + count, 0);
    expect(costOf(first!)).toBeCloseTo(total * 1.1, 6);
    expect(costOf(second!)).toBeCloseTo(total * 1.1 - macs[0]!, 6);
  });
});

describe("listMissing", () => {
  it("lists what a report lacks, failed points among it", () => {
    const points = listPoints(wide(2), [0.1, 0.2]);
    const report: SensitivityReport = {
      formatVersion: 1,
      baseline: 1,
      images: 1,
      modelHash: "",
      criterion: "",
      inputShapes: {},
      relativeTo: "baseline",
      channelMultiple: 1,
      curves: [
        {
          group: "g0",
          width: 100,
          points: [{ ratio: 0.2, removed: 20, loss: 0, metric: 1, images: 1 }],
        },
      ],
      skipped: [],
      failed: [{ group: "g1", ratio: 0.1, removed: 10, reason: "no" }],
    };
    expect(listMissing(report, points)).toEqual(points.filter((_, index) => index !== 1));
    expect(listMissing({ ...report, curves: [] }, points)).toEqual(points);
  });
});
