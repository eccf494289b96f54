import {
  cloneModel,
  constantTensor,
  foldBatchNormalization,
  type Model,
  removeUnused,
  setConstantTensor,
  Tensor,
  type Transform,
  transform,
} from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Parameter, TrainingState, TrainingStep } from "./training-step.ts";

/** Options of {@link exportModel}. */
export interface ExportModelOptions {
  /** Names of the outputs to keep; branches that serve only others go. Default: all. */
  readonly outputs?: readonly string[];
  /** Which weights: the moving average or the last ones. Default: `average` if the step keeps one. */
  readonly weights?: "average" | "last";
  /** Fold BatchNormalization into the convolution before it. Default: true. */
  readonly foldBatchNormalization?: boolean;
}

/**
 * Returns the model that a step was built from with the trained weights: an ordinary inference model
 * with its own names, types, shapes and opset. `model` stays as it is.
 * @throws TrainError `checkpoint-mismatch` if the state is that of another model; `invalid-option` if
 *   the step keeps no moving average, or an output is not there.
 */
export async function exportModel(
  model: Model,
  step: TrainingStep,
  state: TrainingState,
  options: ExportModelOptions = {},
): Promise<Model> {
  const { weights = state["ema"] ? "average" : "last" } = options;
  const trained = state[weights === "average" ? "ema" : "parameters"];
  if (!trained) {
    throw new TrainError(
      "invalid-option",
      `exportModel: the state holds no ${weights === "average" ? 'moving average; use weights: "last", or train with emaDecay' : "parameters"}`,
    );
  }
  for (const name of options.outputs ?? []) {
    if (model.graph.outputs.some((output) => output.name === name)) continue;
    throw new TrainError(
      "invalid-option",
      `exportModel: the model has no output "${name}"; its outputs are ${model.graph.outputs.map((output) => output.name).join(", ")}`,
      { value: name },
    );
  }
  const exported = cloneModel(model);
  putTensors(exported, step.parameters, trained);
  putTensors(exported, step.statistics, state["statistics"] ?? new Float32Array());
  const steps: Transform[] = [];
  if (options.outputs) {
    const wanted = new Set(options.outputs);
    exported.graph.setOutputs(exported.graph.outputs.filter(({ name }) => wanted.has(name)));
    steps.push(removeUnused());
  }
  if (options.foldBatchNormalization ?? true) steps.push(foldBatchNormalization());
  await transform(exported, steps);
  return exported;
}

function putTensors(model: Model, layout: readonly Parameter[], flat: Float32Array): void {
  for (const { name, dims, offset, size } of layout) {
    const value = model.graph.value(name);
    const old = value && constantTensor(value);
    if (!value || old?.size !== size || offset + size > flat.length) {
      throw new TrainError(
        "checkpoint-mismatch",
        `exportModel: the trained tensor "${name}" [${dims}] has no counterpart in the model; give the model that the training step was built from`,
        { value: name },
      );
    }
    setConstantTensor(value, Tensor.float32(dims, flat.slice(offset, offset + size)));
  }
}
