import type { Node } from "../../ir/node.ts";
import { removeDead } from "../support/affine.ts";
import { replaceNode } from "../support/edit.ts";
import { type Convolution, isPointwise, readConvolution } from "./convolution.ts";
import type { Rewrite } from "./rewrite.ts";

/*
 * ONNX Runtime adds up the pixels of a map in single precision, one after the other: over 160×160 a
 * mean is off by about 1e-5 of itself. So the means of something else are as true, but not the same.
 * The map of PP-OCRv4 det changes by 1.3e-3 on a real page; ONNX Runtime's own optimizations, which
 * change the order too, by 8e-4; all other rewrites together by less than 1e-5.
 */
/**
 * The mean over all positions of a 1×1 convolution is the convolution of the means. It pays where the
 * convolution widens, as the lateral ones of a feature pyramid do.
 */
export const poolingBeforeConvolution: Rewrite = {
  kind: "pooling-before-convolution",
  opTypes: ["GlobalAveragePool"],
  matches: (node) => readProducer(node) !== undefined,
  variants: [{ name: "means", apply: swap }],
};

function readProducer(pooling: Node): Convolution | undefined {
  const producer = pooling.input(0)?.producer;
  const convolution = producer?.graph === pooling.graph ? readConvolution(producer) : undefined;
  return convolution && isPointwise(convolution) ? convolution : undefined;
}

function swap(pooling: Node): boolean {
  const convolution = readProducer(pooling);
  if (!convolution) return false;
  const producer = convolution.node;
  const { output } = pooling.graph.createNode({
    opType: "GlobalAveragePool",
    inputs: [convolution.input],
    before: pooling,
  });
  const replaced = replaceNode(pooling, {
    opType: "Conv",
    inputs: [output, ...producer.inputs.slice(1)],
    attributes: Object.fromEntries(
      producer.attributes.map((attribute) => [attribute.name, attribute]),
    ),
  });
  if (!replaced) return false;
  removeDead([producer]);
  return true;
}
