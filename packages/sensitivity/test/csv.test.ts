import type { SensitivityReport } from "@ocrslim/sensitivity";
import { describe, expect, it } from "vitest";
import { formatCsv } from "../src/csv.ts";

describe("formatCsv", () => {
  it("gives one line a point, failed ones too, and quotes what needs it", () => {
    const report: SensitivityReport = {
      formatVersion: 1,
      baseline: 0.9,
      images: 40,
      modelHash: "",
      criterion: "l1",
      inputShapes: {},
      relativeTo: "baseline",
      channelMultiple: 1,
      curves: [
        {
          group: 'a,"b"',
          width: 10,
          points: [
            { ratio: 0.1, loss: -0.01, metric: 0.909, images: 40, removed: 1 },
            {
              ...{ ratio: 0.2, loss: 0.3, metric: 0.63, images: 8, removed: 2 },
              ...{ interval: [0.25, 0.35] as const, isDecidedEarly: true },
            },
          ],
        },
      ],
      skipped: [],
      failed: [{ group: "c", ratio: 0.1, removed: 1, reason: "line\nbreak" }],
    };
    expect(formatCsv(report).split("\r\n")).toEqual([
      "group,width,ratio,removed,loss,metric,images,low,high,decidedEarly,failure",
      '"a,""b""",10,0.1,1,-0.01,0.909,40,,,false,',
      '"a,""b""",10,0.2,2,0.3,0.63,8,0.25,0.35,true,',
      'c,,0.1,1,,,,,,,"line\nbreak"',
      "",
    ]);
  });
});
