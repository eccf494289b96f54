import { extractSubmodel, type Model, type ShapeInference, type Value } from "@ocrslim/graph";
import type { Cut } from "./find-cut.ts";

/** Names of the inputs that a model must be fed. */
export function listInputNames(model: Model): readonly string[] {
  return model.graph.inputs.flatMap((value) => (value.isInitializer ? [] : [value.name]));
}

/**
 * The part of a variant that differs from the baseline, as a model of its own: the frontier is its
 * input. `shapes` are the baseline's. Declares the types of the frontier in the variant.
 */
export function extractSuffix(
  variant: Model,
  cut: Cut,
  baseline: Model,
  shapes: ShapeInference,
): Model {
  const inputs = cut.frontier.flatMap(({ variant: name, baseline: twinName }) => {
    const value = variant.graph.value(name);
    const twin = baseline.graph.value(twinName);
    if (!value || !twin || value.isGraphInput) return [];
    declareType(value, shapes.dtypeOf(twin));
    return [name];
  });
  return extractSubmodel(variant, { inputs, outputs: cut.changed });
}

/** The part of the baseline that computes some values from others; all are its outputs. */
export function extractPrefix(
  baseline: Model,
  inputs: readonly string[],
  outputs: readonly string[],
): Model {
  return extractSubmodel(baseline, { inputs, outputs });
}

/**
 * Declares the types of computed values, which cuts need, and none of their shapes, which hold for
 * one size of images only. Edits the model.
 */
export function declareTypes(model: Model, shapes: ShapeInference): void {
  for (const node of model.graph.nodes) {
    for (const output of node.outputs) {
      if (output && !output.isGraphOutput) declareType(output, shapes.dtypeOf(output));
    }
  }
}

function declareType(value: Value, dtype: ReturnType<ShapeInference["dtypeOf"]>): void {
  if (dtype !== undefined) value.type = { kind: "tensor", dtype };
}
