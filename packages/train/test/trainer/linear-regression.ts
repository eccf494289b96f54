import { createRandom } from "@ocrslim/graph";
import type { StepOptions, StepResult, TrainingEngine } from "../../src/engine/engine.ts";
import { createEmptyOps } from "../../src/ops/ops.ts";
import type { TrainingState, TrainingStep } from "../../src/step/training-step.ts";
import type { TrainingData } from "../../src/trainer/training-data.ts";

const WIDTH = 4;
const TRUTH = [0.5, -1, 2, 0.25];

/** A linear regression with momentum, in float32, by hand: a step that needs no ONNX model. */
export interface RegressionOptions {
  readonly batchSize?: number;
  readonly accumulate?: number;
  /** Elements that are carried along, to make checkpoints large. */
  readonly ballast?: number;
  readonly fingerprint?: string;
}

/** Its models are empty: {@link createRegressionEngine} does not look at them. */
export function regressionStep(options: RegressionOptions = {}): TrainingStep {
  const { batchSize = 2, accumulate = 1, ballast = 0, fingerprint = "regression" } = options;
  const { model } = createEmptyOps("none");
  const state = [
    { name: "parameters", size: WIDTH },
    { name: "sgd/velocity", size: WIDTH },
    ...(accumulate > 1 ? [{ name: "gradient", size: WIDTH }] : []),
    ...(ballast > 0 ? [{ name: "ballast", size: ballast }] : []),
  ];
  return {
    step: model,
    objective: model,
    update: model,
    batch: [
      { name: "x", dims: [batchSize, WIDTH], dtype: "float32" },
      { name: "y", dims: [batchSize], dtype: "float32" },
    ],
    reports: ["error"],
    parameters: [
      { name: "slope", dims: [WIDTH - 1], offset: 0, size: WIDTH - 1 },
      { name: "intercept", dims: [1], offset: WIDTH - 1, size: 1 },
    ],
    statistics: [],
    state,
    accumulate,
    initialState: () =>
      Object.fromEntries(state.map(({ name, size }) => [name, new Float32Array(size)])),
    fingerprint: `${fingerprint} ${batchSize} ${accumulate} ${ballast}`,
  };
}

/** Hooks of the engine. */
export interface RegressionHooks {
  /** Comes before each step. */
  readonly beforeStep?: (options: StepOptions) => Promise<void> | void;
  readonly loss?: (loss: number, options: StepOptions) => number;
}

/** The engine of {@link regressionStep}. */
export function createRegressionEngine(hooks: RegressionHooks = {}): TrainingEngine {
  return {
    name: "regression",
    description: "regression in plain TypeScript",
    async load(step) {
      let state: TrainingState = step.initialState();
      return {
        async run(batch, options): Promise<StepResult> {
          await hooks.beforeStep?.(options);
          const vector = (name: string): Float32Array => state[name] ?? new Float32Array(WIDTH);
          const { loss, gradient } = gradientOf(
            vector("parameters"),
            batch["x"]?.data as Float32Array,
            batch["y"]?.data as Float32Array,
          );
          const sum = vector("gradient").map(
            (value, index) => value + (gradient[index] ?? 0) / step.accumulate,
          );
          const result = {
            loss: hooks.loss?.(loss, options) ?? loss,
            reports: { error: Math.sqrt(loss) },
            gradientNorm: Math.hypot(...sum),
          };
          if (!Number.isFinite(result.loss)) return result;
          const isLast = options.apply ?? true;
          const next: Record<string, Float32Array> = { ...state };
          if (isLast) {
            next["sgd/velocity"] = vector("sgd/velocity").map(
              (value, index) => 0.9 * value + (sum[index] ?? 0),
            );
            next["parameters"] = vector("parameters").map(
              (value, index) => value - options.learningRate * (next["sgd/velocity"]?.[index] ?? 0),
            );
          }
          if (step.accumulate > 1) next["gradient"] = isLast ? new Float32Array(WIDTH) : sum;
          if (next["ballast"]) {
            next["ballast"] = next["ballast"].map((value, index) => value + index + loss);
          }
          state = next;
          return result;
        },
        readState: async () => structuredClone(state),
        writeState: async (given) => {
          state = structuredClone(given);
        },
        dispose: async () => {},
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
}

function gradientOf(
  parameters: Float32Array,
  x: Float32Array,
  y: Float32Array,
): { readonly loss: number; readonly gradient: Float32Array } {
  const gradient = new Float32Array(WIDTH);
  let loss = 0;
  y.forEach((target, row) => {
    const inputs = x.subarray(row * WIDTH, (row + 1) * WIDTH);
    const error = dot(inputs, parameters) - target;
    loss += error ** 2 / y.length;
    inputs.forEach((input, index) => {
      gradient[index] = (gradient[index] ?? 0) + (2 * error * input) / y.length;
    });
  });
  return { loss, gradient };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

/** Samples of the regression's truth; a little noise comes from each batch's seed. */
export function regressionData(
  size: number,
  { fingerprint, noise: scale = 0.01 }: { fingerprint?: string; noise?: number } = {},
): TrainingData {
  return {
    size,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    loadBatch({ samples, seed }) {
      const noise = createRandom(seed);
      const x = new Float32Array(samples.length * WIDTH);
      const y = new Float32Array(samples.length);
      samples.forEach((sample, row) => {
        const random = createRandom(sample + 1);
        const inputs = Array.from({ length: WIDTH }, () => random() * 2 - 1);
        x.set(inputs, row * WIDTH);
        y[row] = dot(inputs, TRUTH) + scale * (noise() - 0.5);
      });
      return {
        x: { dtype: "float32", dims: [samples.length, WIDTH], data: x },
        y: { dtype: "float32", dims: [samples.length], data: y },
      };
    },
  };
}

/** Mean square distance from the truth, negated: higher is better. */
export function regressionMetric(state: TrainingState): { readonly metric: number } {
  const parameters = state["parameters"] ?? new Float32Array(WIDTH);
  return { metric: -TRUTH.reduce((sum, value, i) => sum + (value - (parameters[i] ?? 0)) ** 2, 0) };
}

/** The bytes of a state, to compare two. */
export function stateBytes(state: TrainingState): string {
  return Object.entries(state)
    .map(
      ([name, data]) =>
        `${name} ${Buffer.from(new Uint8Array(data.slice().buffer)).toString("hex")}`,
    )
    .join("\n");
}
