import type { Model } from "../ir/model.ts";
import type { RunContext } from "./run-context.ts";

/** What an evaluation found. */
export interface Evaluation {
  /** The metric, higher = better (such as hmean, 0–1). */
  readonly metric: number;
  /** Number of images it was measured on. */
  readonly images: number;
}

/** Measures a model. Any function of this shape is an evaluator. */
export type Evaluate = (model: Model, context: RunContext) => Promise<Evaluation>;
