import { describe, expect, it } from "vitest";
import { mergeOptions } from "../../src/options/merge-options.ts";

describe("mergeOptions", () => {
  it("lets flags win, and displace what they contradict in the config", () => {
    expect(mergeOptions({ imageShape: [736, 1280], thresh: 0.2 }, { limitSideLen: "960" })).toEqual(
      { limitSideLen: "960", thresh: 0.2 },
    );
    expect(mergeOptions({ macs: 0.5 }, { latency: "0.6" })).toEqual({ latency: "0.6" });
  });

  it("allows a largest loss beside a budget", () => {
    expect(mergeOptions({}, { macs: "0.5", maxLoss: "0.02" })).toEqual({
      macs: "0.5",
      maxLoss: "0.02",
    });
  });

  it("refuses a config that contradicts itself", () => {
    expect(() => mergeOptions({ macs: 0.5, parameters: 0.5 }, {})).toThrow(
      expect.objectContaining({ code: "conflicting-options" }),
    );
  });
});
