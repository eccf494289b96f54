import { GraphError } from "../errors.ts";
import type { Model } from "../ir/model.ts";
import { checkOperators, checkWindows } from "./check-operators.ts";
import { checkStructure } from "./check-structure.ts";
import { checkTensors } from "./check-tensors.ts";
import type { Issue } from "./issue.ts";

/**
 * Lists what is wrong with a model, errors and warnings, without running or changing it.
 *
 * | code | found |
 * | --- | --- |
 * | `duplicate-output` | a value that several places define, a graph output listed twice |
 * | `dangling-input`, `dangling-output` | a value that nothing defines |
 * | `node-order`, `cycle` | a node before one it reads from |
 * | `no-outputs` | a graph without outputs |
 * | `tensor-size`, `tensor-dims`, `tensor-type`, `tensor-data`, `external-data` | constants whose data does not fit or is not there; external data is read for that |
 * | `missing-opset` | a domain that the model does not import |
 * | `unknown-operator` | (warning) no such standard operator at the model's opset |
 * | `invalid-attribute` | windows of convolutions and pools that do not fit their weight |
 *
 * Names that are defined twice never get this far: `decodeModel` refuses them. Shapes that
 * contradict each other are among the issues of `inferShapes`.
 * @category Analysis
 */
export function checkModel(model: Model): readonly Issue[] {
  const { graph } = model;
  return [
    ...checkStructure(graph),
    ...checkTensors(graph),
    ...checkOperators(model),
    ...checkWindows(graph),
  ];
}

/**
 * Does nothing if {@link checkModel} finds no error; warnings are passed over.
 * @throws GraphError `invalid-model` with the first error and the number of others.
 * @category Analysis
 */
export function assertValidModel(model: Model): void {
  const errors = checkModel(model).filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (!first) return;
  const others = errors.length > 1 ? ` (and ${errors.length - 1} more; see checkModel)` : "";
  throw new GraphError("invalid-model", first.message + others, {
    ...(first.node === undefined ? {} : { node: first.node }),
    ...(first.value === undefined ? {} : { value: first.value }),
  });
}
