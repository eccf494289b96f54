/*
 * Where the sum of two convolutions in a row is one convolution: the second reads only the position
 * below it (1×1), so the first's padding is the product's; or the first does and is not padded, so
 * that the second's zero padding would have gone through the first unchanged, if that has no bias.
 */
import type { Node } from "../../ir/node.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { removeDead } from "../support/affine.ts";
import { onlyConsumer, replaceNode } from "../support/edit.ts";
import {
  type Convolution,
  convolutionNode,
  isDepthwise,
  isPair,
  isPointwise,
  isUnpadded,
  type Kernel,
  readConvolution,
} from "./convolution.ts";
import type { Rewrite } from "./rewrite.ts";

/** Two convolutions with nothing between them, as one whose kernel is their product. */
export const mergeConvolutions: Rewrite = {
  kind: "merge-convolutions",
  opTypes: ["Conv"],
  matches: (node) => readPair(node) !== undefined,
  variants: [{ name: "product", apply: merge }],
};

interface Sequence {
  readonly first: Convolution;
  readonly second: Convolution;
  readonly geometry: Geometry;
}

function readPair(node: Node): Sequence | undefined {
  const second = readConvolution(node);
  const first = second && readConvolution(second.input.producer);
  if (!first || onlyConsumer(first.node.output) !== node) return undefined;
  const geometry = mergeGeometry(first, second);
  return geometry && { first, second, geometry };
}

function merge(node: Node): boolean {
  const pair = readPair(node);
  if (!pair) return false;
  const { first, second, geometry } = pair;
  const product = multiply(first, second);
  const { graph } = node;
  const group = isDepthwise(first) && isDepthwise(second) ? product.dims[0] : 1;
  const bias = first.bias || second.bias ? mergeBiases(first, second) : undefined;
  const replaced = replaceNode(
    node,
    convolutionNode(graph, {
      ...geometry,
      input: first.input,
      weight: product,
      kernel: [product.dims[2], product.dims[3]],
      bias,
      group,
      base: `${node.key}_product`,
    }),
  );
  if (!replaced) return false;
  removeDead([first.node]);
  return true;
}

type Geometry = Pick<Convolution, "strides" | "dilations" | "begin" | "end">;

function mergeGeometry(first: Convolution, second: Convolution): Geometry | undefined {
  const isPlain = (convolution: Convolution): boolean =>
    convolution.group === 1 || isDepthwise(convolution);
  if (!isPlain(first) || !isPlain(second)) return undefined;
  if (isSinglePosition(second) && isUnpadded(second)) {
    const [down, across] = first.strides;
    return { ...first, strides: [down * second.strides[0], across * second.strides[1]] };
  }
  const keepsPadding = !first.bias || isZero(first.bias) || isUnpadded(second);
  if (isPointwise(first) && keepsPadding) return second;
  return undefined;
}

function isSinglePosition({ dims: [, , height, width] }: Convolution): boolean {
  return isPair([height, width], 1);
}

const isZero = (tensor: Tensor): boolean => tensor.toNumbers().every((number) => number === 0);

/** The kernel of the one after the other; one of them has a single tap. */
function multiply(first: Convolution, second: Convolution): Kernel {
  const [middle] = first.dims;
  const [out] = second.dims;
  const isDiagonal = isDepthwise(first) && isDepthwise(second);
  const inputs = isDepthwise(first) ? middle : first.dims[1];
  const inner = isDiagonal ? 1 : inputs;
  const spatial = isSinglePosition(second) ? first : second;
  const [, , height, width] = spatial.dims;
  const taps = height * width;
  const sums = new Float64Array(out * inner * taps);
  const firstTaps = spatial === first ? taps : 1;
  const secondTaps = spatial === second ? taps : 1;
  for (let o = 0; o < out; o++) {
    for (const [m, b] of sourcesOf(second, o)) {
      for (const [i, a] of sourcesOf(first, m)) {
        const to = (o * inner + (isDiagonal ? 0 : i)) * taps;
        for (let tap = 0; tap < taps; tap++) {
          const left = second.data[b + (secondTaps === 1 ? 0 : tap)] ?? 0;
          const right = first.data[a + (firstTaps === 1 ? 0 : tap)] ?? 0;
          sums[to + tap] = (sums[to + tap] ?? 0) + left * right;
        }
      }
    }
  }
  return { dims: [out, inner, height, width], data: sums };
}

/** The channels that an output channel reads, and where their taps begin in the weights. */
function* sourcesOf(convolution: Convolution, out: number): Generator<[number, number]> {
  const [, inner, height, width] = convolution.dims;
  const taps = height * width;
  if (isDepthwise(convolution)) yield [out, out * taps];
  else for (let i = 0; i < inner; i++) yield [i, (out * inner + i) * taps];
}

function mergeBiases(first: Convolution, second: Convolution): Float64Array {
  const [out, , height, width] = second.dims;
  const before = first.bias?.toNumbers();
  const sums = second.bias?.toNumbers() ?? new Float64Array(out);
  if (!before) return sums;
  for (let o = 0; o < out; o++) {
    let sum = sums[o] ?? 0;
    for (const [m, at] of sourcesOf(second, o)) {
      for (let tap = 0; tap < height * width; tap++) {
        sum += (second.data[at + tap] ?? 0) * (before[m] ?? 0);
      }
    }
    sums[o] = sum;
  }
  return sums;
}
