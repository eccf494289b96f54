/* Conv, ConvTranspose, Gemm and MatMul with constant weights, as one thing: y[o] = Σ w·x[i] + b[o]. */
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { constantTensor, readFloats } from "./constants.ts";
import { removeIfUnused } from "./edit.ts";

/** A factor or summand for each channel; one element stands for all channels. */
export type ChannelVector = Float64Array;

/** A linear node whose weights are constant. */
export interface LinearNode {
  readonly node: Node;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** Rank of the input and output. `undefined` for MatMul, which takes any. */
  readonly rank: number | undefined;
  /** Which axis of the input and output is the channel. */
  readonly channelAxis: 1 | "last";
  /** The weights as [outer, inner, taps], and the channels that (outer, inner) connects. */
  readonly outer: number;
  readonly inner: number;
  readonly taps: number;
  readonly output: ChannelIndex;
  readonly input: ChannelIndex;
}

/** Which channel (outer, inner) belongs to: base(outer) + step · inner. */
interface ChannelIndex {
  readonly base: (outer: number) => number;
  readonly step: 0 | 1;
}

const OUTER: ChannelIndex = { base: (outer) => outer, step: 0 };
const INNER: ChannelIndex = { base: () => 0, step: 1 };

/** The inner index counts within a group of outer ones. */
const grouped = (width: number, inner: number): ChannelIndex => ({
  base: (outer) => Math.floor(outer / width) * inner,
  step: 1,
});

/** Reads a node, or returns `undefined` if it is not linear with constant float32 weights. */
export function readLinear(node: Node | undefined): LinearNode | undefined {
  if (node?.domain !== "") return undefined;
  const reader = readers.get(node.opType);
  if (!reader) return undefined;
  const weight = constantTensor(node.input(1));
  if (weight?.dtype !== "float32" || weight.storage.kind === "external") return undefined;
  const biasInput = node.opType === "MatMul" ? undefined : node.input(2);
  const bias = constantTensor(biasInput);
  if (biasInput && bias?.dtype !== "float32") return undefined;
  return reader(node, weight, bias);
}

type Reader = (node: Node, weight: Tensor, bias: Tensor | undefined) => LinearNode | undefined;

const readConvolution: Reader = (node, weight, bias) => {
  const [outer = 0, inner = 0] = weight.dims;
  const groups = node.int("group", 1);
  const width = outer / groups;
  if (weight.dims.length < 3 || !Number.isInteger(width) || width === 0) return undefined;
  return {
    node,
    weight,
    bias,
    inputChannels: inner * groups,
    outputChannels: outer,
    rank: weight.dims.length,
    channelAxis: 1,
    outer,
    inner,
    taps: weight.size / (outer * inner),
    output: OUTER,
    input: grouped(width, inner),
  };
};

const readTransposed: Reader = (node, weight, bias) => {
  const [outer = 0, inner = 0] = weight.dims;
  const groups = node.int("group", 1);
  const width = outer / groups;
  if (weight.dims.length < 3 || !Number.isInteger(width) || width === 0) return undefined;
  return {
    node,
    weight,
    bias,
    inputChannels: outer,
    outputChannels: inner * groups,
    rank: weight.dims.length,
    channelAxis: 1,
    outer,
    inner,
    taps: weight.size / (outer * inner),
    output: grouped(width, inner),
    input: OUTER,
  };
};

const readMatrix: Reader = (node, weight, bias) => {
  if (weight.dims.length !== 2) return undefined;
  const [outer = 0, inner = 0] = weight.dims;
  const isGemm = node.opType === "Gemm";
  const isTransposed = isGemm && node.int("transB", 0) !== 0;
  const outputChannels = isTransposed ? outer : inner;
  if (isGemm && bias && !isPerColumn(bias, outputChannels)) return undefined;
  return {
    node,
    weight,
    bias,
    inputChannels: isTransposed ? inner : outer,
    outputChannels,
    rank: isGemm ? 2 : undefined,
    channelAxis: "last",
    outer,
    inner,
    taps: 1,
    output: isTransposed ? OUTER : INNER,
    input: isTransposed ? INNER : OUTER,
  };
};

const readers: ReadonlyMap<string, Reader> = new Map([
  ["Conv", readConvolution],
  ["ConvTranspose", readTransposed],
  ["Gemm", readMatrix],
  ["MatMul", readMatrix],
]);

function isPerColumn({ dims }: Tensor, columns: number): boolean {
  if (dims.length > 2 || (dims.length === 2 && dims[0] !== 1)) return false;
  const width = dims.at(-1) ?? 1;
  return width === 1 || width === columns;
}

/** Element of a channel vector. */
export function at(vector: ChannelVector, channel: number): number {
  return (vector.length === 1 ? vector[0] : vector[channel]) ?? 0;
}

