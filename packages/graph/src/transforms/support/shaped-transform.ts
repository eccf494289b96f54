import type { Transform, TransformOutcome } from "../../contracts/transform.ts";
import type { Model } from "../../ir/model.ts";
import { inferPartialShapes, type PartialShapes } from "./partial-shapes.ts";
import { requireOpset } from "./require-opset.ts";

/**
 * A lossless transform that needs to know shapes. As none of these changes the shape of a value that
 * it keeps, several in a row may share what is known.
 */
export interface ShapedTransform extends Transform {
  /** @internal */
  runShaped(model: Model, known: PartialShapes): TransformOutcome;
}

/** Makes a transform that finds out about shapes by itself when it runs alone. */
export function shapedTransform(
  name: string,
  runShaped: ShapedTransform["runShaped"],
): ShapedTransform {
  return {
    name,
    check: (model) => requireOpset(name, model),
    run: (model) => runShaped(model, inferPartialShapes(model.graph, model.opset)),
    runShaped,
  };
}
