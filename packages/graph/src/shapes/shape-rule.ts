import { GraphError } from "../errors.ts";
import type { DataType } from "../ir/data-type.ts";
import type { Node } from "../ir/node.ts";
import type { Tensor } from "../ir/tensor.ts";

/** What a {@link ShapeRule} says of one output; whatever is left out is unknown. */
export interface InferredOutput {
  readonly dims?: readonly number[] | undefined;
  readonly dtype?: DataType | undefined;
  /** The content, where the shapes alone give it (the operator Shape). */
  readonly constant?: Tensor | undefined;
}

/** A node and what is known of its inputs. */
export interface ShapeRuleContext {
  readonly node: Node;
  /** Version of the operator set that the node's domain is imported at. */
  readonly opset: number;
  /** Dims of input `index`; `undefined` if it is absent or unknown. */
  dims(index: number): readonly number[] | undefined;
  dtype(index: number): DataType | undefined;
  /** The constant that input `index` is known to hold. */
  constant(index: number): Tensor | undefined;
  /** Elements of a constant input as numbers; `undefined` if it is absent or not constant. */
  numbers(index: number): readonly number[] | undefined;
  /** Reports why an output's shape cannot be known, as a warning. */
  warn(code: string, reason: string): void;
}

/**
 * Gives dims and types of one operator's outputs, in output order. It throws the error that
 * {@link mismatch} makes if the inputs contradict each other; `inferShapes` turns it into an issue.
 */
export type ShapeRule = (context: ShapeRuleContext) => readonly InferredOutput[];

/** The error for shapes that contradict each other at a node. */
export function mismatch(node: Node, what: string): GraphError {
  return new GraphError("shape-mismatch", `${node.describe()}: ${what}`, {
    node: node.name || node.key,
  });
}

/** Reports that the output's shape depends on the content of an input that is not constant. */
export function dependsOnData(
  context: ShapeRuleContext,
  input: string,
  dtype: DataType | undefined = context.dtype(0),
): readonly InferredOutput[] {
  context.warn("data-dependent-shape", `the output's shape depends on ${input}, not a constant`);
  return [{ dtype }];
}
