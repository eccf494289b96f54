import type { Model, Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import { findParameters, type ModelParameter } from "./find-parameters.ts";

/**
 * The parameters to train: those named, or all that the loss depends on.
 * @throws TrainError `invalid-option` if a name is not that of a float32 initializer;
 *   `not-differentiable` if the loss does not depend on it; `invalid-loss` if there is none left.
 */
export function chooseParameters(
  model: Model,
  loss: Value,
  names: readonly string[] | undefined,
): readonly ModelParameter[] {
  const sources = listSources(loss);
  const known = new Map(findParameters(model).map((parameter) => [parameter.name, parameter]));
  const chosen = names
    ? [...new Set(names)].map((name) => known.get(name) ?? describe(model, name))
    : [...known.values()].filter(({ name }) => sources.has(name));
  for (const { name } of chosen) {
    if (sources.has(name)) continue;
    throw new TrainError(
      "not-differentiable",
      `buildTrainingStep: the loss does not depend on "${name}"; leave it out of parameters`,
      { value: name },
    );
  }
  if (chosen.length > 0) return chosen;
  throw new TrainError(
    "invalid-loss",
    "buildTrainingStep: the loss depends on no parameter of the model; build it from the model's outputs",
  );
}

/** An initializer that training would not choose by itself. */
function describe(model: Model, name: string): ModelParameter {
  const value = model.graph.value(name);
  const { tensor } = value ?? {};
  if (value && tensor?.dtype === "float32") {
    const opTypes = [...new Set(value.consumers.map((node) => node.opType))];
    return { name, dims: tensor.dims, size: tensor.size, role: "weight", opTypes };
  }
  const what = tensor ? `${tensor.dtype}, not float32` : "not an initializer of the model";
  throw new TrainError(
    "invalid-option",
    `buildTrainingStep: the parameter "${name}" is ${what}; findParameters(model) lists what can be trained`,
    { value: name },
  );
}

/** Names of the initializers that a value is computed from. */
function listSources(value: Value): ReadonlySet<string> {
  const sources = new Set<string>();
  const seen = new Set<Value>([value]);
  const open = [value];
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.isInitializer) sources.add(next.name);
    for (const input of next.producer?.inputs ?? []) {
      if (!input || seen.has(input)) continue;
      seen.add(input);
      open.push(input);
    }
  }
  return sources;
}
