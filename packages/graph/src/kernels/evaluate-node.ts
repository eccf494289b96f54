import { GraphError } from "../errors.ts";
import { elementCount } from "../ir/data-type.ts";
import type { Node } from "../ir/node.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { ShapeRuleContext } from "../shapes/shape-rule.ts";
import { operatorName, shapeRules } from "../shapes/shape-rules.ts";
import { arithmeticKernels } from "./arithmetic.ts";
import { castKernels } from "./cast.ts";
import { creationKernels } from "./creation.ts";
import { type Kernel, type KernelContext, MAX_DIM } from "./kernel.ts";
import { movementKernels } from "./movement.ts";
import { reductionKernels } from "./reduction.ts";
import { unaryKernels } from "./unary.ts";

/** What computes each operator, by `opType`. */
export const kernels: ReadonlyMap<string, Kernel> = new Map([
  ...arithmeticKernels,
  ...castKernels,
  ...creationKernels,
  ...movementKernels,
  ...reductionKernels,
  ...unaryKernels,
]);

/** How {@link evaluateNode} works. */
export interface EvaluateOptions {
  /** Largest number of elements of all outputs together. Default: 4 Mi (4,194,304). */
  readonly maxElements?: number;
}

/** Operators whose output is at most as large as the rank times the input, whatever it holds. */
const BOUNDED_BY_INPUT: ReadonlySet<string> = new Set(["NonZero"]);

/** Runs the node's kernel on outputs whose dims are known. */
export function runKernel(context: KernelContext): readonly Tensor[] | undefined {
  const isHuge = (known: { readonly dims?: readonly number[] | undefined } | undefined): boolean =>
    known?.dims?.some((dim) => dim > MAX_DIM) ?? false;
  if (context.inputs.some(isHuge) || context.outputs.some(isHuge)) return undefined;
  return kernels.get(operatorName(context.node))?.(context);
}

/**
 * Computes a node's outputs from constant inputs, in input order, `undefined` for absent ones.
 * Floating results are computed in double precision and rounded once to the output's type; integers
 * are exact and wrap around.
 *
 * Returns `undefined` if there is no kernel for the operator or these types, if the inputs
 * contradict each other, if the runtime would fail (integer division by zero, an index out of
 * range), or if the outputs would be larger than `maxElements`; nothing of that size is allocated.
 */
export function evaluateNode(
  node: Node,
  inputs: readonly (Tensor | undefined)[],
  opset: number,
  options: EvaluateOptions = {},
): readonly Tensor[] | undefined {
  const maxElements = options.maxElements ?? 4 * 1024 * 1024;
  const name = operatorName(node);
  const rule = shapeRules.get(name);
  if (!rule || !kernels.has(name)) return undefined;
  const context: ShapeRuleContext = {
    node,
    opset,
    dims: (index) => inputs[index]?.dims,
    dtype: (index) => inputs[index]?.dtype,
    constant: (index) => inputs[index],
    numbers: (index) => {
      const tensor = inputs[index];
      return tensor && tensor.dtype !== "string" ? [...tensor.toNumbers()] : undefined;
    },
    warn: () => {},
  };
  try {
    const outputs = rule(context);
    let total = 0;
    for (const { dims } of outputs) {
      if (dims) total += elementCount(dims);
      else if (!BOUNDED_BY_INPUT.has(name)) return undefined;
      else total += (inputs[0]?.size ?? 0) * Math.max(1, inputs[0]?.dims.length ?? 0);
    }
    if (!(total <= maxElements)) return undefined;
    return runKernel({ node, opset, inputs, outputs, numbers: context.numbers });
  } catch (error) {
    if (error instanceof GraphError && error.code === "shape-mismatch") return undefined;
    throw error;
  }
}
