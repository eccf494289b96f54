import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  mergeSensitivities,
  parseSensitivities,
  readSensitivities,
  type SensitivityReport,
  writeSensitivities,
} from "@ocrslim/sensitivity";
import { afterAll, describe, expect, it } from "vitest";

const point = (ratio: number, loss: number) => ({
  ratio,
  loss,
  metric: 0.9 * (1 - loss),
  images: 40,
  removed: Math.round(ratio * 10),
});
const report: SensitivityReport = {
  formatVersion: 1,
  metric: "hmean",
  baseline: 0.9,
  images: 40,
  modelHash: "ab".repeat(32),
  criterion: "l1",
  dataFingerprint: "d",
  inputShapes: { x: [1, 3, 640, 640] },
  relativeTo: "baseline",
  channelMultiple: 1,
  curves: [{ group: "a", width: 10, points: [point(0.1, 0.01), point(0.3, 0.05)] }],
  skipped: [{ group: "c", reason: "graph output" }],
};

const folder = mkdtempSync(join(tmpdir(), "ocrslim-sensitivity-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("sensitivity files", () => {
  it("come back as they were written, and leave nothing beside them", async () => {
    const path = join(folder, "s.json");
    await writeSensitivities(path, report);
    expect(await readSensitivities(path)).toEqual(report);
    expect(readdirSync(folder)).toEqual(["s.json"]);
    const { metric: _, dataFingerprint: __, ...bare } = report;
    await writeSensitivities(path, bare);
    expect(await readSensitivities(path)).toEqual(bare);
    const full: SensitivityReport = {
      ...report,
      curves: [
        {
          group: "a",
          width: 10,
          points: [{ ...point(0.1, 0.01), interval: [-0.02, 0.03], isDecidedEarly: true }],
        },
      ],
      failed: [{ group: "b", ratio: 0.3, removed: 3, reason: "image 7 is broken" }],
    };
    await writeSensitivities(path, full);
    expect(await readSensitivities(path)).toEqual(full);
  });

  it("are looked for at the path given", async () => {
    const path = join(folder, "nowhere.json");
    await expect(readSensitivities(path)).rejects.toMatchObject({
      code: "file-access",
      file: path,
    });
  });

  it.each<[string, unknown]>([
    ["the document is []; expected an object", []],
    ["formatVersion is 2; this version reads 1: a newer one", { ...report, formatVersion: 2 }],
    [
      "curves[0].points[0].interval",
      {
        ...report,
        curves: [{ group: "a", width: 10, points: [{ ...point(0.1, 0), interval: [1, 0] }] }],
      },
    ],
    [
      "failed[0].reason is undefined",
      { ...report, failed: [{ group: "a", ratio: 0.1, removed: 1 }] },
    ],
    ['baseline is "0.9"; expected a number', { ...report, baseline: "0.9" }],
    ["curves is undefined; expected an array", { ...report, curves: undefined }],
    ["relativeTo is", { ...report, relativeTo: "mean" }],
    ["inputShapes.x[1] is null", { ...report, inputShapes: { x: [1, null] } }],
    [
      "curves[0].points[1].loss is null",
      {
        ...report,
        curves: [
          { group: "a", width: 10, points: [point(0.1, 0), { ...point(0.3, 0), loss: null }] },
        ],
      },
    ],
    [
      'the ratios of group "a" do not ascend',
      { ...report, curves: [{ group: "a", width: 10, points: [point(0.3, 0), point(0.1, 0)] }] },
    ],
  ])("that are broken are refused: %s", async (message, json) => {
    const path = join(folder, "broken.json");
    writeFileSync(path, JSON.stringify(json));
    await expect(readSensitivities(path)).rejects.toMatchObject({
      code: "malformed-file",
      file: path,
      message: expect.stringContaining(message),
    });
  });

  it("that break off are refused, wherever they do", () => {
    const text = JSON.stringify(report);
    for (let length = 1; length < text.length; length += 29) {
      expect(() => parseSensitivities(text.slice(0, length))).toThrow(
        expect.objectContaining({
          code: "malformed-file",
          message: expect.stringContaining("breaks off"),
        }),
      );
    }
  });

  it("that are no JSON are refused", () => {
    expect(() => parseSensitivities("PK\u0003")).toThrow("this is no JSON");
  });
});

describe("mergeSensitivities", () => {
  const other: SensitivityReport = {
    ...report,
    curves: [
      { group: "a", width: 10, points: [point(0.2, 0.02), point(0.3, 0.05)] },
      { group: "b", width: 4, points: [point(0.5, 0.2)] },
    ],
  };

  it("joins the points of all, each once", () => {
    expect(mergeSensitivities([report, other])).toEqual({
      ...report,
      curves: [
        { group: "a", width: 10, points: [point(0.1, 0.01), point(0.2, 0.02), point(0.3, 0.05)] },
        { group: "b", width: 4, points: [point(0.5, 0.2)] },
      ],
    });
    expect(mergeSensitivities([report])).toEqual(report);
  });

  it.each<[string, Partial<SensitivityReport>]>([
    ["another model", { modelHash: "cd".repeat(32) }],
    ["another data", { dataFingerprint: "e" }],
    ["another criterion", { criterion: "fpgm" }],
    ["another baseline", { baseline: 0.8 }],
    [
      "loss 0.05 in one report",
      { curves: [{ group: "a", width: 10, points: [point(0.3, 0.06)] }] },
    ],
    ["10 channels wide in one report and 12", { curves: [{ group: "a", width: 12, points: [] }] }],
  ])("refuses reports that contradict: %s", (message, change) => {
    expect(() => mergeSensitivities([report, { ...report, ...change }])).toThrow(
      expect.objectContaining({ code: "contradiction", message: expect.stringContaining(message) }),
    );
  });

  it("keeps failures until the point is measured", () => {
    const failure = (group: string, ratio: number, reason: string) => ({
      ...{ group, ratio, reason },
      removed: Math.round(ratio * 10),
    });
    const failing: SensitivityReport = {
      ...report,
      curves: [],
      failed: [failure("a", 0.1, "no"), failure("a", 0.7, "no"), failure("b", 0.1, "no")],
    };
    const merged = mergeSensitivities([
      failing,
      { ...report, failed: [failure("a", 0.7, "still not")] },
    ]);
    expect(merged).toEqual({
      ...report,
      failed: [failure("a", 0.7, "still not"), failure("b", 0.1, "no")],
    });
    expect(mergeSensitivities([merged, { ...report, curves: [] }])).toEqual(merged);
  });

  it("refuses an empty list", () => {
    expect(() => mergeSensitivities([])).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
  });
});
