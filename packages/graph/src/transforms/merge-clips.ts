import type { AttributeContent } from "../ir/attribute.ts";
import { float } from "../ir/attribute.ts";
import type { Graph } from "../ir/graph.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { Tensor } from "../ir/tensor.ts";
import type { Value } from "../ir/value.ts";
import { removeDead } from "./support/affine.ts";
import { type Clamp, readClamp } from "./support/clamp.ts";
import { onlyConsumer, replaceNode } from "./support/edit.ts";
import type { PartialShapes } from "./support/partial-shapes.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "mergeClips";

/**
 * Merges Relu, Clip, and Min and Max with a constant, in a row, into one Relu or Clip.
 *
 * @example
 * ```ts
 * await transform(model, mergeClips());
 * // Relu → Min(6)          →   Clip(0, 6)
 * // Clip(-1, 1) → Relu     →   Clip(0, 1)
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function mergeClips(): ShapedTransform {
  return shapedTransform(NAME, (model, known) => {
    let mergedNodes = 0;
    for (const node of model.graph.nodes) mergedNodes += mergeFrom(node, known, model);
    return { modified: mergedNodes > 0, counts: { mergedNodes } };
  });
}

function mergeFrom(first: Node, known: PartialShapes, { graph, opset }: Model): number {
  const start = readClamp(first, known, opset);
  if (!start) return 0;
  const nodes = [first];
  let { min, max } = start;
  for (let next = onlyConsumer(first.output); next; next = onlyConsumer(next.output)) {
    const clamp = readClamp(next, known, opset);
    if (!clamp) break;
    min = Math.min(Math.max(min, clamp.min), clamp.max);
    max = Math.min(Math.max(max, clamp.min), clamp.max);
    nodes.push(next);
  }
  const last = nodes.at(-1);
  if (!last || nodes.length < 2) return 0;
  const init = clampInit(graph, { data: start.data, min, max }, opset);
  if (!replaceNode(last, init)) return 0;
  removeDead(nodes);
  return nodes.length - 1;
}

interface ClampInit {
  readonly opType: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes?: Readonly<Record<string, AttributeContent>>;
}

function clampInit(graph: Graph, { data, min, max }: Clamp, opset: number): ClampInit {
  if (min === 0 && max === Number.POSITIVE_INFINITY) return { opType: "Relu", inputs: [data] };
  if (opset < 11) {
    const attributes = {
      ...(Number.isFinite(min) ? { min: float(min) } : {}),
      ...(Number.isFinite(max) ? { max: float(max) } : {}),
    };
    return { opType: "Clip", inputs: [data], attributes };
  }
  const bound = (name: string, number: number): Value | undefined =>
    Number.isFinite(number)
      ? graph.addInitializer(`${data.name}_${name}`, Tensor.float32([], [number]))
      : undefined;
  const inputs = [data, bound("min", min), bound("max", max)];
  while (inputs.at(-1) === undefined) inputs.pop();
  return { opType: "Clip", inputs };
}
