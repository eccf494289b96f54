import type { Model, Value } from "@ocrslim/graph";

/** What the names in a state dict of a PaddleOCR detector begin with. */
const PARAMETER = /^(backbone|neck|head)\./;

/** The initializers that are parameters in PaddleOCR, by name; constants are left out. */
export function listParameters(model: Model): ReadonlyMap<string, Value> {
  return new Map(
    model.graph.initializers
      .filter((value) => value.tensor && PARAMETER.test(value.name))
      .map((value) => [value.name, value]),
  );
}
