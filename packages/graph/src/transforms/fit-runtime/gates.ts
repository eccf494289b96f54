import { ints } from "../../ir/attribute.ts";
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { constantTensor } from "../support/constants.ts";
import { isOperator } from "../support/edit.ts";
import { listFactorPairs } from "../support/gate.ts";
import { type Convolution, isPointwise, type Kernel, readConvolution } from "./convolution.ts";
import type { RewriteFacts } from "./rewrite.ts";

/** gate · (1×1 convolution of an input), the gate one number for each image and channel. */
export interface GatedConvolution {
  readonly node: Node;
  readonly gate: Value;
  readonly convolution: Convolution;
  /** Whether it is certain that there is one image a run. */
  readonly isSingle: boolean;
}

/**
 * Reads a Mul by a gate [N, C, 1, 1] of a 1×1 convolution without bias, such as the lateral ones of
 * RSEFPN. Others may read the convolution too, such as the mean that the gate comes from.
 */
export function readGated(
  node: Node | undefined,
  { known }: RewriteFacts,
): GatedConvolution | undefined {
  if (!isOperator(node, "Mul")) return undefined;
  for (const [data, gate] of listFactorPairs(node)) {
    const convolution = readConvolution(data.producer);
    if (!convolution || convolution.bias || convolution.group !== 1) continue;
    if (!isPointwise(convolution) || constantTensor(gate)) continue;
    const [batch, channels, height, width] = known.shapeOf(gate) ?? [];
    if (channels !== convolution.dims[0] || height !== 1 || width !== 1) continue;
    const isSingle = batch === 1 && known.shapeOf(data)?.[0] === 1;
    return { node, gate, convolution, isSingle };
  }
  return undefined;
}

/**
 * The weights of the gated convolution: gate · weight, as [N, C, in], or for one image [C, in]. Made
 * before `before`, which must come after the gate.
 */
export function gateWeights(gated: GatedConvolution, before: Node): Value {
  const { gate, convolution, isSingle } = gated;
  const { graph } = before;
  const [out, inner] = convolution.dims;
  const base = gated.node.key;
  const shape = Tensor.int64(isSingle ? [out, 1] : [0, out, 1]);
  const column = graph.createNode({
    opType: "Reshape",
    inputs: [gate, graph.addInitializer(`${base}_column`, shape)],
    before,
  });
  const weight = Tensor.float32([out, inner], Float32Array.from(convolution.data));
  return graph.createNode({
    opType: "Mul",
    inputs: [column.output, graph.addInitializer(`${base}_weight`, weight)],
    before,
  }).output;
}

/**
 * The weights `[out, in, height, width]` of a convolution after a gated one, for one image:
 * Σ over c of kernel[o, c, y, x] · gate[c] · weight[c, i].
 */
export function chainWeights(gated: GatedConvolution, kernel: Kernel, before: Node): Value {
  const { graph } = before;
  const [out, middle, height, width] = kernel.dims;
  const taps = height * width;
  const inner = gated.convolution.dims[1];
  const base = `${gated.node.key}_${before.key}`;
  const turned = new Float32Array(out * taps * middle);
  for (let o = 0; o < out; o++) {
    for (let m = 0; m < middle; m++) {
      for (let tap = 0; tap < taps; tap++) {
        turned[(o * taps + tap) * middle + m] = kernel.data[(o * middle + m) * taps + tap] ?? 0;
      }
    }
  }
  const left = graph.addInitializer(`${base}_kernel`, Tensor.float32([out, taps, middle], turned));
  const product = graph.createNode({
    opType: "MatMul",
    inputs: [left, gateWeights(gated, before)],
    before,
  });
  const planes = graph.createNode({
    opType: "Transpose",
    inputs: [product.output],
    attributes: { perm: ints([0, 2, 1]) },
    before,
  });
  return reshape(planes.output, [out, inner, height, width], base, before);
}

/** A Reshape to constant dims. */
export function reshape(value: Value, dims: readonly number[], base: string, before: Node): Value {
  const { graph } = before;
  const shape = graph.addInitializer(`${base}_shape`, Tensor.int64(dims));
  return graph.createNode({ opType: "Reshape", inputs: [value, shape], before }).output;
}
