/*
 * `foldAffine` takes a scale and a shift through operators that treat all channels alike. A Concat
 * puts channels of several values side by side: to what reads it, the others have scale 1 and shift 0.
 */
import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import { absorbIntoConsumers, type ChannelAffine } from "../support/absorb.ts";
import { type AffineChain, lastOf, readAffineChain, removeChain } from "../support/affine.ts";
import { bypass, canBypass, onlyConsumer } from "../support/edit.ts";
import { at, type ChannelVector } from "../support/linear.ts";
import { isDepthwise, isPointwise, readConvolution } from "./convolution.ts";
import { readRepetition } from "./resize.ts";
import type { Rewrite, RewriteFacts } from "./rewrite.ts";

/** Scales and shifts per channel, spelled out or as a depthwise 1×1 convolution, through Concat. */
export const affineThroughConcat: Rewrite = {
  kind: "affine-through-concat",
  opTypes: ["Conv", "Mul", "Add", "Sub", "Div"],
  matches(node, facts) {
    const affine = readRemovable(node, facts);
    return affine !== undefined && followToConcat(affine.output, facts) !== undefined;
  },
  variants: [{ name: "fold", apply: fold }],
};

function fold(node: Node, facts: RewriteFacts): boolean {
  const affine = readRemovable(node, facts);
  if (!affine) return false;
  const path = followToConcat(affine.output, facts);
  if (!path) return false;
  const { concat, start, total } = path;
  const widen = (vector: ChannelVector, neutral: number): ChannelVector =>
    Float64Array.from({ length: total }, (_, channel) => {
      const isOwn = channel >= start && channel < start + affine.channels;
      return isOwn ? at(vector, channel - start) : neutral;
    });
  const wide: ChannelAffine = {
    scale: widen(affine.scale, 1),
    shift: widen(affine.shift, 0),
    layout: { rank: 4, axis: 1, channels: total },
  };
  if (!affine.canRemove() || !absorbIntoConsumers(concat.output, wide)) return false;
  return affine.remove();
}

interface RemovableAffine {
  readonly output: Value;
  readonly channels: number;
  readonly scale: ChannelVector;
  readonly shift: ChannelVector;
  readonly canRemove: () => boolean;
  readonly remove: () => boolean;
}

function readRemovable(node: Node, facts: RewriteFacts): RemovableAffine | undefined {
  return readConvolutionAffine(node) ?? readSpelledAffine(node, facts);
}

function readConvolutionAffine(node: Node): RemovableAffine | undefined {
  const convolution = readConvolution(node);
  if (!convolution || !isDepthwise(convolution) || !isPointwise(convolution)) return undefined;
  const { input } = convolution;
  return {
    output: node.output,
    channels: convolution.dims[0],
    scale: Float64Array.from(convolution.data),
    shift: convolution.bias?.toNumbers() ?? Float64Array.of(0),
    canRemove: () => canBypass(node, input),
    remove: () => bypass(node, input),
  };
}

function readSpelledAffine(node: Node, { known }: RewriteFacts): RemovableAffine | undefined {
  const chain: AffineChain | undefined = readAffineChain(node, known);
  const channels = chain && known.shapeOf(chain.data)?.[1];
  if (chain?.layout.rank !== 4 || typeof channels !== "number") return undefined;
  const { scale, shift, layout } = chain;
  if (layout.axis !== 1 && (scale.length > 1 || shift.length > 1)) return undefined;
  return {
    output: lastOf(chain).output,
    channels,
    scale,
    shift,
    canRemove: () => canBypass(lastOf(chain), chain.data),
    remove: () => removeChain(chain),
  };
}

/** The Concat that a value goes into, perhaps after a nearest Resize, and where it lies in it. */
function followToConcat(
  value: Value,
  { known }: RewriteFacts,
): { readonly concat: Node; readonly start: number; readonly total: number } | undefined {
  let current = value;
  for (let node = onlyConsumer(current); node; node = onlyConsumer(current)) {
    if (node.opType === "Concat" && node.domain === "") {
      const total = known.shapeOf(node.output)?.[1];
      const start = startWithin(node, current, known);
      if (node.int("axis", 1) !== 1 || typeof total !== "number") return undefined;
      return start === undefined ? undefined : { concat: node, start, total };
    }
    if (!readRepetition(node)) return undefined;
    current = node.output;
  }
  return undefined;
}

function startWithin(concat: Node, value: Value, known: RewriteFacts["known"]): number | undefined {
  let start = 0;
  for (const input of concat.inputs) {
    if (input === value) return start;
    const width = known.shapeOf(input)?.[1];
    if (typeof width !== "number") return undefined;
    start += width;
  }
  return undefined;
}
