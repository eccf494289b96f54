/* Where a scale and a shift per channel can go without changing what is computed. */
import type { Node } from "../../ir/node.ts";
import type { Value } from "../../ir/value.ts";
import type { ChannelLayout } from "./affine.ts";
import { combine } from "./affine.ts";
import { isOperator, onlyUse } from "./edit.ts";
import {
  absorbInputs,
  type ChannelVector,
  hasBias,
  isAll,
  type LinearNode,
  readLinear,
  scaleOutputs,
} from "./linear.ts";

/** What is done to each channel. */
export interface ChannelAffine {
  readonly scale: ChannelVector;
  readonly shift: ChannelVector;
  readonly layout: ChannelLayout;
}

const isScalar = ({ scale, shift }: ChannelAffine): boolean =>
  scale.length === 1 && shift.length === 1;

function isAligned(linear: LinearNode, affine: ChannelAffine): boolean {
  const { rank, axis } = affine.layout;
  if (linear.rank !== undefined && linear.rank !== rank) return false;
  return isScalar(affine) || axis === (linear.channelAxis === 1 ? 1 : rank - 1);
}

/**
 * Makes the linear node that computes `value` compute `scale · value + shift`, if nothing but one
 * reader sees the difference. Returns what is left to do: nothing, or for MatMul the shift.
 */
export function absorbIntoProducer(
  value: Value,
  affine: ChannelAffine,
): { readonly rest: ChannelVector } | undefined {
  const linear = onlyUse(value) && readLinear(value.producer);
  if (!linear || !isAligned(linear, affine)) return undefined;
  if (!hasBias(linear) && isAll(affine.scale, 1)) return undefined;
  scaleOutputs(linear, affine.scale, affine.shift);
  return { rest: hasBias(linear) ? Float64Array.of(0) : affine.shift };
}

/**
 * Makes all readers of a value compute the same from x as they did from `scale · x + shift`. They
 * must be linear, or lead to linear ones through operators that the affine passes unchanged.
 * Returns false, and changes nothing, if one is not, or would see the shift in its padding.
 */
export function absorbIntoConsumers(value: Value, affine: ChannelAffine): boolean {
  const sinks = findSinks(value, affine, 8);
  if (!sinks) return false;
  for (const { node } of sinks) {
    const linear = readLinear(node);
    if (linear) absorbInputs(linear, affine.scale, affine.shift);
  }
  return true;
}

/**
 * As {@link absorbIntoConsumers}, for the scale alone: the shift is to be added before it instead.
 * Returns that shift, or `undefined` if nothing changed.
 */
export function absorbScaleIntoConsumers(
  value: Value,
  affine: ChannelAffine,
): ChannelVector | undefined {
  const { scale, shift } = affine;
  if (isAll(scale, 1) || scale.some((factor) => Math.abs(factor) < 1e-30)) return undefined;
  const rest = combine(shift, scale, (summand, factor) => summand / factor);
  const isFinite32 = rest.every((summand) => Number.isFinite(Math.fround(summand)));
  const isAbsorbed =
    isFinite32 && absorbIntoConsumers(value, { ...affine, shift: Float64Array.of(0) });
  return isAbsorbed ? rest : undefined;
}

function findSinks(
  value: Value,
  affine: ChannelAffine,
  depth: number,
): readonly LinearNode[] | undefined {
  if (value.isGraphOutput || value.uses.length === 0 || depth === 0) return undefined;
  const sinks: LinearNode[] = [];
  for (const { node, index } of value.uses) {
    if (index !== 0 || node.graph !== value.graph || node.domain !== "") return undefined;
    const linear = readLinear(node);
    if (linear) {
      if (!takes(linear, affine)) return undefined;
      sinks.push(linear);
      continue;
    }
    if (!passes(node, affine)) return undefined;
    const further = findSinks(node.output, affine, depth - 1);
    if (!further) return undefined;
    sinks.push(...further);
  }
  return sinks;
}

function takes(linear: LinearNode, affine: ChannelAffine): boolean {
  if (!isAligned(linear, affine)) return false;
  const { node } = linear;
  if (node.opType === "Gemm" && node.int("transA", 0) !== 0) return false;
  const channels = Math.max(affine.scale.length, affine.shift.length);
  if (channels !== 1 && channels !== linear.inputChannels) return false;
  if (isAll(affine.shift, 0)) return true;
  if (node.opType === "Conv") return hasNoPadding(node);
  return node.opType === "Gemm";
}

/** Whether a convolution never reads beyond the edge, at any input size. */
function hasNoPadding(node: Node): boolean {
  const autoPad = node.string("auto_pad", "NOTSET");
  if (autoPad === "VALID") return true;
  if (autoPad === "NOTSET") return (node.ints("pads") ?? []).every((pad) => pad === 0);
  return false;
}

type PassRule = (node: Node, affine: ChannelAffine) => boolean;

const isPositive: PassRule = (_, { scale }) => scale.every((factor) => factor > 0);
const isPositiveScale: PassRule = (node, affine) =>
  isPositive(node, affine) && isAll(affine.shift, 0);
const isSpatial: PassRule = (_, affine) => affine.layout.axis === 1 || isScalar(affine);

/** Operators f with f(scale · x + shift) = scale · f(x) + shift. */
const passRules: ReadonlyMap<string, PassRule> = new Map<string, PassRule>([
  ["Relu", isPositiveScale],
  ["LeakyRelu", isPositiveScale],
  ["MaxPool", (node, affine) => isPositive(node, affine) && isSpatial(node, affine)],
  ["GlobalMaxPool", (node, affine) => isPositive(node, affine) && isSpatial(node, affine)],
  ["GlobalAveragePool", isSpatial],
  [
    "AveragePool",
    (node, affine) =>
      isSpatial(node, affine) &&
      (isAll(affine.shift, 0) || node.int("count_include_pad", 0) === 0 || hasNoPadding(node)),
  ],
  [
    "Resize",
    (node, affine) =>
      isSpatial(node, affine) &&
      ["nearest", "linear"].includes(node.string("mode", "nearest")) &&
      node.string("coordinate_transformation_mode") !== "tf_crop_and_resize",
  ],
]);

function passes(node: Node, affine: ChannelAffine): boolean {
  if (!isOperator(node, ...passRules.keys()) || node.outputs.length !== 1) return false;
  return passRules.get(node.opType)?.(node, affine) ?? false;
}
