import { expect, test } from "vitest";
import * as api from "../src/index.ts";

test("the package exports these values and no others", () => {
  expect(Object.keys(api).sort()).toEqual([
    "DECODE_DEFAULTS",
    "DEFAULT_RESIZE",
    "NORMALIZE_DEFAULTS",
    "OcrDetError",
    "POSTPROCESS_DEFAULTS",
    "assertDisjointDatasets",
    "checkDisjoint",
    "computeAgreement",
    "computeIntersectionArea",
    "computePolygonArea",
    "computePolygonIou",
    "computeResize",
    "createDetector",
    "createPostprocessor",
    "decodeImage",
    "detectSamples",
    "drawDetections",
    "encodePng",
    "evaluateDetector",
    "isSimplePolygon",
    "matchDetections",
    "normalizeImage",
    "preprocess",
    "readDataset",
    "readIcdarLabels",
    "readPaddleLabels",
    "resizeBilinear",
    "summarizeMatches",
    "writeImage",
    "writePaddleLabels",
  ]);
});
