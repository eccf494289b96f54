import type { Node } from "../ir/node.ts";
import { Tensor } from "../ir/tensor.ts";
import type { Value } from "../ir/value.ts";
import { removeDead } from "./support/affine.ts";
import { isOperator, onlyConsumer, replaceNode } from "./support/edit.ts";
import { listFactorPairs } from "./support/gate.ts";
import { knownDtype } from "./support/known-dtype.ts";
import type { PartialShapes } from "./support/partial-shapes.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "factorGatedResiduals";

/**
 * Writes `x + x · gate` as `x · (gate + 1)` where the gate is one number for each channel, as in the
 * residual squeeze-and-excitation blocks of RSEFPN: the addition is then done for each channel
 * instead of each position. The number of nodes stays the same. For float32 [N, C, H, W].
 *
 * @example
 * ```ts
 * await transform(model, factorGatedResiduals());
 * // Mul(x, gate) → Add(x)   →   Add(gate, 1) → Mul(x)
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function factorGatedResiduals(): ShapedTransform {
  return shapedTransform(NAME, (model, known) => {
    let factored = 0;
    for (const node of model.graph.nodes) {
      if (isOperator(node, "Add") && factor(node, known)) factored++;
    }
    return { modified: factored > 0, counts: { factored } };
  });
}

function factor(sum: Node, known: PartialShapes): boolean {
  const { graph } = sum;
  for (const [data, product] of listFactorPairs(sum)) {
    const node = product.producer;
    const gate = isOperator(node, "Mul") ? otherFactor(node, data) : undefined;
    if (!node || !gate || onlyConsumer(product) !== sum || !isGate(gate, data, known)) continue;
    const one = graph.addInitializer(`${gate.name}_one`, Tensor.float32([], [1]));
    const raised = graph.createNode({ opType: "Add", inputs: [gate, one], before: sum });
    if (replaceNode(sum, { opType: "Mul", inputs: [data, raised.output] })) {
      removeDead([node]);
      return true;
    }
    removeDead([raised]);
  }
  return false;
}

function otherFactor(product: Node, data: Value): Value | undefined {
  const [left, right] = product.inputs;
  if (product.inputs.length !== 2) return undefined;
  return left === data ? right : right === data ? left : undefined;
}

/** [N, C, 1, 1] beside [N, C, H, W] of the same N and C, so that nothing but the gate is spread. */
function isGate(gate: Value, data: Value, known: PartialShapes): boolean {
  const small = known.shapeOf(gate);
  const large = known.shapeOf(data);
  if (small?.length !== 4 || large?.length !== 4 || knownDtype(data) !== "float32") return false;
  const isPooled = small[2] === 1 && small[3] === 1 && !(large[2] === 1 && large[3] === 1);
  return isPooled && small[1] === large[1] && typeof small[1] === "number";
}
