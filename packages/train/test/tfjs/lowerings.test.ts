import { expectClose } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { lowerings } from "../../src/tfjs/lowerings.ts";
import {
  differentiateOnOrt,
  differentiateOnTfjs,
  hasRules,
  prepare,
  product,
  randomDirection,
  runOnOrt,
  runOnTfjs,
  slopeAlong,
} from "./both-engines.ts";
import { tfjsCases } from "./cases/tfjs-cases.ts";

const TOLERANCE = { atol: 1e-4, rtol: 1e-3 };

describe.each(Object.entries(tfjsCases))("lowerings of %s", (_, cases) => {
  it.each(cases)("compute what ONNX Runtime does: $name", async (own) => {
    const prepared = prepare(own);
    const expected = await runOnOrt(prepared.model, prepared.feeds);
    const actual = runOnTfjs(prepared);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const [name, tensor] of Object.entries(expected)) {
      expectClose(actual[name] as typeof tensor, tensor, TOLERANCE, name);
    }
  });

  it.each(cases.filter(({ differentiable = true }) => differentiable))(
    "have the gradient of the project's own rules, or that of finite differences: $name",
    async (own) => {
      const prepared = prepare(own);
      const gradients = differentiateOnTfjs(prepared);
      if (hasRules(prepared.model)) {
        const expected = await differentiateOnOrt(prepared);
        for (const [name, tensor] of Object.entries(expected)) {
          expectClose(gradients[name] as typeof tensor, tensor, TOLERANCE, `gradient of ${name}`);
        }
        return;
      }
      for (const seed of [1, 2]) {
        const direction = randomDirection(prepared, seed);
        const slope = await slopeAlong(prepared, direction);
        const expected = product(gradients, direction);
        expect(Math.abs(slope - expected)).toBeLessThan(0.005 + 0.01 * Math.abs(expected));
      }
    },
  );
});

describe("the table of lowerings", () => {
  it("is tried entirely by the cases", () => {
    const tried = new Set<string>();
    for (const own of Object.values(tfjsCases).flat()) {
      for (const node of prepare(own).model.graph.nodes) tried.add(node.opType);
    }
    // Always known beforehand in small models.
    const folded = ["Constant", "Size", "Range"];
    const missing = [...lowerings.keys()].filter((name) => !tried.has(name));
    expect(missing.sort()).toEqual([...folded, "CastLike", "IsInf", "Swish"].sort());
  });
});
