import type { RuntimeTensor } from "@ocrslim/runtime";
import type { TrainingState, TrainingStep } from "../step/training-step.ts";

/** A batch: one tensor for each of the step's batch inputs, by name. */
export type Batch = Readonly<Record<string, RuntimeTensor>>;

/** What one step is told. */
export interface StepOptions {
  readonly learningRate: number;
  /** Number of this update, from 1. */
  readonly update: number;
  /**
   * False for the first micro-batches of an accumulated step: the gradient is only summed up.
   * Default: true.
   */
  readonly apply?: boolean;
}

/** What one step found, before it changed the weights. */
export interface StepResult {
  readonly loss: number;
  /** The loss's reports by name. */
  readonly reports: Readonly<Record<string, number>>;
  /** Euclidean norm of the whole gradient before clipping; of the sum so far when accumulating. */
  readonly gradientNorm: number;
}

/** A training step loaded on an engine, with its state. Dispose of it, or use `await using`. */
export interface TrainingSession {
  /** Runs one step and keeps the new state, unless loss or gradient are not finite: the state then
   * stays as it was. */
  run(batch: Batch, options: StepOptions): Promise<StepResult>;
  /** A copy of the state. */
  readState(): Promise<TrainingState>;
  /** @throws TrainError `checkpoint-mismatch` if a vector is missing or of another size. */
  writeState(state: TrainingState): Promise<void>;
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What executes training steps: ONNX Runtime, or TensorFlow.js. */
export interface TrainingEngine {
  /** Such as `ort` or `tfjs`. */
  readonly name: string;
  /** For reports, such as `onnxruntime-node 1.30.0, cpu`. */
  readonly description: string;
  load(step: TrainingStep): Promise<TrainingSession>;
}
