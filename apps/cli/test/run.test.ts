import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commands } from "../src/commands/index.ts";
import { commonOptions } from "../src/options/common-options.ts";
import { detector, runCli, temporaryFolder } from "./support.ts";

const names = [
  "compress",
  "inspect",
  "simplify",
  "sensitivity",
  "plan",
  "prune",
  "eval",
  "predict",
  "bench",
  "report",
  "doctor",
];

describe("run", () => {
  it("lists every command in the help text and ends well", async () => {
    const { exitCode, stdout } = await runCli(["--help"]);
    expect(exitCode).toBe(0);
    for (const name of names) expect(stdout).toContain(`\n  ${name} `);
  });

  it("prints the help on stderr and fails if there is no command", async () => {
    const { exitCode, stdout, stderr } = await runCli([]);
    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: ocrslim");
  });

  it("prints the version", async () => {
    const { exitCode, stdout } = await runCli(["--version"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each(names)("shows the options of %s", async (name) => {
    const { exitCode, stdout } = await runCli([name, "--help"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("--json");
    expect(stdout).toContain("-o, --output");
  });

  it("keeps each option under the camel-case name of its flag", () => {
    for (const specs of [commonOptions, ...commands.map((command) => command.options)]) {
      for (const [key, spec] of Object.entries(specs)) {
        const flag = /--([\w-]+)/.exec(spec.flags)?.[1] ?? "";
        expect(flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())).toBe(key);
      }
    }
  });

  it("names an unknown command and what may be meant", async () => {
    const { exitCode, stderr } = await runCli(["inspekt", detector]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: .*inspekt.*inspect.*\n$/);
  });

  it.each([
    ["an unknown option", ["inspect", detector, "--colour"], "--colour"],
    ["a missing argument", ["inspect"], "model"],
    ["an excess argument", ["inspect", detector, "b"], "argument"],
    ["a value that is no number", ["bench", detector, "--runs", "many"], '--runs "many"'],
    ["a number out of range", ["bench", detector, "--runs", "0"], "--runs"],
    ["a fraction above 1", ["plan", detector, "-o", "p.json", "--macs", "1.5"], "--macs"],
    ["a missing output", ["simplify", detector], "--output is required"],
    ["a missing --data", ["eval", detector], "--data is required"],
    [
      "contradicting resizes",
      ["eval", detector, "--data", "x", "--image-shape", "64,64", "--limit-side-len", "64"],
      "--image-shape and --limit-side-len contradict",
    ],
    [
      "contradicting budgets",
      ["compress", detector, "--data", "x", "-o", "y", "--macs", "0.5", "--latency", "0.5"],
      "--macs and --latency contradict",
    ],
    ["two outputs", ["simplify", detector, "-o", "a", "-o", "b"], "one output path"],
    ["an output for a command without one", ["inspect", detector, "-o", "out"], "writes no file"],
    ["a merge with a model", ["sensitivity", detector, "-o", "s", "--merge", "a"], "--merge"],
    ["a bad image shape", ["inspect", detector, "--image-shape", "640"], "height,width"],
    ["a bad input shape", ["bench", detector, "--input-shape", "1,3"], "--input-shape"],
    ["an unknown input", ["bench", detector, "--input-shape", "y:1,3,64,64"], "its inputs are x"],
    ["an unknown criterion", ["plan", detector, "-o", "p", "--criterion", "l3"], "--criterion"],
  ])("refuses %s in one line", async (_, argv, text) => {
    const { exitCode, stdout, stderr } = await runCli(argv);
    expect(stderr).toContain(text);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stdout).toBe("");
    expect(exitCode).toBe(1);
  });

  it("takes options from a YAML file, and flags win over it", async () => {
    const config = join(await temporaryFolder(), "options.yml");
    await writeFile(config, "runs: 3\nwarmup: 0\nimage-shape: [64, 96]\njson: true\n");
    const { exitCode, stdout } = await runCli(["bench", detector, "-c", config, "--runs", "2"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runs: 2, inputShape: [1, 3, 64, 96] });
  });

  it("takes overrides after -o, beside an output path", async () => {
    const { exitCode, stdout } = await runCli([
      "bench",
      detector,
      "--json",
      "-o",
      "runs=2",
      "warmup=0",
      "image_shape=[64,64]",
    ]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runs: 2, inputShape: [1, 3, 64, 64] });
  });

  it.each([
    ["is not there", undefined, "no such file"],
    ["is not YAML", "a: [1, 2", "is not YAML"],
    ["is a list", "- 1\n- 2\n", "must be a mapping"],
  ])("refuses a config that %s", async (_, content, text) => {
    const config = join(await temporaryFolder(), "options.yml");
    if (content !== undefined) await writeFile(config, content);
    const { exitCode, stderr } = await runCli(["bench", detector, "-c", config]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(text);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
  });

  it("names keys of a config that have no effect", async () => {
    const config = join(await temporaryFolder(), "options.yml");
    await writeFile(config, "PostProcess:\n  treshold: 0.4\nrusn: 3\n");
    const argv = ["bench", detector, "--image-shape", "64,64", "--runs", "1", "-c", config];
    const { exitCode, stderr } = await runCli(argv);
    expect(exitCode).toBe(0);
    expect(stderr).toContain("warning: PostProcess.treshold is not known here");
    expect(stderr).toContain("warning: rusn is not an option");
  });

  it("ends with 130 if it is aborted before it starts", async () => {
    const signal = AbortSignal.abort();
    const { exitCode, stderr } = await runCli(["inspect", detector], { signal });
    expect(exitCode).toBe(130);
    expect(stderr).toBe("error: interrupted; nothing half-written remains\n");
  });
});
