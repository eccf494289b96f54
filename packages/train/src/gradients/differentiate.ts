import type { Model, Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Loss } from "../losses/loss.ts";
import { buildLoss } from "../step/build-loss.ts";
import { addOutput } from "../step/outputs.ts";
import { prepareModel } from "../step/prepare-model.ts";
import { backpropagate } from "./backpropagate.ts";
import type { GradientRule } from "./gradient-rule.ts";

/** Options of {@link differentiate}. */
export interface DifferentiateOptions {
  /** Builds a scalar from the model's outputs. */
  readonly loss: Loss;
  /** Names of initializers, inputs or inner values. */
  readonly wrt: readonly string[];
  /** Dims of inputs without a fixed shape. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Gradient rules that are added or win, by `opType`, or `domain:opType` for other domains. */
  readonly rules?: ReadonlyMap<string, GradientRule>;
}

/**
 * Returns a model that computes the gradient of a loss: the outputs are `loss`, the loss's
 * `report/NAME`s, and `gradient/NAME` for each name of `wrt`, of that value's dims. It consists of
 * standard operators; targets of the loss are inputs. `model` stays as it is.
 * @throws TrainError `invalid-option` if a name of `wrt` is no float value of the model;
 *   `not-differentiable` if the loss does not depend on it; `unknown-operator` if an operator on the
 *   way has no rule; `invalid-loss` if the loss is no scalar; `unknown-shape` if a shape is not static.
 * @category Training
 */
export async function differentiate(model: Model, options: DifferentiateOptions): Promise<Model> {
  const { model: prepared, ops } = await prepareModel(model, options.inputShapes);
  const { graph } = prepared;
  const targets = options.wrt.map((name): Value => {
    const value = graph.value(name);
    const what = !value
      ? "not a value of the model"
      : ops.dtype(value).startsWith("float")
        ? undefined
        : `of type ${ops.dtype(value)}, which has no gradient`;
    if (value && !what) return value;
    throw new TrainError(
      "invalid-option",
      `differentiate: wrt names "${name}", which is ${what}; take a float initializer, input or inner value`,
      { value: name },
    );
  });
  const { loss, reports } = buildLoss(ops, options.loss);
  const gradients = backpropagate(ops, {
    loss,
    wrt: targets,
    ...(options.rules ? { rules: options.rules } : {}),
  });
  graph.setOutputs([]);
  addOutput(ops, loss, "loss");
  for (const [name, value] of reports) addOutput(ops, value, `report/${name}`);
  for (const target of targets) {
    const gradient = gradients.get(target);
    if (!gradient) {
      throw new TrainError(
        "not-differentiable",
        `differentiate: the loss does not depend on "${target.name}"; leave it out of wrt`,
        { value: target.name },
      );
    }
    addOutput(ops, gradient, `gradient/${target.name}`);
  }
  return prepared;
}
