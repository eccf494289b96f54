import { float } from "../ir/attribute.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { removeDead } from "./support/affine.ts";
import { readClamp } from "./support/clamp.ts";
import { isClose } from "./support/constants.ts";
import { isOperator, replaceNode } from "./support/edit.ts";
import { readScalarChain, readTrailingScale } from "./support/gate.ts";
import type { PartialShapes } from "./support/partial-shapes.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "fuseHardSigmoid";

/**
 * Writes `Clip(alpha · x + beta, 0, 1)` as HardSigmoid, and `Clip(x + 3, 0, 6) / 6` and the like too.
 *
 * @example
 * ```ts
 * await transform(model, fuseHardSigmoid());
 * // Add(3) → Clip(0, 6) → Div(6)   →   HardSigmoid(alpha: 1/6, beta: 0.5)
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function fuseHardSigmoid(): ShapedTransform {
  return shapedTransform(NAME, (model, known) => {
    let fused = 0;
    for (const node of model.graph.nodes) if (fuse(node, known, model)) fused++;
    return { modified: fused > 0, counts: { hardSigmoids: fused } };
  });
}

function fuse(clip: Node, known: PartialShapes, { opset }: Model): boolean {
  if (!isOperator(clip, "Clip", "Min", "Max")) return false;
  const clamp = readClamp(clip, known, opset);
  if (clamp?.min !== 0 || !Number.isFinite(clamp.max) || clamp.max <= 0) return false;
  const inner = readScalarChain(clamp.data, known);
  if (inner.nodes.length === 0) return false;
  const { max } = clamp;
  const trailing = max === 1 ? undefined : readTrailingScale(clip, known);
  if (max !== 1 && !(trailing && isClose(trailing.scale * max, 1))) return false;
  const last = trailing?.node ?? clip;
  const isDone = replaceNode(last, {
    opType: "HardSigmoid",
    inputs: [inner.base],
    attributes: { alpha: float(inner.scale / max), beta: float(inner.shift / max) },
  });
  if (!isDone) return false;
  removeDead([...inner.nodes.toReversed(), clip]);
  return true;
}
