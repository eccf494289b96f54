import { createHash } from "node:crypto";
import { cloneModel, type Model, removeUnused, transform, type Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import { backpropagate } from "../gradients/backpropagate.ts";
import type { GradientRule } from "../gradients/gradient-rule.ts";
import type { Loss } from "../losses/loss.ts";
import { createEmptyOps, type Ops } from "../ops/ops.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { buildLoss } from "./build-loss.ts";
import { buildUpdate, type GradientClip, type UpdatePlan, updateState } from "./build-update.ts";
import { chooseParameters } from "./choose-parameters.ts";
import { layOut, pack, sizeOf, unpack } from "./flat-vector.ts";
import { addOutput } from "./outputs.ts";
import { orderBySettings, type ParameterGroup, withoutDecay } from "./parameter-groups.ts";
import { prepareModel } from "./prepare-model.ts";
import { trainBatchNormalizations } from "./train-batch-normalizations.ts";
import type { Parameter, StateVector, TrainingState, TrainingStep } from "./training-step.ts";

/** Options of {@link buildTrainingStep}. */
export interface TrainingStepOptions {
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  /** Dims of a batch, by input; needed for inputs without a fixed shape. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Names of the parameters to train. Default: all of {@link findParameters} that the loss depends on. */
  readonly parameters?: readonly string[];
  /** Learning rates and weight decay that differ. Default: `[withoutDecay()]`. */
  readonly groups?: readonly ParameterGroup[];
  /** Such as `clipByNorm(1)`. Default: none. */
  readonly clip?: GradientClip;
  /** Micro-batches that make up one update, 1 or more. Default: 1. */
  readonly accumulate?: number;
  /** Decay of a moving average of the parameters per update, in (0, 1). Default: none. */
  readonly emaDecay?: number;
  /**
   * `frozen` uses the running statistics as they are; `trained` normalizes by each batch and updates
   * the running statistics. Default: `frozen`.
   */
  readonly batchNormalization?: "frozen" | "trained";
  /** Gradient rules that are added or win. */
  readonly rules?: ReadonlyMap<string, GradientRule>;
}

/**
 * Builds the models that train `model`, which stays as it is: forward pass, loss, gradients and
 * optimizer as one ONNX graph of standard operators and static shapes. Weights become inputs.
 * @throws TrainError `unknown-operator` if an operator between a parameter and the loss has no
 *   gradient rule; `invalid-loss` if the loss is not a scalar or depends on no parameter;
 *   `not-differentiable` if it does not depend on a parameter that `parameters` names;
 *   `unknown-shape` if a shape is not static; `invalid-option`.
 */
export async function buildTrainingStep(
  model: Model,
  options: TrainingStepOptions,
): Promise<TrainingStep> {
  const { optimizer, accumulate = 1, emaDecay, groups = [withoutDecay()] } = options;
  assertOptions(options);
  const { model: prepared, ops } = await prepareModel(model, options.inputShapes);
  const { graph } = prepared;
  const statistics =
    options.batchNormalization === "trained" ? trainBatchNormalizations(ops) : undefined;
  const { loss, reports } = buildLoss(ops, options.loss);
  const chosen = chooseParameters(prepared, loss, options.parameters);
  const { ordered, settings } = orderBySettings(chosen, groups, optimizer.weightDecay);
  const parameters = layOut(ordered);

  graph.setOutputs([]);
  addOutput(ops, loss, "loss");
  for (const [name, value] of reports) addOutput(ops, value, `report/${name}`);
  if (statistics) addOutput(ops, statistics.next, "next/statistics");
  const initialParameters = new Float32Array(sizeOf(parameters));
  for (const { name, offset } of parameters) {
    const tensor = graph.value(name)?.tensor;
    if (tensor) initialParameters.set(tensor.float32Values(), offset);
  }
  const values = liftParameters(ops, parameters);
  await transform(prepared, [removeUnused()]);
  graph.sort();
  fixInputShapes(ops);
  const objective = cloneModel(prepared);
  const batch = graph.inputs
    .filter((input) => !input.name.startsWith("state/"))
    .map((input) => ({ name: input.name, dims: ops.dims(input), dtype: ops.dtype(input) }));

  const gradients = backpropagate(ops, {
    loss,
    wrt: values,
    ...(options.rules ? { rules: options.rules } : {}),
  });
  const gradient = pack(
    ops,
    values.map((value, index) => gradients.get(value) ?? independent(parameters[index])),
  );
  const plan: UpdatePlan = { parameters, settings, optimizer, clip: options.clip, emaDecay };
  const size = sizeOf(parameters);
  const state: StateVector[] = [...updateState(plan)];
  if (accumulate > 1) state.push({ name: "gradient", size });
  if (statistics) state.push({ name: "statistics", size: statistics.initial.length });

  const total =
    accumulate > 1
      ? ops.add(ops.input("state/gradient", [size]), ops.mul(gradient, 1 / accumulate))
      : gradient;
  writeUpdate(ops, plan, total, (name) => graph.value(`state/${name}`));
  if (accumulate > 1) addOutput(ops, total, "next/gradient");

  return {
    step: prepared,
    objective,
    update: buildUpdateModel(plan),
    batch,
    reports: [...reports.keys()],
    parameters,
    statistics: statistics?.layout ?? [],
    state,
    accumulate,
    initialState(): TrainingState {
      const start: Record<string, Float32Array> = {};
      for (const { name, size } of state) {
        if (name === "parameters" || name === "ema") start[name] = initialParameters.slice();
        else if (name === "statistics")
          start[name] = statistics?.initial.slice() ?? new Float32Array();
        else start[name] = new Float32Array(size);
      }
      return start;
    },
    fingerprint: fingerprintOf({
      parameters,
      statistics: statistics?.layout ?? [],
      batch,
      accumulate,
      emaDecay: emaDecay ?? null,
      optimizer: { name: optimizer.name, settings: optimizer.settings },
      settings: [...settings],
    }),
  };
}

/** Replaces the initializers by pieces of the input `state/parameters`. */
function liftParameters(ops: Ops, parameters: readonly Parameter[]): readonly Value[] {
  const { graph } = ops;
  const flat = ops.input("state/parameters", [sizeOf(parameters)]);
  return unpack(ops, flat, parameters).map((piece, index) => {
    const name = parameters[index]?.name ?? "";
    const source = graph.value(name);
    // A parameter that fills the vector alone is the vector itself; it keeps its own name.
    const value = piece === flat ? ops.node("Identity", [piece]) : piece;
    if (!source) return value;
    source.replaceAllUsesWith(value);
    graph.removeInitializer(source);
    value.name = name;
    return value;
  });
}

/** Declares the dims that inputs have in this step. */
function fixInputShapes(ops: Ops): void {
  for (const input of ops.graph.inputs) {
    input.type = { kind: "tensor", dtype: ops.dtype(input), shape: ops.dims(input) };
  }
}

function writeUpdate(
  ops: Ops,
  plan: UpdatePlan,
  gradient: Value,
  find: (name: string) => Value | undefined,
): void {
  const sizes = new Map(updateState(plan).map(({ name, size }) => [name, size]));
  const { next, norm } = buildUpdate(
    ops,
    plan,
    gradient,
    (name) => find(name) ?? ops.input(`state/${name}`, [sizes.get(name) ?? 0]),
  );
  addOutput(ops, norm, "gradient_norm");
  for (const [name, value] of next) addOutput(ops, value, `next/${name}`);
}

function buildUpdateModel(plan: UpdatePlan): Model {
  const { model, ops } = createEmptyOps("update");
  const gradient = ops.input("gradient", [sizeOf(plan.parameters)]);
  writeUpdate(ops, plan, gradient, (name) => ops.graph.value(`state/${name}`));
  return model;
}

function independent(parameter: Parameter | undefined): never {
  throw new TrainError(
    "not-differentiable",
    `buildTrainingStep: no gradient reaches "${parameter?.name}": the loss depends on it only through operators that are flat or take indices; leave it out of parameters`,
    { value: parameter?.name ?? "" },
  );
}

function fingerprintOf(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

function assertOptions({ accumulate = 1, emaDecay }: TrainingStepOptions): void {
  if (!Number.isSafeInteger(accumulate) || accumulate < 1) {
    throw new TrainError(
      "invalid-option",
      `buildTrainingStep: accumulate is ${accumulate}; give a positive integer`,
    );
  }
  if (emaDecay !== undefined && !(emaDecay > 0 && emaDecay < 1)) {
    throw new TrainError(
      "invalid-option",
      `buildTrainingStep: emaDecay is ${emaDecay}; give a number between 0 and 1, such as 0.999`,
    );
  }
}
