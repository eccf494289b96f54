import type { Transform } from "../contracts/transform.ts";
import { ints } from "../ir/attribute.ts";
import type { Node } from "../ir/node.ts";
import type { Value } from "../ir/value.ts";
import { removeDead } from "./support/affine.ts";
import { constantNumbers } from "./support/constants.ts";
import { bypass, canBypass, isOperator, onlyConsumer, replaceNode } from "./support/edit.ts";
import { constantAxes } from "./support/partial-element-rules.ts";
import { requireOpset } from "./support/require-opset.ts";

const NAME = "mergeReshapes";

/**
 * Merges two operators in a row that only rearrange dims: Transpose after Transpose, Reshape after
 * anything that keeps the order of elements, and Squeeze and Unsqueeze that undo each other.
 *
 * @example
 * ```ts
 * await transform(model, mergeReshapes());
 * // Transpose(0,2,3,1) → Transpose(0,3,1,2) → Relu   →   Relu
 * // Flatten → Reshape([2, -1])                       →   Reshape([2, -1])
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function mergeReshapes(): Transform {
  return {
    name: NAME,
    check: (model) => requireOpset(NAME, model),
    run(model) {
      let mergedNodes = 0;
      for (const node of model.graph.nodes) {
        const first = node.input(0)?.producer;
        if (!first || first.graph !== node.graph || first.domain !== "") continue;
        if (mergeRules.get(node.opType)?.(first, node, model.opset)) mergedNodes++;
      }
      return { modified: mergedNodes > 0, counts: { mergedNodes } };
    },
  };
}

/** Makes the second node do without the first. Returns whether it did. */
type MergeRule = (first: Node, second: Node, opset: number) => boolean;

const transposes: MergeRule = (first, second) => {
  const data = first.input(0);
  if (!isOperator(first, "Transpose") || !data || onlyConsumer(first.output) !== second)
    return false;
  const inner = first.ints("perm");
  const outer = second.ints("perm");
  const rank = inner?.length ?? outer?.length;
  if (rank === undefined) return undo(first, second, data);
  const reversed = Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  const combined = (outer ?? reversed).map((axis) => (inner ?? reversed)[axis] ?? axis);
  if (combined.every((axis, index) => axis === index) && canBypass(second, data)) {
    return undo(first, second, data);
  }
  const attributes = { perm: ints(combined) };
  const isDone = replaceNode(second, { opType: "Transpose", inputs: [data], attributes });
  if (isDone) removeDead([first]);
  return isDone !== undefined;
};

const KEEPS_ORDER = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"];

const reshapes: MergeRule = (first, second) => {
  const data = first.input(0);
  const target = constantNumbers(second.input(1));
  if (!isOperator(first, ...KEEPS_ORDER) || !data || onlyConsumer(first.output) !== second) {
    return false;
  }
  if (!target || target.includes(0)) return false;
  second.setInput(0, data);
  removeDead([first]);
  return true;
};

const inverse =
  (opType: string): MergeRule =>
  (first, second, opset) => {
    const data = first.input(0);
    if (!isOperator(first, opType) || !data) return false;
    const inner = constantAxes(first, opset, 13)?.axes;
    const outer = constantAxes(second, opset, 13)?.axes;
    const isSame =
      inner !== undefined &&
      inner.length === outer?.length &&
      inner.every((axis) => axis >= 0 && outer.includes(axis));
    return isSame && undo(first, second, data);
  };

function undo(first: Node, second: Node, data: Value): boolean {
  const isDone = bypass(second, data);
  if (isDone) removeDead([first]);
  return isDone;
}

const mergeRules: ReadonlyMap<string, MergeRule> = new Map([
  ["Transpose", transposes],
  ["Reshape", reshapes],
  ["Squeeze", inverse("Unsqueeze")],
  ["Unsqueeze", inverse("Squeeze")],
]);
