import type { Node } from "../ir/node.ts";
import type { Value } from "../ir/value.ts";
import { removeDead } from "./support/affine.ts";
import { isClose } from "./support/constants.ts";
import { isOperator, onlyConsumer, replaceNode } from "./support/edit.ts";
import { listFactorPairs, readScalarChain, readTrailingScale } from "./support/gate.ts";
import type { PartialShapes } from "./support/partial-shapes.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "fuseGelu";

/** The first opset with Gelu. */
export const GELU_OPSET = 20;

/**
 * Writes GELU spelled with Erf, `x · (1 + erf(x / √2)) / 2` in any order, as Gelu from opset 20 on.
 * Below, it stays as it is.
 *
 * @example
 * ```ts
 * await transform(model, fuseGelu());
 * // x → Div(√2) → Erf → Add(1) → Mul(x) → Mul(0.5)   →   Gelu(x)
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function fuseGelu(): ShapedTransform {
  return shapedTransform(NAME, (model, known) => {
    if (model.opset < GELU_OPSET) return { modified: false, counts: { gelus: 0 } };
    let fused = 0;
    for (const node of model.graph.nodes) {
      const match = readGelu(node, known);
      if (!match || !replaceNode(match.last, { opType: "Gelu", inputs: [match.data] })) continue;
      removeDead(match.nodes);
      fused++;
    }
    return { modified: fused > 0, counts: { gelus: fused } };
  });
}

interface GeluMatch {
  readonly data: Value;
  readonly last: Node;
  /** The nodes that nothing needs any more, in order. */
  readonly nodes: readonly Node[];
}

/** Reads the product that a spelled GELU contains. */
export function readGelu(product: Node, known: PartialShapes): GeluMatch | undefined {
  if (!isOperator(product, "Mul")) return undefined;
  for (const [factor, gate] of listFactorPairs(product)) {
    if (!onlyConsumer(gate)) continue;
    const half = readScalarChain(gate, known);
    const erf = half.base.producer;
    const argument = isOperator(erf, "Erf") && onlyConsumer(half.base) ? erf.input(0) : undefined;
    if (!erf || !argument || !isClose(half.scale, half.shift)) continue;
    const outer = readScalarChain(factor, known);
    for (const candidate of outer.nodes.length > 0 ? [undefined, outer] : [undefined]) {
      const data = candidate?.base ?? factor;
      const inner = readScalarChain(argument, known, data);
      if (inner.base !== data || inner.shift !== 0 || !isClose(inner.scale, Math.SQRT1_2)) continue;
      if (candidate && candidate.shift !== 0) continue;
      const trailing = readTrailingScale(product, known);
      const scale = half.scale * (candidate?.scale ?? 1);
      const isClosed = isClose(scale, 0.5);
      if (!isClosed && !(trailing && isClose(scale * trailing.scale, 0.5))) continue;
      const nodes = [
        ...inner.nodes.toReversed(),
        erf,
        ...half.nodes.toReversed(),
        ...(candidate?.nodes.toReversed() ?? []),
        product,
      ];
      return { data, last: isClosed || !trailing ? product : trailing.node, nodes };
    }
  }
  return undefined;
}
