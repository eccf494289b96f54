import type { Tensor } from "../ir/tensor.ts";
import type { ChannelGroup } from "./channel-group.ts";

/** What a criterion may look at, beside the group. */
export interface CriterionContext {
  /** The constant tensor of an initializer; throws if there is none of that name. */
  tensorOf(value: string): Tensor;
  /** Uniform numbers in [0, 1), from the run's seed. */
  readonly random: () => number;
}

/**
 * Returns one score for each channel of the group, length `group.width`; higher = keep. Any
 * function of this shape is a criterion.
 */
export type Criterion = (group: ChannelGroup, context: CriterionContext) => Float64Array;
