import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sampleModel } from "@ocrslim/test-utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const published = ["packages", "apps"]
  .flatMap((parent) => readdirSync(`${root}${parent}`).map((name) => `${parent}/${name}`))
  .filter((path) => !JSON.parse(readFileSync(`${root}${path}/package.json`, "utf8")).private);

function run(command: string, args: readonly string[], cwd: string): string {
  const result = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip", npm_config_loglevel: "error" },
  });
  expect(result.status, `${command} ${args.join(" ")}\n${result.stdout}\n${result.stderr}`).toBe(0);
  return result.stdout;
}

/** What someone writes who has installed the packages. */
const FLOW = `
import { computeCost, findChannelGroups, readModel, simplify, transform, writeModel } from "@ocrslim/graph";
import { l2Norm, planPruning, pruneChannels, uniformRatio } from "@ocrslim/prune";
import { createRuntime, measureLatency } from "@ocrslim/runtime";
import { POSTPROCESS_DEFAULTS } from "@ocrslim/ocr-det";
import { ratiosByLoss } from "@ocrslim/sensitivity";
const inputShapes = { x: [1, 3, 160, 160] };
const model = await readModel(process.argv[2]);
await transform(model, simplify());
const before = computeCost(model, { inputShapes });
const groups = findChannelGroups(model, { inputShapes });
const plan = planPruning(model, { groups, criterion: l2Norm(), allocation: uniformRatio(0.3), channelMultiple: 8, inputShapes });
await transform(model, pruneChannels({ plan }));
const after = computeCost(model, { inputShapes });
await writeModel(model, "slim.onnx");
const { models } = await measureLatency(createRuntime(), ["slim.onnx"], { inputShapes, runs: 1, warmup: 0 });
console.log(JSON.stringify({ ratio: after.macs / before.macs, ran: models.length, threshold: POSTPROCESS_DEFAULTS.threshold, kind: typeof ratiosByLoss }));
`;

describe("published packages", () => {
  let folder = "";
  let tarballs: readonly string[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "ocrslim-packages-"));
    tarballs = published.map((path) => {
      const [{ filename }] = JSON.parse(
        run("npm", ["pack", "--json", "--pack-destination", folder], `${root}${path}`),
      );
      return join(folder, filename);
    });
  }, 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(published)("%s satisfies publint", (path) => {
    run("npx", ["publint", "run", "--strict", "--pack", "false", path], root);
  });

  it("resolve with their types everywhere ESM does (attw)", { timeout: 120_000 }, () => {
    for (const tarball of tarballs) run("npx", ["attw", "--profile", "esm-only", tarball], root);
  });

  it("hold the code, its sources, a readme and a licence, and no tests", () => {
    for (const tarball of tarballs) {
      const names = run("tar", ["tzf", tarball], root);
      for (const name of [
        "package/dist/index.js",
        "package/src/index.ts",
        "package/README.md",
        "package/LICENSE",
      ]) {
        expect(names).toContain(name);
      }
      expect(names).not.toMatch(/\.test\.ts/);
    }
  });

  it("work from an empty folder outside the workspace", { timeout: 300_000 }, () => {
    const user = mkdtempSync(join(tmpdir(), "ocrslim-user-"));
    try {
      writeFileSync(
        join(user, "package.json"),
        JSON.stringify({ name: "user", private: true, type: "module" }),
      );
      run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", ...tarballs], user);
      writeFileSync(join(user, "flow.js"), FLOW);
      const result = JSON.parse(run("node", ["flow.js", sampleModel("det")], user));
      expect(result).toMatchObject({ ran: 1, threshold: 0.3, kind: "function" });
      expect(result.ratio).toBeLessThan(0.8);
      const report = JSON.parse(run("npx", ["ocrslim", "inspect", "slim.onnx", "--json"], user));
      expect(report.macs).toBeGreaterThan(0);
    } finally {
      rmSync(user, { recursive: true, force: true });
    }
  });
});
