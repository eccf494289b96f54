import type { DataType, Model } from "@ocrslim/graph";

/** A trained tensor and its place in the flat vector of all parameters. */
export interface Parameter {
  /** Name of the initializer. */
  readonly name: string;
  readonly dims: readonly number[];
  /** First element in the vector. */
  readonly offset: number;
  readonly size: number;
}

/** A vector that lives from step to step. */
export interface StateVector {
  /** Such as `parameters`, `adam/m`, `ema`, `statistics`, `gradient`. */
  readonly name: string;
  readonly size: number;
}

/** A tensor that each batch must bring. */
export interface BatchInput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dtype: DataType;
}

/**
 * A model made ready for training: ordinary ONNX models of static shape whose weights are inputs.
 *
 * State vectors are float32 [size] each. `step` takes the batch, every state vector as `state/NAME`,
 * and the float32 scalars `step/learning_rate` and `step/update` (the number of this update, from 1);
 * it gives the scalars `loss`, `report/NAME` and `gradient_norm` (before clipping), and `next/NAME`
 * for every state vector. With `accumulate` = k > 1 there is a state vector `gradient`, the sum of
 * gradient / k so far: `next/gradient` includes this micro-batch, and the update uses it.
 */
export interface TrainingStep {
  /** Forward, loss, backward, optimizer. */
  readonly step: Model;
  /**
   * Forward and loss alone: batch, `state/parameters` and `state/statistics` in; `loss`, reports and
   * `next/statistics` out.
   */
  readonly objective: Model;
  /**
   * The optimizer alone: `gradient` (of the mean loss, unclipped), the state without `statistics` and
   * `gradient`, and both scalars in; `gradient_norm` and `next/…` out.
   */
  readonly update: Model;
  readonly batch: readonly BatchInput[];
  readonly reports: readonly string[];
  readonly parameters: readonly Parameter[];
  /** Running statistics of trained BatchNormalizations, in `statistics`; empty without them. */
  readonly statistics: readonly Parameter[];
  readonly state: readonly StateVector[];
  /** Micro-batches whose gradients are summed for one update, 1 or more. */
  readonly accumulate: number;
  /** The state before the first step: the model's weights, zeros elsewhere. */
  initialState(): TrainingState;
  /** Hash of everything that a checkpoint must agree with: layout, dims, optimizer. */
  readonly fingerprint: string;
}

/** The state vectors by name. */
export type TrainingState = Readonly<Record<string, Float32Array>>;
