import { GraphError } from "../../errors.ts";
import type { Model } from "../../ir/model.ts";

/** The oldest version of the standard operators whose meaning the transforms know. */
export const OLDEST_OPSET = 7;

/**
 * Throws unless the model's standard operators are of a version that the transforms know.
 * @throws GraphError `unsupported`
 */
export function requireOpset(transformName: string, model: Model): void {
  if (model.opset >= OLDEST_OPSET) return;
  throw new GraphError(
    "unsupported",
    `${transformName}: the model uses opset ${model.opset}; convert it to opset ${OLDEST_OPSET} or newer first`,
  );
}
