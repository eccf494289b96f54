/*
 * Why the shift stays where a convolution pads: the padding is zero after the shift, not before it,
 * so near the edge the convolution would see the shift where it saw nothing. The scale has no such
 * trouble (scale · 0 = 0), and is taken out of the pair: s·x + b = s·(x + b/s).
 */
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { readGelu } from "./fuse-gelu.ts";
import {
  absorbIntoConsumers,
  absorbIntoProducer,
  absorbScaleIntoConsumers,
} from "./support/absorb.ts";
import {
  type AffineChain,
  canonicalLength,
  lastOf,
  readAffineChain,
  removeChain,
  rewriteChain,
} from "./support/affine.ts";
import { canBypass } from "./support/edit.ts";
import { isAll } from "./support/linear.ts";
import type { PartialShapes } from "./support/partial-shapes.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "foldAffine";

/**
 * Folds Mul, Div, Add and Sub by constants (scalars, or one per channel) into the weights and biases
 * of the Conv, ConvTranspose, Gemm or MatMul before or after them, and merges those in a row.
 *
 * After a convolution both the scale and the shift fold. Before one, the scale does, also through
 * Relu, pooling and Resize; the shift only if the convolution does not pad. A fold is made only
 * where a node goes away: all readers must be able to take it. Computed in double precision.
 *
 * @example
 * ```ts
 * await transform(model, foldAffine());
 * // Conv → Mul(0.5) → Add(1) → Relu            →   Conv → Relu
 * // Relu → Mul(2) → Add(1) → Conv(padded)      →   Relu → Add(0.5) → Conv(padded)
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function foldAffine(): ShapedTransform {
  return shapedTransform(NAME, (model, known) => {
    const foldedNodes = foldAll(model, known);
    return { modified: foldedNodes > 0, counts: { foldedNodes } };
  });
}

function foldAll(model: Model, known: PartialShapes): number {
  const { graph } = model;
  const before = graph.nodeCount;
  const kept = findSpelledGelus(model, known);
  let edits = 0;
  for (const node of graph.nodes) {
    const chain = readAffineChain(node, known);
    if (!chain || chain.nodes.some((inner) => kept.has(inner))) continue;
    if (foldChain(chain)) edits++;
  }
  return Math.max(edits > 0 ? 1 : 0, before - graph.nodeCount);
}

/** ONNX Runtime runs a spelled GELU as one operator, if all of it is there. */
function findSpelledGelus(model: Model, known: PartialShapes): ReadonlySet<Node> {
  const nodes = new Set<Node>();
  for (const node of model.graph.nodes) {
    const match = readGelu(node, known);
    if (!match) continue;
    for (const inner of match.nodes) nodes.add(inner);
    nodes.add(match.last);
  }
  return nodes;
}

function foldChain(chain: AffineChain): boolean {
  return foldBackward(chain) || foldForward(chain) || mergeChain(chain);
}

/** Into the producer. */
function foldBackward(chain: AffineChain): boolean {
  if (!canBypass(lastOf(chain), chain.data)) return false;
  const done = absorbIntoProducer(chain.data, chain);
  if (!done) return false;
  if (isAll(done.rest, 0)) return removeChain(chain);
  return rewriteChain(chain, Float64Array.of(1), done.rest);
}

/** Into the consumers: all of it, or the scale. */
function foldForward(chain: AffineChain): boolean {
  const last = lastOf(chain);
  if (absorbIntoConsumers(last.output, chain)) return removeChain(chain);
  if (chain.nodes.length <= canonicalLength(Float64Array.of(1), chain.shift)) return false;
  const rest = absorbScaleIntoConsumers(last.output, chain);
  return rest !== undefined && rewriteChain(chain, Float64Array.of(1), rest);
}

function mergeChain(chain: AffineChain): boolean {
  const { scale, shift } = chain;
  return canonicalLength(scale, shift) < chain.nodes.length && rewriteChain(chain, scale, shift);
}
