/*
 * A scale and a shift per channel can be spelled out, or be a depthwise 1×1 convolution, which stays
 * in ONNX Runtime's blocked layout if the channels fill whole blocks. Which is faster depends on the
 * block of the machine (8 on AVX2 and NEON, 16 on AVX-512), on the channels left after pruning, and
 * on what stands around it. `convertAffine` decides for multiples of 16; here it is measured.
 */
import { int, ints } from "../../ir/attribute.ts";
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { lastOf, readAffineChain, removeDead } from "../support/affine.ts";
import { replaceNode } from "../support/edit.ts";
import { at, isAll } from "../support/linear.ts";
import type { PartialShapes } from "../support/partial-shapes.ts";
import { type Convolution, isDepthwise, isPointwise, readConvolution } from "./convolution.ts";
import type { Rewrite, RewriteFacts } from "./rewrite.ts";

/** Scales and shifts per channel as depthwise 1×1 convolutions, and the other way round. */
export const affineAsConvolution: Rewrite = {
  kind: "affine-as-convolution",
  opTypes: ["Mul", "Add", "Sub", "Div", "Conv"],
  matches: (node, { known }) => readsAffine(node, known),
  isReversible: true,
  variants: [
    { name: "convolution", apply: toConvolution },
    { name: "arithmetic", apply: toArithmetic },
  ],
};

/** Other numbers of channels are never blocked. */
const SMALLEST_BLOCK = 8;

/** These are blocked on every machine. */
const LARGEST_BLOCK = 16;

function readsAffine(node: Node, known: PartialShapes): boolean {
  return node.opType === "Conv"
    ? readScaling(node) !== undefined
    : readAffineChain(node, known) !== undefined;
}

function readScaling(node: Node): Convolution | undefined {
  const convolution = readConvolution(node);
  if (!convolution || convolution.dims[0] % LARGEST_BLOCK === 0) return undefined;
  return isDepthwise(convolution) && isPointwise(convolution) ? convolution : undefined;
}

function toConvolution(node: Node, { known }: RewriteFacts): boolean {
  const chain = readAffineChain(node, known);
  const channels = chain && known.shapeOf(chain.data)?.[1];
  if (!chain || typeof channels !== "number" || channels % SMALLEST_BLOCK !== 0) return false;
  const [, , height, width] = known.shapeOf(chain.data) ?? [];
  if (height === 1 && width === 1) return false;
  const isScalar = chain.scale.length === 1 && chain.shift.length === 1;
  if (chain.layout.rank !== 4 || (chain.layout.axis !== 1 && !isScalar)) return false;
  const last = lastOf(chain);
  const { graph } = last;
  const spread = (vector: Float64Array): Float32Array =>
    Float32Array.from({ length: channels }, (_, channel) => at(vector, channel));
  const weight = Tensor.float32([channels, 1, 1, 1], spread(chain.scale));
  const bias = Tensor.float32([channels], spread(chain.shift));
  const isDone = replaceNode(last, {
    opType: "Conv",
    inputs: [
      chain.data,
      graph.addInitializer(`${last.key}_scale`, weight),
      graph.addInitializer(`${last.key}_shift`, bias),
    ],
    attributes: { kernel_shape: ints([1, 1]), group: int(channels) },
  });
  if (isDone) removeDead(chain.nodes);
  return isDone !== undefined;
}

function toArithmetic(node: Node): boolean {
  const convolution = readScaling(node);
  if (!convolution) return false;
  const { graph } = node;
  const channels = convolution.dims[0];
  const scale = Float64Array.from(convolution.data);
  const shift = convolution.bias?.toNumbers() ?? Float64Array.of(0);
  const constant = (name: string, vector: Float64Array): Value =>
    graph.addInitializer(
      `${node.key}_${name}`,
      Tensor.float32([1, channels, 1, 1], Float32Array.from(vector)),
    );
  let { input } = convolution;
  const isShifted = !isAll(shift, 0);
  if (!isAll(scale, 1) || !isShifted) {
    const init = { opType: "Mul", inputs: [input, constant("scale", scale)] };
    if (!isShifted) return replaceNode(node, init) !== undefined;
    input = graph.createNode({ ...init, before: node }).output;
  }
  const inputs = [input, constant("shift", shift)];
  return replaceNode(node, { opType: "Add", inputs }) !== undefined;
}
