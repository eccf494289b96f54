import type { SensitivityReport } from "@ocrslim/sensitivity";
import { describe, expect, it } from "vitest";
import {
  rankCurves,
  sensitivityTable,
  showsUnicode,
  sparkline,
} from "../../src/output/sensitivity-table.ts";
import { reportOf } from "../report/sensitivity-reports.ts";

const shares = new Map([
  ["a", { macs: 0.2 }],
  ["b", { macs: 0.4 }],
  ["c", { macs: 0.1 }],
]);

const idsOf = (report: SensitivityReport, weights: Parameters<typeof rankCurves>[1]) =>
  rankCurves(report, weights).map(({ curve }) => curve.group);

describe("rankCurves", () => {
  it("puts first what loses least for what it saves", () => {
    // Loss ÷ share at a half: a 0.1 ÷ 0.2, b 0.1 ÷ 0.4, c 0.01 ÷ 0.1.
    const report = reportOf({ a: [0.01, 0.1, 1], b: [0.01, 0.1, 1], c: [0.001, 0.01, 0.2] });
    expect(idsOf(report, shares)).toEqual(["c", "b", "a"]);
  });

  it("takes shares of latency where every group has one", () => {
    const report = reportOf({ a: [0, 0.1, 1], b: [0, 0.1, 1] });
    const some = new Map([
      ["a", { macs: 0.2, latency: 0.5 }],
      ["b", { macs: 0.4 }],
    ]);
    expect(idsOf(report, some)).toEqual(["b", "a"]);
    expect(idsOf(report, new Map([...some, ["b", { macs: 0.4, latency: 0.1 }]]))).toEqual([
      "a",
      "b",
    ]);
  });

  it("takes losses below a thousandth for noise: the larger share goes first", () => {
    const report = reportOf({ a: [0, -0.02, 0], b: [0, 0.0009, 0], c: [0, 0.0001, 0] });
    expect(idsOf(report, shares)).toEqual(["b", "a", "c"]);
  });

  it("puts last what has no share and what was not measured, by name", () => {
    const report = reportOf({ z: [0, 0, 0], b: [], a: [0, 0.5, 1] });
    expect(idsOf(report, shares)).toEqual(["a", "b", "z"]);
  });
});

describe("sparkline", () => {
  it("rises from the lowest block to the highest, never falls where losses rise", () => {
    const losses = Array.from({ length: 101 }, (_, index) => index / 100);
    for (const [ascii, blocks] of [
      [false, "▁▂▃▄▅▆▇█"],
      [true, "_.:-=+*#"],
    ] as const) {
      const heights = [...sparkline(losses, 1, ascii)].map((block) => blocks.indexOf(block));
      expect(heights[0]).toBe(0);
      expect(heights.at(-1)).toBe(7);
      expect(heights).toEqual(heights.toSorted((a, b) => a - b));
    }
  });

  it("draws gains as no loss, too much as all, and what is missing as a blank", () => {
    expect(sparkline([-1, undefined, 0.5, 9], 0.5)).toBe("▁ ██");
  });
});

describe("sensitivityTable", () => {
  const report = reportOf({ a: [0.01, 0.1, 1], b: [0, 0.004, 0.09] });

  it("lists groups by rank, with shares, the middle loss and a sparkline", () => {
    expect(sensitivityTable(report, shares)).toBe(
      [
        "group  width    MACs  loss at 50 %  10 % … 90 % removed",
        "─────  ─────  ──────  ────────────  ───────────────────",
        "b         16  40.0 %         0.4 %  ▁▁▃",
        "a         16  20.0 %        10.0 %  ▂▃█",
      ].join("\n"),
    );
  });

  it("shows shares of latency where some are known, and intervals where they were computed", () => {
    const [first, ...others] = report.curves;
    const points = first!.points.map((point) => ({
      ...point,
      interval: [point.loss - 0.01, point.loss + 0.02] as const,
    }));
    const table = sensitivityTable(
      { ...report, curves: [{ ...first!, points }, ...others] },
      new Map([["a", { macs: 0.2, latency: 0.125 }]]),
    );
    expect(table).toContain("latency");
    expect(table).toContain("12.5 %");
    expect(table).toContain("10.0 % (9.0 … 12.0)");
  });

  it("says at which ratio a loss is if the middle one was not measured", () => {
    const [first, second] = report.curves;
    const shorter = { ...second!, points: second!.points.slice(0, 1) };
    const table = sensitivityTable({ ...report, curves: [first!, shorter] }, shares);
    expect(table).toContain("0.0 % at 10 %");
    expect(table).toMatch(/▁\s*$/m);
  });

  it("needs nothing but ASCII if asked", () => {
    const table = sensitivityTable(report, shares, { ascii: true });
    expect(table).toMatch(/^[\x20-\x7e\n]*$/);
    expect(table.split("\n")).toHaveLength(4);
  });

  it("is a bare head for a report without curves", () => {
    expect(sensitivityTable(reportOf({}), shares).split("\n")).toHaveLength(2);
  });
});

describe("showsUnicode", () => {
  it("asks the locale, in the order of its variables", () => {
    expect(showsUnicode({ LANG: "en_GB.UTF-8" }, "linux")).toBe(true);
    expect(showsUnicode({ LC_ALL: "C", LANG: "en_GB.UTF-8" }, "linux")).toBe(false);
    expect(showsUnicode({ LC_ALL: "", LC_CTYPE: "de_DE.utf8" }, "darwin")).toBe(true);
    expect(showsUnicode({}, "linux")).toBe(false);
  });

  it("asks for a terminal that is known to on Windows", () => {
    expect(showsUnicode({ LANG: "en_GB.UTF-8" }, "win32")).toBe(false);
    expect(showsUnicode({ WT_SESSION: "1" }, "win32")).toBe(true);
    expect(showsUnicode({ TERM_PROGRAM: "vscode" }, "win32")).toBe(true);
  });
});
