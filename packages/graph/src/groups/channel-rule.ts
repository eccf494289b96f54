import type { MemberRole } from "../contracts/channel-group.ts";
import type { Node } from "../ir/node.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Value } from "../ir/value.ts";

/** An axis of one of a node's values, which channels have reached. */
export interface Port {
  readonly side: "input" | "output";
  /** Index among the node's inputs or outputs. */
  readonly index: number;
  readonly value: Value;
  /** 0 or more. */
  readonly axis: number;
}

/** What a rule works with while channels spread. */
export interface SpreadContext {
  /** Version of the standard operators. */
  readonly opset: number;
  /** Known dims of a value; a rule is only called if those of the node's values are known. */
  shapeOf(value: Value): readonly number[];
  /** The constant a value is known to hold. */
  constantOf(value: Value): Tensor | undefined;
  /** Whether channels have reached an axis of a value already. */
  hasReached(value: Value, axis: number): boolean;
  /**
   * States that index i along an axis of one value and index `map(i)` along an axis of another are
   * the same channel. `map` may give -1 for "none". Default: the same index.
   */
  couple(
    value: Value,
    axis: number,
    other: Value,
    otherAxis: number,
    map?: (index: number) => number,
  ): void;
  /** Says what an axis of a constant, or of a computed value, does at this node. */
  mark(value: Value, axis: number, role: MemberRole, input?: number): void;
  /** Forbids the removal of channels on an axis, or of one index on it. */
  block(value: Value, axis: number, reason: string, index?: number): void;
}

/** What stays of each value; for rules that rewrite constants and attributes. */
export interface KeptChannels {
  readonly opset: number;
  /** Indices that stay along an axis, ascending; `undefined` if all do. */
  indices(value: Value, axis: number): Int32Array | undefined;
  /** Dims before the removal. */
  oldShape(value: Value): readonly number[];
  /** Dims after the removal. */
  newShape(value: Value): readonly number[];
  constantOf(value: Value): Tensor | undefined;
}

/** What one operator does to channels. */
export interface ChannelRule {
  /**
   * Couples the channels at `port` to those of the node's other values, or blocks them. Called once
   * for each axis of each value that channels reach; it need not be symmetric, since the values it
   * reaches are asked in turn.
   */
  spread(node: Node, port: Port, context: SpreadContext): void;
  /** Rewrites attributes and shape constants that state channel counts. Weights are sliced already. */
  rewrite?(node: Node, kept: KeptChannels): void;
}
