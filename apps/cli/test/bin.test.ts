import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { calibrationPages, detector, listFiles, root, temporaryFolder } from "./support.ts";

const node: readonly string[] = [
  ...["--import", "tsx", "--conditions", "@ocrslim/source"],
  join(root, "apps/cli/src/bin.ts"),
];

describe("ocrslim as a process", () => {
  it("prints one JSON document and ends with 0", async () => {
    const stdout = await new Promise<string>((resolve, reject) => {
      const argv = [...node, "inspect", detector, "--json"];
      execFile(process.execPath, argv, { cwd: root, maxBuffer: 1 << 24 }, (error, out) => {
        if (error) reject(error);
        else resolve(out);
      });
    });
    expect(JSON.parse(stdout).nodes).toBe(672);
  });

  it("ends with 130 on Ctrl-C and leaves no temporary", async () => {
    const folder = await temporaryFolder();
    const output = join(folder, "s.json");
    const size = ["--limit-side-len", "320", "--limit-type", "max"];
    const argv = ["sensitivity", detector, "--data", calibrationPages, "-o", output, ...size];
    const child = spawn(process.execPath, [...node, ...argv], { cwd: root });
    let stderr = "";
    let isInterrupted = false;
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
      // At the first sign of work, and once: a second one ends the program at once.
      if (!isInterrupted) isInterrupted = child.kill("SIGINT");
    });
    const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
    expect(stderr).toContain("error: interrupted");
    expect(code).toBe(130);
    for (const file of await listFiles(folder)) expect(file).not.toMatch(/tmp/);
  });
});