export function isAll(vector: ChannelVector, number: number): boolean {
  for (let channel = 0; channel < vector.length; channel++) {
    if (vector[channel] !== number) return false;
  }
  return true;
}

/** Whether a shift after the node can go into its bias. */
export function hasBias(linear: LinearNode): boolean {
  return linear.node.opType !== "MatMul";
}

/** Makes the node compute `scale · y + shift`. */
export function scaleOutputs(linear: LinearNode, scale: ChannelVector, shift: ChannelVector): void {
  const { node, outputChannels } = linear;
  if (!isAll(scale, 1)) {
    scaleWeight(linear, scale, linear.output);
  }
  if (!hasBias(linear)) return;
  const bias = biasNumbers(linear);
  if (!bias && isAll(shift, 0)) return;
  const fresh = new Float64Array(outputChannels);
  for (let channel = 0; channel < outputChannels; channel++) {
    fresh[channel] = (bias?.[channel] ?? 0) * at(scale, channel) + at(shift, channel);
  }
  setBias(node, fresh);
}

/** Makes the node compute from x what it computed from `scale · x + shift`; padding must be zero. */
export function absorbInputs(linear: LinearNode, scale: ChannelVector, shift: ChannelVector): void {
  if (!isAll(shift, 0)) setBias(linear.node, shiftedBias(linear, shift));
  if (!isAll(scale, 1)) {
    scaleWeight(linear, scale, linear.input);
  }
}

/** The bias that makes up for a shift of the input: b[o] + Σ w · shift[i]. */
function shiftedBias(linear: LinearNode, shift: ChannelVector): Float64Array {
  const { node, outputChannels, outer, inner, taps, weight, input, output } = linear;
  const bias = biasNumbers(linear) ?? new Float64Array(outputChannels);
  const alpha = node.opType === "Gemm" ? node.float("alpha", 1) : 1;
  const shifts = spread(shift, linear.inputChannels);
  const weights = readFloats(weight);
  let offset = 0;
  for (let m = 0; m < outer; m++) {
    let from = input.base(m);
    let to = output.base(m);
    for (let j = 0; j < inner; j++, from += input.step, to += output.step) {
      let sum = 0;
      for (const end = offset + taps; offset < end; offset++) sum += weights[offset] ?? 0;
      bias[to] = (bias[to] ?? 0) + alpha * sum * (shifts[from] ?? 0);
    }
  }
  return bias;
}

/** One element for each channel. */
function spread(vector: ChannelVector, channels: number): Float64Array {
  return vector.length === channels ? vector : new Float64Array(channels).fill(at(vector, 0));
}

/** The bias of each output channel, with Gemm's beta multiplied in. */
function biasNumbers({ node, bias, outputChannels }: LinearNode): Float64Array | undefined {
  if (!bias) return undefined;
  const beta = node.opType === "Gemm" ? node.float("beta", 1) : 1;
  const values = bias.toNumbers();
  return Float64Array.from({ length: outputChannels }, (_, channel) => at(values, channel) * beta);
}

function setBias(node: Node, numbers: Float64Array): void {
  const old = node.input(2);
  const name = old?.name ?? `${node.key}_bias`;
  const tensor = Tensor.float32([numbers.length], Float32Array.from(numbers));
  replaceConstant(node, 2, name, tensor);
  if (node.opType === "Gemm" && node.float("beta", 1) !== 1) node.setAttribute("beta", undefined);
}

function scaleWeight(linear: LinearNode, scale: ChannelVector, index: ChannelIndex): void {
  const { node, weight, outer, inner, taps } = linear;
  const weights = readFloats(weight);
  const fresh = new Float32Array(weights.length);
  let offset = 0;
  for (let m = 0; m < outer; m++) {
    const base = index.base(m);
    for (let j = 0; j < inner; j++) {
      const factor = at(scale, base + index.step * j);
      for (const end = offset + taps; offset < end; offset++) {
        fresh[offset] = (weights[offset] ?? 0) * factor;
      }
    }
  }
  replaceConstant(node, 1, node.input(1)?.name ?? "weight", Tensor.float32(weight.dims, fresh));
}

/** Gives a node a constant of its own; the old one keeps its other readers. */
function replaceConstant(node: Node, index: number, name: string, tensor: Tensor): void {
  const old: Value | undefined = node.input(index);
  if (old?.isInitializer && old.uses.length === 1 && !old.isGraphInput && !old.isGraphOutput) {
    old.tensor = tensor;
    if (old.type) old.type = undefined;
    return;
  }
  node.setInput(index, node.graph.addInitializer(name, tensor));
  removeIfUnused(old);
}
