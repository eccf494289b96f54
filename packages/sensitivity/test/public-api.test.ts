import type { LossCurve } from "@ocrslim/graph";
import * as api from "@ocrslim/sensitivity";
import { describe, expect, expectTypeOf, it } from "vitest";

describe("the public API", () => {
  it("is this", () => {
    expect(Object.keys(api).sort()).toEqual([
      "ABLATION_DEFAULTS",
      "SENSITIVITY_DEFAULTS",
      "SensitivityError",
      "analyzeSensitivity",
      "appendSensitivities",
      "computeLoss",
      "countRemoved",
      "createAblation",
      "createOutputDistanceMetric",
      "createParallelRuntime",
      "estimateEnergy",
      "estimateFisher",
      "formatCsv",
      "formatPaddleSlimSensitivities",
      "hashModel",
      "listMissing",
      "listParameterNames",
      "listPoints",
      "mergeSensitivities",
      "outputDistanceMetric",
      "parseSensitivities",
      "planShards",
      "rankCorrelation",
      "ratiosByLoss",
      "ratiosByLossMonotone",
      "readPaddleSlimSensitivities",
      "readSensitivities",
      "suffixMacs",
      "toLossCurves",
      "writePaddleSlimSensitivities",
      "writeSensitivities",
    ]);
  });

  it("gives curves of the shape that all packages share", () => {
    expectTypeOf<api.SensitivityReport["curves"]>().toExtend<readonly LossCurve[]>();
  });
});
