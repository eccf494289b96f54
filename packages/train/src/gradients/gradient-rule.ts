import type { Node, Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import type { Ops } from "../ops/ops.ts";

/** A node on the way from a parameter to the loss. */
export interface GradientContext {
  readonly node: Node;
  /** Writes into the node's graph; all shapes are static. */
  readonly ops: Ops;
  /** Gradient of the loss with respect to output `index`; `undefined` where the loss ignores it. */
  gradient(index: number): Value | undefined;
  /** Whether the gradient of input `index` is wanted; others need not be computed. */
  needs(index: number): boolean;
}

/**
 * Gives the gradients of the loss with respect to the node's inputs, in input order, each of its
 * input's dims, or 1 along axes where all elements have the same; `undefined` for those not needed, and for what the output does not depend on
 * smoothly (indices, shapes). It emits standard ONNX operators only.
 */
export type GradientRule = (context: GradientContext) => readonly (Value | undefined)[];

/** Input `index` of the node. @throws TrainError `unsupported` if it is absent. */
export function requireInput({ node }: Pick<GradientContext, "node">, index: number): Value {
  const value = node.input(index);
  if (value) return value;
  throw new TrainError("unsupported", `${node.describe()} has no input ${index}`, {
    node: node.name || node.key,
  });
}

/** The gradient of the only output, of a node that has just one. */
export function outputGradient({ node, gradient }: GradientContext): Value {
  const value = gradient(0);
  if (value) return value;
  throw new TrainError(
    "not-differentiable",
    `${node.describe()}: the loss does not depend on its first output`,
    { node: node.name || node.key },
  );
}

/** The error for a form of an operator that its rule does not cover. */
export function notCovered(node: Node, what: string): TrainError {
  return new TrainError(
    "unsupported",
    `differentiate: ${node.describe()}: ${what}; rewrite the node, or give a gradient rule of your own for ${node.opType} (option rules)`,
    { node: node.name || node.key },
  );
}

/** The numbers of input `index`; `undefined` if it is absent. @throws TrainError `unsupported` if it is computed. */
export function readConstant(
  { node, ops }: Pick<GradientContext, "node" | "ops">,
  index: number,
): readonly number[] | undefined {
  const value = node.input(index);
  if (!value) return undefined;
  const numbers = ops.numbers(value);
  if (!numbers) throw notCovered(node, `input ${index} is not constant`);
  return numbers;
}
