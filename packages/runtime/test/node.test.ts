import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRandom, readModel } from "@ocrslim/graph";
import {
  createRuntime,
  describeMachine,
  listExecutionProviders,
  randomFeeds,
} from "@ocrslim/runtime";
import { sampleModel } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));

describe("the node entry", () => {
  it("describes the machine and the runtime", () => {
    const machine = describeMachine(createRuntime({ threads: 2 }));
    expect(machine).toMatchObject({
      cores: availableParallelism(),
      threads: 2,
      runtime: "onnxruntime-node",
    });
    expect(machine.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(machine.cpu).not.toBe("");
    expect(listExecutionProviders()).toContain("cpu");
  });

  it("runs a detector alike from its path, its bytes and as a model", async () => {
    const path = sampleModel("det");
    const forms = [path, new Uint8Array(readFileSync(path)), await readModel(path)];
    const runtime = createRuntime({ threads: 1 });
    const results: unknown[] = [];
    for (const form of forms) {
      const session = await runtime.load(form);
      const feeds = randomFeeds(session, { x: [1, 3, 64, 64] }, createRandom(1));
      results.push(await session.run(feeds));
      await session.dispose();
    }
    expect(results[0]).toMatchObject({ "sigmoid_0.tmp_0": { dims: [1, 1, 64, 64] } });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it("names the file that can not be loaded", async () => {
    await expect(createRuntime().load("/no/such.onnx")).rejects.toMatchObject({
      code: "load-failed",
      model: "/no/such.onnx",
      message: expect.stringContaining("File doesn't exist"),
    });
  });

  it("is the only one that touches onnxruntime-node; the core touches no node module either", () => {
    const importsOf = (file: string): readonly string[] =>
      [...readFileSync(`${source}/${file}`, "utf8").matchAll(/from "([^"]+)"/g)].map(
        ([, name]) => name ?? "",
      );
    const users = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
      (file) => file.endsWith(".ts") && importsOf(file).includes("onnxruntime-node"),
    );
    expect(users).toEqual(["node.ts"]);
    const reached = new Set(["core.ts"]);
    for (const file of reached) {
      for (const name of importsOf(file)) {
        if (name.startsWith(".")) reached.add(join(dirname(file), name));
        else expect(["@ocrslim/graph", "onnxruntime-common"]).toContain(name);
      }
    }
    expect(reached.size).toBeGreaterThan(5);
  });
});
