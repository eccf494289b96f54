import { expectSameOutputs, type SameOutputsOptions } from "@ocrslim/test-utils";
import { expect } from "vitest";
import { checkModel } from "../../../src/check/check-model.ts";
import { cloneModel } from "../../../src/ir/clone.ts";
import type { Model } from "../../../src/ir/model.ts";
import type { Rewrite } from "../../../src/transforms/fit-runtime/rewrite.ts";
import { inferPartialShapes } from "../../../src/transforms/support/partial-shapes.ts";
import { operators } from "../transform-contract.ts";

/** Applies one variant of a rewrite wherever it can be; returns how often. */
export function applyEverywhere(model: Model, rewrite: Rewrite, variantName?: string): number {
  const variant = rewrite.variants.find(
    ({ name }) => variantName === undefined || name === variantName,
  );
  if (!variant) throw new RangeError(`no variant ${variantName}`);
  let count = 0;
  const places = [...model.graph.nodes];
  if (rewrite.fromEnd) places.reverse();
  for (const { key } of places) {
    const node = model.graph.value(key)?.producer;
    if (!node || !rewrite.opTypes.includes(node.opType)) continue;
    const facts = { model, known: inferPartialShapes(model.graph, model.opset) };
    if (!rewrite.matches(node, facts)) continue;
    // A variant that gives up half-way leaves its draft behind.
    const draft = cloneModel(model);
    const twin = draft.graph.value(key)?.producer;
    const known = inferPartialShapes(draft.graph, draft.opset);
    if (!twin || !variant.apply(twin, { model: draft, known })) continue;
    expect(variant.apply(node, facts)).toBe(true);
    count++;
  }
  return count;
}

/** The operators that a rewrite leaves, and how often it applied, having checked the outputs. */
export async function rewriteAndCompare(
  model: Model,
  rewrite: Rewrite,
  options: SameOutputsOptions & { readonly variant?: string } = {},
): Promise<{ readonly count: number; readonly left: string }> {
  const original = cloneModel(model);
  const count = applyEverywhere(model, rewrite, options.variant);
  expect(checkModel(model).filter(({ severity }) => severity === "error")).toEqual([]);
  await expectSameOutputs(model, original, options);
  return { count, left: operators(model) };
}
