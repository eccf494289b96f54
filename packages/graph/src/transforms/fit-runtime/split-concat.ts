import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import { removeDead } from "../support/affine.ts";
import { isOperator, onlyConsumer, replaceNode } from "../support/edit.ts";
import { convolutionNode, readConvolution } from "./convolution.ts";
import { sliceKernel } from "./phase-kernels.ts";
import type { Rewrite, RewriteFacts } from "./rewrite.ts";

/**
 * A convolution of a Concat is the sum of convolutions of its parts, which ONNX Runtime adds up as it
 * goes: the concatenated map is never written.
 */
export const splitConcat: Rewrite = {
  kind: "split-concat",
  opTypes: ["Conv"],
  matches: (node) => isOperator(node.input(0)?.producer, "Concat"),
  variants: [{ name: "sum", apply: split }],
};

function split(node: Node, { known }: RewriteFacts): boolean {
  const convolution = readConvolution(node);
  const concat = convolution?.input.producer;
  if (!convolution || !isOperator(concat, "Concat") || concat.int("axis", 1) !== 1) return false;
  if (convolution.group !== 1 || onlyConsumer(concat.output) !== node) return false;
  const { graph } = node;
  const [, , height, width] = convolution.dims;
  let sum: Value | undefined;
  let last: Node | undefined;
  let start = 0;
  for (const input of concat.inputs) {
    const count = known.shapeOf(input)?.[1];
    if (!input || typeof count !== "number") return false;
    const { strides, dilations, begin, end } = convolution;
    const init = convolutionNode(graph, {
      input,
      weight: sliceKernel(convolution, [{ start, count }]),
      kernel: [height, width],
      bias: start === 0 ? node.input(2) : undefined,
      ...{ strides, dilations, begin, end },
      base: `${node.key}_part`,
    });
    const term: Value = graph.createNode({ ...init, before: node }).output;
    if (sum) last = graph.createNode({ opType: "Add", inputs: [sum, term], before: node });
    sum = last?.output ?? term;
    start += count;
  }
  if (!last || start !== convolution.dims[1]) return false;
  if (!replaceNode(node, { opType: "Add", inputs: last.inputs })) return false;
  removeDead([concat, last]);
  return true;
}
