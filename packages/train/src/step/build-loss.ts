import type { Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Loss } from "../losses/loss.ts";
import type { Ops } from "../ops/ops.ts";

/** What a loss left in the graph. */
export interface BuiltLoss {
  readonly loss: Value;
  /** Scalars by name, in the order reported. */
  readonly reports: ReadonlyMap<string, Value>;
}

/**
 * Runs a loss function on the model's outputs.
 * @throws TrainError `invalid-loss` if it names values that are not there, asks for a target under a
 *   name that is taken, or gives no scalar.
 */
export function buildLoss(ops: Ops, loss: Loss): BuiltLoss {
  const { graph } = ops;
  const outputs = [...graph.outputs];
  const targets = new Map<string, Value>();
  const reports = new Map<string, Value>();
  const assertScalar = (value: Value, what: string): void => {
    if (ops.dtype(value) === "float32" && ops.dims(value).every((dim) => dim === 1)) return;
    throw new TrainError(
      "invalid-loss",
      `buildTrainingStep: ${what} is ${ops.dtype(value)} of dims [${ops.dims(value)}], not a float32 scalar; reduce it (ops.mean, ops.sum)`,
      { value: value.name },
    );
  };
  const result = loss({
    ops,
    outputs: outputs.map((value) => value.name),
    output(name) {
      const found = name === undefined ? outputs[0] : outputs.find((value) => value.name === name);
      if (found) return found;
      throw new TrainError(
        "invalid-loss",
        `buildTrainingStep: the model has no output${name === undefined ? "" : ` "${name}"`}; its outputs are ${outputs.map((value) => value.name).join(", ")}`,
      );
    },
    value(name) {
      const found = graph.value(name);
      if (found) return found;
      throw new TrainError(
        "invalid-loss",
        `buildTrainingStep: the model has no value "${name}"; list them with model.graph.values`,
        { value: name },
      );
    },
    target(name, dims, dtype = "float32") {
      const known = targets.get(name);
      if (known) return known;
      const made = ops.input(name, dims, dtype);
      targets.set(name, made);
      return made;
    },
    report(name, value) {
      assertScalar(value, `the report "${name}"`);
      reports.set(name, ops.reshape(value, []));
    },
  });
  assertScalar(result, "the loss");
  return { loss: ops.reshape(result, []), reports };
}
