import {
  cloneModel,
  constantsToInitializers,
  type Model,
  type Node,
  removeInitializersFromInputs,
  transform,
  upgradeOpset,
  type Value,
} from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import { TRAINING_OPSET } from "../ops/ops.ts";

/**
 * Returns one model that computes several on the same input: those of `others` stand beside `model`,
 * with their names behind a prefix (`teacher/…` for `others.teacher`), and their outputs follow its
 * own. So a teacher's maps and features are values that a loss can read, computed in the same run,
 * for whatever crop and augmentation the batch holds:
 *
 * ```
 * const joined = await joinModels(student, { teacher });
 * const step = await buildTrainingStep(joined, {
 *   loss: distillation({ teacherOutput: `teacher/${teacherOutput}` }),
 *   parameters: findParameters(student).map(({ name }) => name),
 *   …
 * });
 * const tuned = await exportModel(student, step, state);
 * ```
 *
 * Inputs are shared by name; where each model has a single one, by that. The models stay as they are.
 * @throws TrainError `invalid-option` if an input of another model has no counterpart, a name is
 *   taken, or a node has a subgraph.
 */
export async function joinModels(
  model: Model,
  others: Readonly<Record<string, Model>>,
): Promise<Model> {
  const joined = await level(model);
  for (const [prefix, other] of Object.entries(others)) {
    append(joined, await level(other), prefix);
  }
  joined.graph.sort();
  return joined;
}

/** A copy whose operators mean the same as those of the others. */
async function level(model: Model): Promise<Model> {
  const copy = cloneModel(model);
  await transform(copy, [
    constantsToInitializers(),
    removeInitializersFromInputs(),
    upgradeOpset(TRAINING_OPSET),
  ]);
  copy.graph.sort();
  return copy;
}

function append(target: Model, source: Model, prefix: string): void {
  const { graph } = target;
  const twins = matchInputs(target, source, prefix);
  const nameOf = (name: string): string => {
    const full = `${prefix}/${name}`;
    if (!graph.value(full)) return full;
    throw new TrainError(
      "invalid-option",
      `joinModels: "${full}" is taken; choose another prefix`,
      {
        value: full,
      },
    );
  };
  const twinOf = (value: Value): Value => {
    const known = twins.get(value);
    if (known) return known;
    if (!value.tensor) throw new TypeError(`${value.name} has no producer`);
    const twin = graph.addInitializer(nameOf(value.name), value.tensor);
    twins.set(value, twin);
    return twin;
  };
  for (const node of source.graph.nodes) {
    assertFlat(node);
    const copy = graph.createNode({
      opType: node.opType,
      domain: node.domain,
      name: node.name === "" ? "" : `${prefix}/${node.name}`,
      inputs: node.inputs.map((value) => value && twinOf(value)),
      outputs: node.outputs.map((output) => (output ? nameOf(output.name) : "")),
      attributes: Object.fromEntries(
        node.attributes.map((attribute) => [attribute.name, attribute]),
      ),
    });
    node.outputs.forEach((output, index) => {
      const twin = copy.outputs[index];
      if (!output || !twin) return;
      if (output.type) twin.type = output.type;
      twins.set(output, twin);
    });
  }
  for (const [domain, version] of source.opsetImports) {
    if (!target.opsetImports.has(domain)) target.setOpset(domain, version);
  }
  graph.setOutputs([...graph.outputs, ...source.graph.outputs.map(twinOf)]);
}

/** Which input of the joined model each input of another one is. */
function matchInputs(target: Model, source: Model, prefix: string): Map<Value, Value> {
  const own = target.graph.inputs;
  const twins = new Map<Value, Value>();
  for (const input of source.graph.inputs) {
    const alone = own.length === 1 && source.graph.inputs.length === 1 ? own[0] : undefined;
    const twin = own.find(({ name }) => name === input.name) ?? alone;
    if (!twin) {
      throw new TrainError(
        "invalid-option",
        `joinModels: the input "${input.name}" of ${prefix} is none of the model's (${own.map(({ name }) => name).join(", ")}); rename it`,
        { value: input.name },
      );
    }
    twins.set(input, twin);
  }
  return twins;
}

function assertFlat(node: Node): void {
  if (!node.attributes.some(({ type }) => type === "graph" || type === "graphs")) return;
  throw new TrainError(
    "invalid-option",
    `joinModels: ${node.describe()} has a subgraph, which cannot be joined; fold it first (simplify)`,
    { value: node.outputs[0]?.name ?? "" },
  );
}
