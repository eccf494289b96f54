import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";

/** What an {@link Optimizer} works on: all trained parameters as one flat vector. */
export interface UpdateContext {
  readonly ops: Ops;
  /** Present parameters, [P]. */
  readonly parameters: Value;
  /** Gradient of the loss, clipped already, [P]. */
  readonly gradient: Value;
  /** This optimizer's own vectors, [P] each, in the order of `slots`. */
  readonly slots: readonly Value[];
  /** Scalar, or [P] where parameter groups differ. */
  readonly learningRate: Value;
  /** Scalar, or [P] where parameter groups differ; 0 = none. */
  readonly weightDecay: Value;
  /** Number of updates including this one, a scalar from 1. */
  readonly update: Value;
}

/** What an update computes. */
export interface UpdateResult {
  readonly parameters: Value;
  readonly slots: readonly Value[];
}

/** A rule that turns a gradient into a step, as a part of the training graph. */
export interface Optimizer {
  /** Such as `adam`. */
  readonly name: string;
  /** Names of the vectors it keeps between steps, zeros at first, such as `["m", "v"]`. */
  readonly slots: readonly string[];
  /** Settings, to be stored with checkpoints. */
  readonly settings: Readonly<Record<string, number | boolean>>;
  /** Default weight decay of parameters that do not say otherwise. */
  readonly weightDecay: number;
  update(context: UpdateContext): UpdateResult;
}
