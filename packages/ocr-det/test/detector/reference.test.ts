import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createRuntime } from "@ocrslim/runtime";
import { sampleModel } from "@ocrslim/test-utils";
import { expect, test } from "vitest";
import { readDataset } from "../../src/data/read-dataset.ts";
import { createDetector } from "../../src/detector/detector.ts";
import { evaluateDetector } from "../../src/detector/evaluate-detector.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const pages = `${root}assets/sample-pages/evaluation/labels.txt`;

test.skipIf(!existsSync(pages))(
  "on the sample pages PP-OCRv4 det gives the counts of the Python pipeline (PaddleOCR, OpenCV 5.0)",
  async () => {
    const runtime = createRuntime({ threads: 2 });
    await using session = await runtime.load(sampleModel("det"));
    using detector = await createDetector({
      session,
      resize: { kind: "limit-side", limitSideLength: 960, limitType: "max" },
    });
    const report = await evaluateDetector(detector, await readDataset(pages));
    expect(report).toMatchObject({ images: 11, matched: 490, truthCare: 504, predictedCare: 518 });
  },
);
