import type { Node } from "../../ir/node.ts";
import { removeDead } from "../support/affine.ts";
import { constantNumbers } from "../support/constants.ts";
import { isOperator, onlyConsumer, replaceNode, usesOnlyFirstOutput } from "../support/edit.ts";
import { type Convolution, isPointwise, readConvolution } from "./convolution.ts";

/** A 1×1 convolution of a Resize that enlarges height and width. */
export interface ResizedConvolution {
  readonly convolution: Convolution;
  readonly resize: Node;
}

/**
 * Reads a 1×1 convolution after a Resize (opset 11 and up) whose every output pixel is a weighted mean
 * of input pixels: nearest, linear or cubic, but for crops, which fill in a constant.
 */
export function readResized(node: Node): ResizedConvolution | undefined {
  const convolution = readConvolution(node);
  const resize = convolution?.input.producer;
  if (!convolution || !isPointwise(convolution) || !isOperator(resize, "Resize")) return undefined;
  if (onlyConsumer(resize.output) !== node || !usesOnlyFirstOutput(resize)) return undefined;
  if (resize.string("coordinate_transformation_mode") === "tf_crop_and_resize") return undefined;
  const scales = constantNumbers(resize.input(2));
  if (scales?.length !== 4 || resize.input(3) || resize.attribute("axes")) return undefined;
  const [batch, channels, down = 0, across = 0] = scales;
  const isEnlarging = batch === 1 && channels === 1 && down >= 1 && across >= 1;
  return isEnlarging && down * across > 1 ? { convolution, resize } : undefined;
}

/** Lets a 1×1 convolution come before the Resize: it has fewer positions to visit. */
export function convolveFirst(node: Node): boolean {
  const read = readResized(node);
  const data = read?.resize.input(0);
  if (!read || !data) return false;
  const { resize } = read;
  const convolved = node.graph.createNode({
    opType: "Conv",
    inputs: [data, ...node.inputs.slice(1)],
    attributes: Object.fromEntries(node.attributes.map((attribute) => [attribute.name, attribute])),
    before: node,
  });
  const replaced = replaceNode(node, {
    opType: "Resize",
    inputs: [convolved.output, ...resize.inputs.slice(1)],
    attributes: Object.fromEntries(
      resize.attributes.map((attribute) => [attribute.name, attribute]),
    ),
  });
  if (!replaced) return false;
  removeDead([resize]);
  return true;
}
