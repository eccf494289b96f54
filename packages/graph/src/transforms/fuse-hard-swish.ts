/*
 * Both forms are equally fast on ONNX Runtime 1.30, which decomposes HardSwish and fuses either form
 * into the convolution before it in its blocked layout; the spelling with Clip is fused into nothing,
 * and costs a change of layout before and after (2.3 × the time of a chain of depthwise-separable
 * convolutions). So x · HardSigmoid(x) is written wherever the operator set has no HardSwish.
 */
import { float } from "../ir/attribute.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { Tensor } from "../ir/tensor.ts";
import type { Value } from "../ir/value.ts";
import { removeDead } from "./support/affine.ts";
import { readClamp } from "./support/clamp.ts";
import { isClose } from "./support/constants.ts";
import { isOperator, onlyConsumer, replaceNode } from "./support/edit.ts";
import { listFactorPairs, readScalarChain, readTrailingScale } from "./support/gate.ts";
import type { PartialShapes } from "./support/partial-shapes.ts";
import { type ShapedTransform, shapedTransform } from "./support/shaped-transform.ts";

const NAME = "fuseHardSwish";

/** The first opset with HardSwish. */
export const HARD_SWISH_OPSET = 14;

/**
 * Writes every spelling of HardSwish, `x · Clip(x + 3, 0, 6) / 6`, as HardSwish from opset 14 on, as
 * `x · HardSigmoid(x)` below. The division may stand before or after the product, or be left out
 * (the factor 6 is then written out), and other slopes and offsets are taken as HardSigmoid.
 *
 * @example
 * ```ts
 * await transform(model, fuseHardSwish());
 * // x → Add(3) → Clip(0, 6) → Mul(x) → Div(6)   →   HardSwish(x)
 * ```
 * @throws GraphError `unsupported` below opset 7.
 * @category Transforms
 */
export function fuseHardSwish(): ShapedTransform {
  return shapedTransform(NAME, (model, known) => {
    let fused = 0;
    for (const node of model.graph.nodes) {
      if (!isOperator(node, "Mul")) continue;
      if (fuseGate(node, model) || fuseClip(node, known, model)) fused++;
    }
    return { modified: fused > 0, counts: { hardSwishes: fused } };
  });
}

/** Whether a Mul is x · HardSigmoid(x) with the slope and offset of HardSwish; returns x. */
export function readHardSwishGate(node: Node): Value | undefined {
  for (const [value, gate] of listFactorPairs(node)) {
    const { producer } = gate;
    if (!isOperator(producer, "HardSigmoid") || producer.input(0) !== value) continue;
    if (!onlyConsumer(gate)) continue;
    if (isHardSwish(producer.float("alpha", 0.2), producer.float("beta", 0.5))) return value;
  }
  return undefined;
}

const isHardSwish = (alpha: number, beta: number): boolean => isClose(alpha, 1 / 6) && beta === 0.5;

function fuseGate(node: Node, { opset }: Model): boolean {
  const value = opset >= HARD_SWISH_OPSET ? readHardSwishGate(node) : undefined;
  if (!value) return false;
  const gate = node.inputs.find((input) => input !== value)?.producer;
  if (!replaceNode(node, { opType: "HardSwish", inputs: [value] })) return false;
  if (gate) removeDead([gate]);
  return true;
}

function fuseClip(product: Node, known: PartialShapes, model: Model): boolean {
  for (const [factor, gate] of listFactorPairs(product)) {
    const clip = gate.producer;
    const clamp = isOperator(clip, "Clip") ? readClamp(clip, known, model.opset) : undefined;
    if (!clip || clamp?.min !== 0 || !Number.isFinite(clamp.max) || clamp.max <= 0) continue;
    if (!onlyConsumer(gate)) continue;
    const outer = readScalarChain(factor, known);
    for (const candidate of outer.nodes.length > 0 ? [undefined, outer] : [undefined]) {
      const base = candidate?.base ?? factor;
      const inner = readScalarChain(clamp.data, known, base);
      if (inner.base !== base || inner.nodes.length === 0) continue;
      if (candidate && candidate.shift !== 0) continue;
      const trailing = readTrailingScale(product, known);
      const rest = (candidate?.scale ?? 1) * clamp.max * (trailing?.scale ?? 1);
      const dead = [
        ...inner.nodes.toReversed(),
        ...(candidate?.nodes.toReversed() ?? []),
        clip,
        product,
      ];
      const alpha = inner.scale / clamp.max;
      const beta = inner.shift / clamp.max;
      if (!write(trailing?.node ?? product, { base, alpha, beta, rest }, model)) continue;
      removeDead(dead);
      return true;
    }
  }
  return false;
}

interface Gate {
  readonly base: Value;
  readonly alpha: number;
  readonly beta: number;
  readonly rest: number;
}

function write(last: Node, { base, alpha, beta, rest }: Gate, { graph, opset }: Model): boolean {
  const created: Node[] = [];
  const isNative = opset >= HARD_SWISH_OPSET && isHardSwish(alpha, beta);
  let init: { opType: string; inputs: readonly Value[] };
  if (isNative) init = { opType: "HardSwish", inputs: [base] };
  else {
    const attributes = { alpha: float(alpha), beta: float(beta) };
    const gate = graph.createNode({
      opType: "HardSigmoid",
      inputs: [base],
      attributes,
      before: last,
    });
    created.push(gate);
    init = { opType: "Mul", inputs: [base, gate.output] };
  }
  if (!isClose(rest, 1)) {
    const product = graph.createNode({ ...init, before: last });
    created.push(product);
    const constant = graph.addInitializer(`${last.key}_scale`, Tensor.float32([], [rest]));
    init = { opType: "Mul", inputs: [product.output, constant] };
  }
  const isDone = replaceNode(last, init) !== undefined;
  if (!isDone) removeDead(created);
  return isDone;
}
