import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { createRuntime, describeMachine, listExecutionProviders } from "@ocrslim/runtime";
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
    const users = readdirSync(source).filter((file) =>
      importsOf(file).includes("onnxruntime-node"),
    );
    expect(users).toEqual(["node.ts"]);
    const reached = new Set(["core.ts"]);
    for (const file of reached) {
      for (const name of importsOf(file)) {
        if (name.startsWith("./")) reached.add(name.slice(2));
        else expect(["@ocrslim/graph", "onnxruntime-common"]).toContain(name);
      }
    }
    expect(reached.size).toBeGreaterThan(5);
  });
});
