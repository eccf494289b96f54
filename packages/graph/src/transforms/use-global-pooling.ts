import { isOperator, replaceNode } from "./support/edit.ts";
import { knownDtype } from "./support/known-dtype.ts";
import { constantAxes } from "./support/partial-element-rules.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "useGlobalPooling";

const OPERATORS: ReadonlyMap<string, string> = new Map([
  ["ReduceMean", "GlobalAveragePool"],
  ["ReduceMax", "GlobalMaxPool"],
]);

/**
 * Writes ReduceMean and ReduceMax over all spatial axes as global pooling, which ONNX Runtime runs in
 * the blocked layout of the convolutions around it. For float32, rank 4, and kept dims. Not part of
 * `simplify`: ONNX Runtime 1.30 sums global pooling less exactly than ReduceMean, which moves the
 * probabilities of a text detector by up to 1e-4.
 *
 * @example
 * ```ts
 * await transform(model, useGlobalPooling());
 * // ReduceMean(axes: [2, 3], keepdims: 1)   →   GlobalAveragePool
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function useGlobalPooling(): ShapedTransform {
  return shapedTransform(NAME, (model, known) => {
    const { graph, opset } = model;
    let replacedNodes = 0;
    for (const node of graph.nodes) {
      const opType = isOperator(node, ...OPERATORS.keys()) && OPERATORS.get(node.opType);
      const data = node.input(0);
      if (!opType || !data || node.int("keepdims", 1) === 0) continue;
      if (known.shapeOf(data)?.length !== 4 || knownDtype(data) !== "float32") continue;
      const axes = constantAxes(node, opset, 18)?.axes?.map((axis) => (axis + 4) % 4);
      if (axes?.length !== 2 || !axes.includes(2) || !axes.includes(3)) continue;
      if (replaceNode(node, { opType, inputs: [data] })) replacedNodes++;
    }
    return { modified: replacedNodes > 0, counts: { replacedNodes } };
  });
}
