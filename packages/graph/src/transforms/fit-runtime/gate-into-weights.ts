/*
 * A gate over a wide map costs a change of layout and a pass over the map. Over the few weights of
 * the 1×1 convolution before it, it costs nothing, but then the weights are computed: a MatMul for
 * each image, or with one image a run a Conv, neither of them in the blocked layout. 96 channels from
 * 12 at 160×160: 5.4 ms; MatMul 1.4 ms, Conv 1.6 ms.
 */
import { int } from "../../ir/attribute.ts";
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { removeDead } from "../support/affine.ts";
import { replaceNode } from "../support/edit.ts";
import { convolutionNode } from "./convolution.ts";
import { type GatedConvolution, gateWeights, readGated, reshape } from "./gates.ts";
import type { Rewrite, RewriteFacts } from "./rewrite.ts";

/** The opset from which Slice takes its bounds as inputs. */
const SLICE_OPSET = 10;

/** Gates multiplied into the weights of the 1×1 convolution before them. */
export const gateIntoWeights: Rewrite = {
  kind: "gate-into-weights",
  opTypes: ["Mul"],
  matches: (node, facts) => readGated(node, facts) !== undefined,
  variants: [
    { name: "product", apply: asProduct },
    { name: "convolution", apply: asConvolution },
  ],
};

function asConvolution(node: Node, facts: RewriteFacts): boolean {
  const gated = readGated(node, facts);
  if (!gated?.isSingle) return false;
  const { convolution } = gated;
  const [out, inner] = convolution.dims;
  const weight = reshape(gateWeights(gated, node), [out, inner, 1, 1], `${node.key}_gated`, node);
  const init = { input: convolution.input, weight, kernel: [1, 1], base: node.key } as const;
  return finish(gated, convolutionNode(node.graph, init));
}

function asProduct(node: Node, facts: RewriteFacts): boolean {
  const gated = readGated(node, facts);
  if (!gated || facts.model.opset < SLICE_OPSET) return false;
  const { convolution } = gated;
  const [out, inner] = convolution.dims;
  const base = `${node.key}_gated`;
  const pixels = reshape(convolution.input, [0, inner, -1], base, node);
  const product = node.graph.createNode({
    opType: "MatMul",
    inputs: [gateWeights(gated, node), pixels],
    before: node,
  });
  const shape = mapShape(convolution.input, out, node);
  return finish(gated, { opType: "Reshape", inputs: [product.output, shape] });
}

/** [0, channels, H, W] at run time, with H and W of a value. */
function mapShape(like: Value, channels: number, before: Node): Value {
  const { graph } = before;
  const integers = (name: string, numbers: readonly number[]): Value =>
    graph.addInitializer(`${before.key}_${name}`, Tensor.int64(numbers));
  const whole = graph.createNode({ opType: "Shape", inputs: [like], before });
  const size = graph.createNode({
    opType: "Slice",
    inputs: [whole.output, integers("from", [2]), integers("to", [4])],
    before,
  });
  return graph.createNode({
    opType: "Concat",
    inputs: [integers("channels", [0, channels]), size.output],
    attributes: { axis: int(0) },
    before,
  }).output;
}

function finish(gated: GatedConvolution, init: Parameters<typeof replaceNode>[1]): boolean {
  if (!replaceNode(gated.node, init)) return false;
  removeDead([gated.convolution.node]);
  return true;
}
