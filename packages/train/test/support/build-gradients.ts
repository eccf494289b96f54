import { createRandom, type Model, Tensor, type Value } from "@ocrslim/graph";
import { backpropagate } from "../../src/gradients/backpropagate.ts";
import type { GradientRule } from "../../src/gradients/gradient-rule.ts";
import { createOps, type Ops } from "../../src/ops/ops.ts";

/** What {@link buildGradients} differentiates. */
export interface BuildGradientsOptions {
  /** Names of inputs and initializers. */
  readonly wrt: readonly string[];
  /** Default: a sum of all elements of all floating outputs, with random weights in [−1, 1). */
  readonly loss?: (ops: Ops, outputs: readonly Value[]) => Value;
  /** Of the weights. */
  readonly seed: number;
  readonly rules?: ReadonlyMap<string, GradientRule>;
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
}

/** Names of what was added. */
export interface BuiltGradients {
  readonly loss: string;
  /** Name of the output that holds the gradient, by the name differentiated with respect to. */
  readonly gradients: ReadonlyMap<string, string>;
}

/** Adds a scalar loss and its gradients to the model, in place, as its only outputs. */
export function buildGradients(model: Model, options: BuildGradientsOptions): BuiltGradients {
  const { graph } = model;
  const outputs = [...graph.outputs];
  const { inputShapes } = options;
  const ops = createOps(model, inputShapes ? { inputShapes } : {});
  const loss = (options.loss ?? weightedSum(options.seed))(ops, outputs);
  const wrt = options.wrt.map((name) => {
    const value = graph.value(name);
    if (!value) throw new Error(`buildGradients: the graph has no value "${name}"`);
    return value;
  });
  const found = backpropagate(ops, {
    loss,
    wrt,
    ...(options.rules ? { rules: options.rules } : {}),
  });
  const total = ops.node("Identity", [loss]);
  const gradients = new Map<string, string>();
  const added = [total];
  for (const [value, gradient] of found) {
    // A gradient may be a constant, or that of two values.
    const output = ops.node("Identity", [gradient]);
    added.push(output);
    gradients.set(value.name, output.name);
  }
  for (const output of added) {
    output.type = { kind: "tensor", dtype: ops.dtype(output), shape: ops.dims(output) };
  }
  graph.setOutputs(added);
  return { loss: total.name, gradients };
}

/** Σ over outputs of Σ r · output, r being constant. */
function weightedSum(seed: number): (ops: Ops, outputs: readonly Value[]) => Value {
  const random = createRandom(seed);
  return (ops, outputs) => {
    const parts = outputs
      .filter((output) => ops.dtype(output).startsWith("float"))
      .map((output) => {
        const dims = ops.dims(output);
        const count = dims.reduce((product, dim) => product * dim, 1);
        const weights = Float32Array.from({ length: count }, () => 2 * random() - 1);
        return ops.sum(ops.mul(output, ops.constant(Tensor.float32(dims, weights), "r")));
      });
    if (parts.length === 0) throw new Error("buildGradients: the model has no floating output");
    return parts.reduce((total, part) => ops.add(total, part));
  };
}
