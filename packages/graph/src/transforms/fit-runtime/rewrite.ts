import type { Model } from "../../ir/model.ts";
import type { Node } from "../../ir/node.ts";
import type { PartialShapes } from "../support/partial-shapes.ts";

/** What a rewrite of `fitRuntime` does. */
export type RewriteKind =
  | "affine-as-convolution"
  | "affine-through-concat"
  | "convolution-before-resize"
  | "gate-into-weights"
  | "merge-convolutions"
  | "pooling-before-convolution"
  | "split-concat"
  | "transposed-convolution";

/** One way of rewriting a place. */
export interface RewriteVariant {
  /** Tells variants of one kind apart; stands in reports. */
  readonly name: string;
  /**
   * Rewrites around this node so that the graph computes the same, and returns whether it did. All
   * values that others read keep their names.
   */
  readonly apply: (node: Node, facts: RewriteFacts) => boolean;
}

/** A kind of rewrite; the best of its variants is tried for each node of one of the `opTypes`. */
export interface Rewrite {
  readonly kind: RewriteKind;
  readonly opTypes: readonly string[];
  /** Tells quickly, and without any edit, whether a node is worth a try. */
  readonly matches: (node: Node, facts: RewriteFacts) => boolean;
  readonly variants: readonly RewriteVariant[];
  /** Whether places are tried from the end of the graph. Default: false. */
  readonly fromEnd?: boolean;
  /** Whether one variant undoes another: then each place is tried once. Default: false. */
  readonly isReversible?: boolean;
}

/** What is certain at all input sizes. */
export interface RewriteFacts {
  readonly model: Model;
  readonly known: PartialShapes;
}
