import type { LossCurve } from "@ocrslim/graph";
import * as api from "@ocrslim/sensitivity";
import { describe, expect, expectTypeOf, it } from "vitest";

describe("the public API", () => {
  it("is this", () => {
    expect(Object.keys(api).sort()).toEqual([
      "SENSITIVITY_DEFAULTS",
      "SensitivityError",
      "analyzeSensitivity",
      "computeLoss",
      "countRemoved",
      "hashModel",
      "listPoints",
      "mergeSensitivities",
      "parseSensitivities",
      "ratiosByLoss",
      "ratiosByLossMonotone",
      "readSensitivities",
      "writeSensitivities",
    ]);
  });

  it("gives curves of the shape that all packages share", () => {
    expectTypeOf<api.SensitivityReport["curves"]>().toExtend<readonly LossCurve[]>();
  });
});
