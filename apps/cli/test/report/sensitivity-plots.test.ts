import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SensitivityReport } from "@ocrslim/sensitivity";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { GroupShare } from "../../src/output/sensitivity-table.ts";
import { darkStyle, shorten } from "../../src/report/plots/palette.ts";
import { writeSensitivityPlots } from "../../src/report/sensitivity-plots.ts";
import { reportOf } from "./sensitivity-reports.ts";

const awkward = 'weights <b> & "quoted" {name|0}';
const report: SensitivityReport = {
  ...reportOf({ stem: [0.01, 0.05, 0.9], [awkward]: [0, -0.01, 0.04], neck: [0, 0.001, 0.002] }),
  skipped: [{ group: "head", reason: "it is an output <of> the graph" }],
  failed: [{ group: "stem", ratio: 0.7, removed: 11, reason: "the evaluator broke" }],
};
const shares: ReadonlyMap<string, GroupShare> = new Map([
  ["stem", { macs: 0.4, latency: 0.3 }],
  [awkward, { macs: 0.2, latency: 0.25 }],
  ["neck", { macs: 0.1, latency: 0.05 }],
]);

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ocrslim-plots-test-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function draw(
  what: SensitivityReport = report,
  weights = shares,
  totals: Parameters<typeof writeSensitivityPlots>[3] = {},
): Promise<Record<"curves" | "map" | "page", string>> {
  const paths = await writeSensitivityPlots(what, weights, folder, totals);
  const [curves, map, page] = paths.map((path) => readFileSync(path, "utf8"));
  return { curves: curves!, map: map!, page: page! };
}

/** Colours of everything that is drawn. */
const coloursIn = (svg: string): ReadonlySet<string> =>
  new Set(
    [
      ...svg
        .replace(/<(style|defs) ?>.*?<\/\1>/gs, "")
        .matchAll(/(?:fill|stroke)="(#\w+|rgb[^"]*)"/g),
    ].map(([, colour]) => colour!),
  );

describe("writeSensitivityPlots", () => {
  it("writes two pictures that can be drawn, and a page, and says where", async () => {
    const paths = await writeSensitivityPlots(report, shares, folder);
    expect(paths).toEqual(
      ["curves.svg", "map.svg", "sensitivity.html"].map((name) => join(folder, name)),
    );
    for (const path of paths.slice(0, 2)) {
      const { width, height } = await sharp(path).metadata();
      expect(width).toBeGreaterThan(500);
      expect(height).toBeGreaterThan(100);
      const { channels } = await sharp(path).flatten({ background: "#fff" }).stats();
      expect(channels[0]!.stdev).toBeGreaterThan(1);
    }
  });

  it("gives the same bytes again, whatever was drawn in between", async () => {
    const before = await draw();
    await draw(reportOf({ other: [0, 0.5, 1] }));
    expect(await draw()).toEqual(before);
  });

  it("says what the pictures show, for those who can't see them", async () => {
    const { curves, map } = await draw(report, shares, { latencyMs: 40 });
    for (const svg of [curves, map]) {
      expect(svg).toMatch(/^<svg [^>]*role="img" aria-labelledby="(\w+)-title \1-description"/);
      expect(svg).toMatch(/<title id="\w+-title">Loss of hmean[^<]+<\/title>/);
      expect(svg).toMatch(/<desc id="\w+-description">[^<]{40,}<\/desc>/);
    }
    expect(map).toContain("milliseconds saved");
  });

  it("has a counterpart on dark ground for each colour", async () => {
    const { curves, map } = await draw();
    const rules = darkStyle("svg.plot");
    for (const svg of [curves, map]) {
      expect(svg).toContain(rules);
      for (const colour of coloursIn(svg)) expect(rules).toContain(`"${colour}"]`);
    }
  });

  it("needs nothing from outside: no script, no link, no address but those of names", async () => {
    const { curves, map, page } = await draw();
    for (const text of [curves, map, page]) {
      expect(text).not.toMatch(/<script|<link|@import|<image|javascript:| on\w+=/i);
      const addresses = [...text.matchAll(/https?:\/\/[^"'\s<)]+/g)].map(([address]) => address);
      expect(new Set(addresses)).toEqual(
        new Set(["http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"]),
      );
    }
  });

  it("keeps ids apart between the pictures of one page", async () => {
    const { page } = await draw();
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/url\(#([^)]+)\)/g)) expect(ids).toContain(id);
  });

  it("shows names as they are, whatever is in them", async () => {
    const { curves, page } = await draw();
    expect(page).toContain("weights &lt;b&gt; &amp; &quot;quoted&quot; {name|0}");
    expect(page).not.toContain("<b> &");
    expect(curves).toContain("weights &lt;…{name|0} · 16");
  });

  it("lists on the page what was not measured, and why", async () => {
    const { page } = await draw();
    expect(page).toContain("stem at 70 %");
    expect(page).toContain("failed: the evaluator broke");
    expect(page).toContain("it is an output &lt;of&gt; the graph");
  });

  it("draws bands where intervals are known, and none without", async () => {
    const [first, ...others] = report.curves;
    const points = first!.points.map((point) => ({
      ...point,
      interval: [point.loss - 0.02, point.loss + 0.02] as const,
    }));
    const banded = await draw({ ...report, curves: [{ ...first!, points }, ...others] });
    const bands = (svg: string): number => svg.match(/fill-opacity="0.22"/g)?.length ?? 0;
    expect(bands(banded.curves)).toBe(1);
    expect(bands((await draw()).curves)).toBe(0);
    expect(banded.page).toContain("Bands are confidence intervals");
  });

  it.each<[string, ReadonlyMap<string, GroupShare>, { latencyMs?: number }, string]>([
    ["milliseconds where they are known", shares, { latencyMs: 40 }, "milliseconds saved"],
    ["shares of latency without the model's own", shares, {}, "latency saved"],
    ["MACs if a group's latency is unknown", new Map([["stem", { macs: 1 }]]), {}, "MACs saved"],
  ])("measures what is saved in %s", async (_, weights, totals, title) => {
    const { map } = await draw(report, weights, totals);
    expect(map).toContain(title);
  });

  it("draws a report without any curve, and one of many groups", async () => {
    expect((await draw(reportOf({}), new Map())).curves).toContain("</svg>");
    const many = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`group ${index}`, [0, index / 100, index / 50]]),
    );
    const { curves } = await draw(reportOf(many), new Map());
    expect(curves).toContain("group 59 · 16");
  });

  it("refuses a folder that is not there", async () => {
    await expect(
      writeSensitivityPlots(report, shares, join(folder, "nowhere")),
    ).rejects.toMatchObject({ code: "unwritable-output" });
  });
});

describe("shorten", () => {
  it("leaves out the middle of long names only", () => {
    expect(shorten("short", 5)).toBe("short");
    expect(shorten("backbone.stage3.block2.weight", 11)).toBe("backb…eight");
    expect(shorten("backbone.stage3.block2.weight", 11)).toHaveLength(11);
  });
});
