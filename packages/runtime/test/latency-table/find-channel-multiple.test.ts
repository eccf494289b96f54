import { createRunContext } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import { findChannelMultiple, longestStep } from "../../src/latency-table/find-channel-multiple.ts";
import { fakeProfiler } from "./fake-profiler.ts";

describe("findChannelMultiple", () => {
  it.each([32, 16, 8, 4, 2])("finds stairs of %i channels", (size) => {
    const blocks = (width: number): number => Math.ceil(width / size);
    expect(longestStep(blocks)).toBe(size);
    expect(longestStep((width) => 100 * blocks(width) + (width % 3))).toBe(size);
  });

  it("finds stairs off which a width costs more than on the next step", () => {
    expect(longestStep((width) => (width % 4 ? 2 : 1) * Math.ceil(width / 16))).toBe(16);
  });

  it("finds stairs that rise fast at first, as those of four blocks a pass", () => {
    const measured: Record<number, number> = {
      32: 0.75,
      40: 1.02,
      44: 1.12,
      48: 1.12,
      56: 1.23,
      64: 1.4,
    };
    expect(longestStep((width) => measured[width] ?? 1.17)).toBe(8);
  });

  it("finds none where time is proportional, or the same for all", () => {
    expect(longestStep((width) => width)).toBe(1);
    expect(longestStep(() => 1)).toBe(1);
  });

  it("measures them", async () => {
    const context = createRunContext();
    expect(await findChannelMultiple(fakeProfiler(), { threads: 1, context })).toBe(8);
  });
});
