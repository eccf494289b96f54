import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

async function runExample(name: string, ...args: readonly string[]): Promise<string> {
  const file = fileURLToPath(new URL(`../${name}.ts`, import.meta.url));
  const flags = ["--conditions=@ocrslim/source", "--import", "tsx", file, ...args];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  return stdout;
}

function numberAfter(output: string, text: string): number {
  return Number(new RegExp(`${text}\\D*([\\d.]+)`).exec(output)?.[1]);
}

describe("the examples", { timeout: 180_000 }, () => {
  it("compare a criterion of one's own with L2", async () => {
    const output = await runExample("custom-criterion");
    for (const name of ["l2Norm", "fluctuation"]) {
      const agreement = numberAfter(output, `${name}: agreement`);
      expect(agreement).toBeGreaterThan(0);
      expect(agreement).toBeLessThanOrEqual(1);
    }
  });

  it("train a detector from random weights until it finds nearly everything", async () => {
    const output = await runExample("train-a-detector");
    expect(numberAfter(output, "hmean")).toBeGreaterThan(0.9);
  });

  it("compress a detector with single packages, within the budget", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ocrslim-example-"));
    try {
      const output = await runExample("single-packages", join(folder, "slim.onnx"));
      expect(numberAfter(output, "MACs kept")).toBeLessThanOrEqual(0.9);
      expect(numberAfter(output, "held-out pages [\\d.]+ →")).toBeGreaterThan(0.5);
      expect(output).toMatch(/wrote .*slim\.onnx, \d+ bytes/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
