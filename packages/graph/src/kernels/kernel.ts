import type { Tensor } from "../ir/tensor.ts";
import type { InferredOutput, ShapeRuleContext } from "../shapes/shape-rule.ts";

/** Kernels get no dim larger than this, even in tensors that have no elements: 4 Mi. */
export const MAX_DIM: number = 4 * 1024 * 1024;

/** A node whose inputs are all constant. */
export interface KernelContext extends Pick<ShapeRuleContext, "node" | "opset" | "numbers"> {
  readonly inputs: readonly (Tensor | undefined)[];
  /** Dims and types of the outputs, as the operator's shape rule gives them. */
  readonly outputs: readonly InferredOutput[];
}

/** Computes a node's outputs; `undefined` for what it does not cover (such as strings). */
export type Kernel = (context: KernelContext) => readonly Tensor[] | undefined;
