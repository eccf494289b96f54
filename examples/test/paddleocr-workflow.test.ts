import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { readModel } from "@ocrslim/graph";
import { expect, it } from "vitest";

it("PaddleOCR's pruning workflow runs from config and weights to a smaller inference model", {
  timeout: 300_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "ocrslim-workflow-"));
  try {
    const file = fileURLToPath(new URL("../paddleocr-workflow/workflow.ts", import.meta.url));
    const flags = ["--conditions=@ocrslim/source", "--import", "tsx", file, folder];
    const { stdout } = await promisify(execFile)(process.execPath, flags);
    const hmeans = [...stdout.matchAll(/^hmean\s+([\d.]+)/gm)].map(([, value]) => Number(value));
    expect(hmeans.at(-1)).toBeGreaterThan(0.5);
    const { graph } = await readModel(join(folder, "prune_inference.onnx"));
    expect(graph.outputs.map(({ name }) => name)).toEqual(["shrink_maps"]);
    const sizeOf = (graphOf: typeof graph): number =>
      graphOf.initializers.reduce((sum, { tensor }) => sum + (tensor?.size ?? 0), 0);
    const before = await readModel(join(folder, "det.onnx"));
    expect(sizeOf(graph)).toBeLessThan(0.7 * sizeOf(before.graph));
    expect(await readdir(join(folder, "inference_results"))).toContain("predictions.txt");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
