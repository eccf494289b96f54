import type { RuntimeTensor } from "@ocrslim/runtime";
import type { Batch, StepOptions, StepResult, TrainingSession } from "../engine/engine.ts";
import { assertState } from "../engine/ort-engine.ts";
import { TrainError } from "../errors.ts";
import type { TrainingState, TrainingStep } from "../step/training-step.ts";
import { type LowerModelOptions, lowerModel } from "./lower-model.ts";
import { detach, sameDims } from "./operations.ts";
import { makeTensor, type Tfjs, type TfScalar, type TfTensor, tfDtype } from "./tfjs.ts";

type Tensors = Readonly<Record<string, TfTensor>>;

/** What forward and backward pass give; tensors to be disposed of. */
interface Gradient {
  readonly loss: TfTensor;
  readonly gradient: TfTensor;
  /** Reports and `next/statistics`, by output name. */
  readonly others: Tensors;
}

/** Trains a step with TensorFlow.js. The state stays in its tensors. */
export function createTfjsSession(
  tf: Tfjs,
  step: TrainingStep,
  options: LowerModelOptions,
): TrainingSession {
  const objective = lowerModel(tf, step.objective, options);
  const update = lowerModel(tf, step.update, options);
  let state = makeState(tf, step, step.initialState());
  let isDisposed = false;

  const differentiate = (batch: Tensors): Gradient => {
    const others: Record<string, TfTensor> = {};
    const statistics = state["statistics"];
    const forward = (parameters: TfTensor): TfScalar => {
      const results = objective.run({
        ...batch,
        "state/parameters": parameters,
        ...(statistics ? { "state/statistics": statistics } : {}),
      });
      for (const [name, tensor] of Object.entries(results)) {
        if (name !== "loss") others[name] = tf.keep(detach(tf, tensor));
      }
      return tf.reshape(results["loss"] as TfTensor, []) as TfScalar;
    };
    try {
      return tf.tidy(() => {
        const { value, grads } = tf.valueAndGrads(forward)([stateOf(state, "parameters")]);
        return { loss: value, gradient: grads[0] as TfTensor, others };
      });
    } catch (cause) {
      disposeAll(others);
      throw cause;
    }
  };

  /** The state after this micro-batch; `gradient_norm` beside it. */
  const advance = (found: Gradient, given: StepOptions): Tensors =>
    tf.tidy(() => {
      const { learningRate, update: count, apply = true } = given;
      const sum = state["gradient"];
      const total = sum ? tf.add(sum, tf.div(found.gradient, step.accumulate)) : found.gradient;
      const next: Record<string, TfTensor> = {};
      if (apply) {
        const inputs = Object.entries(state).map(([name, tensor]) => [`state/${name}`, tensor]);
        const results = update.run({
          ...Object.fromEntries(inputs),
          gradient: total,
          "step/learning_rate": tf.scalar(learningRate),
          "step/update": tf.scalar(count),
        });
        // Copies: an output may be one of the inputs.
        for (const [name, tensor] of Object.entries(results)) next[name] = tf.clone(tensor);
        if (sum) next["next/gradient"] = tf.zerosLike(sum);
      } else {
        next["gradient_norm"] = tf.sqrt(tf.sum(tf.square(total)));
        if (sum) next["next/gradient"] = total;
      }
      const statistics = found.others["next/statistics"];
      if (statistics) next["next/statistics"] = tf.clone(statistics);
      return next;
    });

  const dispose = async (): Promise<void> => {
    if (isDisposed) return;
    isDisposed = true;
    disposeAll(state);
    objective.dispose();
    update.dispose();
  };

  return {
    async run(batch, given): Promise<StepResult> {
      const inputs = makeBatch(tf, step, batch);
      let found: Gradient | undefined;
      let next: Tensors = {};
      try {
        found = differentiate(inputs);
        next = advance(found, given);
        const { others, loss } = found;
        const reports: Record<string, number> = {};
        for (const name of step.reports) reports[name] = await numberOf(others[`report/${name}`]);
        const result: StepResult = {
          loss: await numberOf(loss),
          reports,
          gradientNorm: await numberOf(next["gradient_norm"]),
        };
        if (Number.isFinite(result.loss) && Number.isFinite(result.gradientNorm)) {
          const old = state;
          state = adopt(old, next);
          next = { ...replacedBy(old, state), norm: next["gradient_norm"] as TfTensor };
        }
        return result;
      } catch (cause) {
        throw outOfMemory(cause) ?? cause;
      } finally {
        disposeAll(inputs);
        disposeAll(next);
        if (found) disposeAll({ ...found.others, loss: found.loss, gradient: found.gradient });
      }
    },
    async readState() {
      const read = Object.entries(state).map(async ([name, tensor]) => {
        const data = await tensor.data<"float32">();
        return [name, data.slice()] as const;
      });
      return Object.fromEntries(await Promise.all(read));
    },
    async writeState(given) {
      assertState(step, given);
      const old = state;
      state = makeState(tf, step, given);
      disposeAll(old);
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

function makeState(tf: Tfjs, step: TrainingStep, state: TrainingState): Tensors {
  return Object.fromEntries(
    // Copies: some backends keep the array itself.
    step.state.map(({ name, size }) => [
      name,
      tf.tensor1d(state[name]?.slice() ?? new Float32Array(size), "float32"),
    ]),
  );
}

function stateOf(state: Tensors, name: string): TfTensor {
  const tensor = state[name];
  if (tensor) return tensor;
  throw new TrainError("checkpoint-mismatch", `createTfjsEngine: the step has no state "${name}"`, {
    value: name,
  });
}

/** @throws TrainError `invalid-data` if an input is missing or of other dims. */
function makeBatch(tf: Tfjs, step: TrainingStep, batch: Batch): Tensors {
  for (const { name, dims } of step.batch) {
    const given = batch[name];
    if (given && sameDims(given.dims, dims)) continue;
    throw new TrainError(
      "invalid-data",
      `run: the batch's "${name}" is ${given ? `of dims [${given.dims}]` : "missing"}; this step needs dims [${dims}]`,
      { value: name },
    );
  }
  return Object.fromEntries(step.batch.map(({ name }) => [name, feed(tf, name, batch[name])]));
}

function feed(tf: Tfjs, name: string, given: RuntimeTensor | undefined): TfTensor {
  if (!given) throw new TrainError("invalid-data", `run: the batch has no "${name}"`);
  const { dtype, dims, data } = given;
  const numbers = data instanceof Float32Array ? data.slice() : Array.from(data, Number);
  return makeTensor(tf, tfDtype(dtype), dims, numbers);
}

/** The new state; vectors that the step leaves alone stay. */
function adopt(state: Tensors, next: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(state).map(([name, tensor]) => [name, next[`next/${name}`] ?? tensor]),
  );
}

/** The tensors of a state that another one no longer holds. */
function replacedBy(old: Tensors, state: Tensors): Tensors {
  return Object.fromEntries(Object.entries(old).filter(([name, tensor]) => state[name] !== tensor));
}

function disposeAll(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}

async function numberOf(tensor: TfTensor | undefined): Promise<number> {
  const [value = Number.NaN] = tensor ? await tensor.data() : [];
  return Number(value);
}

function outOfMemory(cause: unknown): TrainError | undefined {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (!/\bOOM\b|out of memory|failed to allocate|allocation failed/i.test(text)) return undefined;
  return new TrainError(
    "out-of-memory",
    `the training step does not fit into memory (${text}); take a smaller batch, or accumulate over several`,
    { cause },
  );
}
