import { conv, createTestModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import type { ProgressEvent } from "../../src/contracts/run-context.ts";
import type { Transform } from "../../src/contracts/transform.ts";
import { GraphError } from "../../src/errors.ts";
import type { Value } from "../../src/ir/value.ts";
import { removeIdentities } from "../../src/transforms/remove-identities.ts";
import { removeUnused } from "../../src/transforms/remove-unused.ts";
import { repeat } from "../../src/transforms/repeat.ts";
import { transform } from "../../src/transforms/transform.ts";
import { operators } from "./transform-contract.ts";

const build = () =>
  createTestModel({
    inputs: { x: [1, 3, 5, 5] },
    build: (g, x) => unary(g, "Relu", unary(g, "Identity", conv(g, x as Value, { out: 4 }))),
  });

describe("transform", () => {
  it("reports what each transform did, in order", async () => {
    const reports = await transform(build(), [removeIdentities(), removeUnused()]);
    expect(reports).toEqual([
      {
        name: "removeIdentities",
        modified: true,
        counts: { identities: 1 },
        elapsedMs: expect.any(Number),
      },
      {
        name: "removeUnused",
        modified: false,
        counts: { unusedNodes: 0, unusedInitializers: 0 },
        elapsedMs: expect.any(Number),
      },
    ]);
  });

  it("takes a transform that is a literal object", async () => {
    const rename: Transform = {
      name: "rename",
      run(model) {
        model.graph.name = "renamed";
        return { modified: true };
      },
    };
    const model = build();
    await transform(model, rename);
    expect(model.graph.name).toBe("renamed");
  });

  it("names the failed transform and those before it, and keeps the cause", async () => {
    const cause = new RangeError("no luck");
    const fail: Transform = {
      name: "fail",
      run() {
        throw cause;
      },
    };
    const failure = await transform(build(), [removeIdentities(), fail]).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(GraphError);
    expect(failure).toMatchObject({ code: "transform-failed", cause });
    expect(String(failure)).toMatch(/fail failed, after removeIdentities: no luck/);
  });

  it("finds what a transform broke, when it verifies", async () => {
    const shatter: Transform = {
      name: "shatter",
      run(model) {
        const [first] = model.graph.nodes;
        const last = [...model.graph.nodes].at(-1);
        if (first && last) first.setInput(0, last.output);
        return { modified: true };
      },
    };
    await expect(transform(build(), shatter, { verify: true })).rejects.toMatchObject({
      code: "transform-failed",
      cause: { code: "invalid-model" },
    });
    await expect(transform(build(), removeIdentities(), { verify: true })).resolves.toHaveLength(1);
  });

  it("tells its progress, and stops between transforms when it is aborted", async () => {
    const events: ProgressEvent[] = [];
    const controller = new AbortController();
    const onProgress = (event: ProgressEvent): void => {
      events.push(event);
      if (event.kind === "advance") controller.abort(new Error("enough"));
    };
    const model = build();
    const run = transform(model, [removeUnused(), removeIdentities()], {
      onProgress,
      signal: controller.signal,
    });
    await expect(run).rejects.toThrow("enough");
    expect(events.map(({ kind }) => kind)).toEqual(["start", "advance"]);
    expect(operators(model)).toBe("Conv Identity Relu");
  });
});

describe("repeat", () => {
  it("goes on until nothing changes, and adds up the counts", async () => {
    let left = 3;
    const countdown: Transform = {
      name: "countdown",
      run: () => ({ modified: left-- > 0, counts: { steps: 1 } }),
    };
    const [report] = await transform(build(), repeat([countdown]));
    expect(report).toMatchObject({ modified: true, counts: { steps: 4 } });
  });

  it("stops after maxRounds", async () => {
    let runs = 0;
    const restless: Transform = { name: "restless", run: () => ({ modified: ++runs > 0 }) };
    await transform(build(), repeat([restless], { maxRounds: 4 }));
    expect(runs).toBe(4);
  });

  it("checks all its transforms before any of them runs", async () => {
    const model = build();
    model.setOpset("", 6);
    const step = repeat([removeUnused(), removeIdentities()]);
    expect(() => step.check?.(model)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });

  it("validates maxRounds when it is made", () => {
    expect(() => repeat([], { maxRounds: 0 })).toThrow(
      expect.objectContaining({ code: "invalid-option" }),
    );
  });
});
