import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PruningPlan } from "@ocrslim/graph";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parsePlan, readPlan, writePlan } from "../../src/index.ts";

const plan: PruningPlan = {
  formatVersion: 1,
  inputShapes: { x: [1, 3, 640, 640] },
  groups: [{ id: "conv1", width: 4, keep: [0, 3] }],
  skipped: [{ group: "conv2", reason: "a text [\n 1, 2 ] with brackets" }],
  provenance: { criterion: "l2Norm", list: [0.25, -1, 1e-7], empty: [] },
};

describe("parsePlan", () => {
  it("takes a plan, also without what is optional", () => {
    expect(parsePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
    const { skipped: _, provenance: __, ...bare } = plan;
    expect(parsePlan(bare)).toEqual({ ...bare, skipped: [], provenance: {} });
  });

  it("names the group and the value that is wrong", () => {
    const withGroup = (group: unknown) => ({ ...plan, groups: [group] });
    const cases: [unknown, string][] = [
      [null, "null"],
      [[], "not an object"],
      [{ ...plan, formatVersion: 2 }, "formatVersion is 2"],
      [{ ...plan, inputShapes: { x: [1, -3] } }, 'inputShapes["x"][1] is -3'],
      [{ ...plan, groups: {} }, "groups is {}"],
      [withGroup({ id: "", width: 4, keep: [0] }), "groups[0].id"],
      [withGroup({ id: "conv1", width: 0, keep: [0] }), '"conv1": width is 0'],
      [withGroup({ id: "conv1", width: 4, keep: [] }), '"conv1": keep is empty'],
      [withGroup({ id: "conv1", width: 4, keep: [0, 4] }), '"conv1": keep[1] is 4'],
      [withGroup({ id: "conv1", width: 4, keep: [1.5] }), "keep[0] is 1.5"],
      [withGroup({ id: "conv1", width: 4, keep: [2, 2] }), "keep has 2 after 2"],
      [withGroup({ id: "conv1", width: 4, keep: "all" }), 'keep is "all"'],
      [{ ...plan, groups: [...plan.groups, ...plan.groups] }, "stands twice"],
      [{ ...plan, skipped: [{ group: "a" }] }, "skipped[0].reason is missing"],
    ];
    for (const [json, text] of cases) {
      expect(() => parsePlan(json), text).toThrow(
        expect.objectContaining({ code: "invalid-plan", message: expect.stringContaining(text) }),
      );
    }
  });
});

describe("readPlan and writePlan", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "plan-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("give back the same plan, lists of numbers on one line, nothing else left", async () => {
    const path = join(folder, "plan.json");
    await writePlan(plan, path);
    await writePlan(plan, path);
    expect(await readPlan(path)).toEqual(plan);
    expect(await readFile(path, "utf8")).toContain('"keep": [0, 3]');
    expect(await readdir(folder)).toEqual(["plan.json"]);
  });

  it("reads files with a byte order mark", async () => {
    const path = join(folder, "plan.json");
    await writeFile(path, `\uFEFF${JSON.stringify(plan)}`);
    expect(await readPlan(path)).toEqual(plan);
  });

  it("say which file is wrong", async () => {
    const path = join(folder, "plan.json");
    await writeFile(path, "{ broken");
    await expect(readPlan(path)).rejects.toMatchObject({ code: "invalid-plan", file: path });
    await writeFile(path, JSON.stringify({ ...plan, groups: [{ id: "a", width: 2, keep: [] }] }));
    await expect(readPlan(path)).rejects.toMatchObject({ code: "invalid-plan", group: "a" });
    await expect(readPlan(join(folder, "none"))).rejects.toMatchObject({ code: "file-access" });
    await expect(writePlan(plan, join(folder, "no", "plan.json"))).rejects.toMatchObject({
      code: "file-access",
    });
    expect(await readdir(folder)).toEqual(["plan.json"]);
  });
});
