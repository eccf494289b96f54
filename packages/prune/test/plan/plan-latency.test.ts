import { describe, expect, it } from "vitest";
import { parsePlan } from "../../src/index.ts";
import { readPlanLatencies, withMeasuredLatency } from "../../src/plan/plan-latency.ts";

const plan = parsePlan({ formatVersion: 1, inputShapes: {}, groups: [], provenance: { macs: 3 } });
const code = (name: string) => expect.objectContaining({ code: name });

describe("latency in a plan", () => {
  it("stays in the file, predicted and measured", () => {
    const predictedLatency = { medianMs: 12.5, ratio: 0.5 };
    const stated = withMeasuredLatency(
      { ...plan, provenance: { ...plan.provenance, predictedLatency } },
      { medianMs: 14, ratio: 0.56 },
    );
    const read = parsePlan(JSON.parse(JSON.stringify(stated)));
    expect(read).toEqual(stated);
    expect(readPlanLatencies(read)).toEqual({
      predicted: predictedLatency,
      measured: { medianMs: 14, ratio: 0.56 },
    });
    expect(readPlanLatencies(plan)).toEqual({});
  });

  it("is refused if it is slower than the original, or no time", () => {
    expect(() => withMeasuredLatency(plan, { medianMs: 3, ratio: 1.01 })).toThrow(
      code("slower-than-original"),
    );
    expect(withMeasuredLatency(plan, { medianMs: 3, ratio: 1 }).provenance).toHaveProperty(
      "measuredLatency",
    );
    for (const bad of [Number.NaN, 0, -1, Number.POSITIVE_INFINITY]) {
      expect(() => withMeasuredLatency(plan, { medianMs: bad, ratio: 0.5 })).toThrow(
        code("invalid-option"),
      );
      expect(() => withMeasuredLatency(plan, { medianMs: 1, ratio: bad })).toThrow(
        code("invalid-option"),
      );
    }
  });

  it("is checked when a plan is read", () => {
    for (const bad of [null, 3, "fast", { medianMs: 1 }, { medianMs: -1, ratio: 0.5 }]) {
      for (const name of ["predictedLatency", "measuredLatency"]) {
        expect(() => parsePlan({ ...plan, provenance: { [name]: bad } })).toThrow(
          code("invalid-plan"),
        );
      }
    }
  });
});
