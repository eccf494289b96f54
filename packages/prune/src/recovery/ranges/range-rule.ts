import type { Node, ShapeInference, Tensor } from "@ocrslim/graph";
import type { ChannelRange } from "./channel-range.ts";

/** What a rule may look at. */
export interface RangeContext {
  readonly node: Node;
  readonly shapes: ShapeInference;
  /** Range of an input; unknown if it is absent. Constants have theirs along axis `axis`. */
  rangeOf(input: number, axis?: number): ChannelRange;
  /** An input's constant. */
  constantOf(input: number): Tensor | undefined;
  /** Rank of an input. */
  rankOf(input: number): number | undefined;
}

/** The range of a node's outputs, all of them, or `undefined` if nothing is known. */
export type RangeRule = (context: RangeContext) => ChannelRange | undefined;
