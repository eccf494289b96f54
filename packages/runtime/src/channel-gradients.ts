import type { Model, RunOptions } from "@ocrslim/graph";
import type { Feeds } from "./feeds.ts";

/** What {@link MeasureChannelGradients} is asked for. */
export interface ChannelGradientOptions extends RunOptions {
  /** Names of computed values [N, C, …] of the model. */
  readonly values: readonly string[];
  /** One image each. */
  readonly feeds: readonly Feeds[];
  /** Samples of the output's distribution an image. Default: 2. */
  readonly draws?: number;
}

/** What a loss's gradient at one value says about its channels; g is ∂L/∂value, v the value. */
export interface ChannelGradients {
  /** E over images and draws of Σ_positions g², one number a channel. */
  readonly squares: Float64Array;
  /** E of (Σ_positions v·g)²: the Fisher information of a gate on the channel (Liu et al. 2021, eq. 5). */
  readonly fisher: Float64Array;
}

/**
 * Measures gradients of the model's own likelihood: outputs are probabilities p (or logits, which are
 * passed through a sigmoid), targets are sampled from them, so that E[g gᵀ] is the Gauss–Newton
 * matrix and no labels are needed. Passed in where gradients are wanted, since nothing but a training
 * package can compute them; a value that the output does not depend on is left out of the result.
 */
export type MeasureChannelGradients = (
  model: Model,
  options: ChannelGradientOptions,
) => Promise<ReadonlyMap<string, ChannelGradients>>;
