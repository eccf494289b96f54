import type { ChannelGroup, LossCurve, Model } from "@ocrslim/graph";
import { assertBetween, assertPositiveInteger } from "./assert-option.ts";

/**
 * Says why a group is to stay whole, or `undefined` if it may be pruned. Any function of this shape
 * will do.
 */
export type IgnoreRule = (group: ChannelGroup, model: Model) => string | undefined;

/**
 * Keeps groups with one of these names: their own ids, or names of values or nodes among their
 * members (as `"conv2d_57.w_0"`).
 */
export function ignoreNames(names: Iterable<string>): IgnoreRule {
  const set = new Set(names);
  return ({ id, members }) => {
    if (set.has(id)) return `ignored by name "${id}"`;
    for (const { value, node } of members) {
      if (set.has(value)) return `ignored by name "${value}"`;
      if (node !== undefined && set.has(node)) return `ignored by name "${node}"`;
    }
    return undefined;
  };
}

/**
 * Keeps the channels that the model's first convolutions compute, depthwise ones not counted:
 * PaddleOCR's recipe keeps four, "low-level features near the input".
 */
export function ignoreFirstConvolutions(count = 4): IgnoreRule {
  assertPositiveInteger("ignoreFirstConvolutions", "count", count);
  let known: { model: Model; weights: ReadonlyMap<string, number> } | undefined;
  return ({ members }, model) => {
    if (known?.model !== model) known = { model, weights: listFirstWeights(model, count) };
    for (const { role, value } of members) {
      const position = role === "producer" ? known.weights.get(value) : undefined;
      if (position !== undefined) return `computed by convolution ${position} of the model`;
    }
    return undefined;
  };
}

/**
 * Keeps groups that are sensitive: those whose relative loss at the smallest measured ratio is above
 * `loss` (0–1), as PaddleOCR's hand-made skip list has it.
 */
export function ignoreSensitive(curves: readonly LossCurve[], loss: number): IgnoreRule {
  assertBetween("ignoreSensitive", "loss", loss, 0, 1);
  const curveOf = new Map(curves.map((curve) => [curve.group, curve]));
  return ({ id }) => {
    const points = curveOf.get(id)?.points.filter(({ ratio }) => ratio > 0) ?? [];
    const [least] = [...points].sort((a, b) => a.ratio - b.ratio);
    if (!least || least.loss <= loss) return undefined;
    return `sensitive: loses ${least.loss.toFixed(4)} of the metric at ratio ${least.ratio}`;
  };
}

function listFirstWeights(model: Model, count: number): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  let position = 0;
  for (const node of model.graph.nodes) {
    const weight = node.opType === "Conv" ? node.input(1) : undefined;
    const groupCount = node.opType === "Conv" ? node.int("group", 1) : 1;
    const isDepthwise = groupCount > 1 && groupCount === weight?.tensor?.dims[0];
    if (!weight || isDepthwise) continue;
    position++;
    if (!weights.has(weight.name)) weights.set(weight.name, position);
    if (position === count) break;
  }
  return weights;
}
