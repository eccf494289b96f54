/* Conv, ConvTranspose, Gemm and MatMul with constant weights, as one thing: y[o] = Σ w·x[i] + b[o]. */
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { constantTensor } from "./constants.ts";
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
  readonly outputOf: (outer: number, inner: number) => number;
  readonly inputOf: (outer: number, inner: number) => number;
}

/** Reads a node, or returns `undefined` if it is not linear with constant float32 weights. */
export function readLinear(node: Node | undefined): LinearNode | undefined {
  if (!node || node.domain !== "") return undefined;
  const reader = readers.get(node.opType);
  const weight = reader && constantTensor(node.input(1));
  if (!weight || weight.dtype !== "float32" || weight.storage.kind === "external") return undefined;
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
    outputOf: (m) => m,
    inputOf: (m, j) => Math.floor(m / width) * inner + j,
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
    outputOf: (m, j) => Math.floor(m / width) * inner + j,
    inputOf: (m) => m,
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
    outputOf: isTransposed ? (m) => m : (_, j) => j,
    inputOf: isTransposed ? (_, j) => j : (m) => m,
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

export const isAll = (vector: ChannelVector, number: number): boolean =>
  vector.every((element) => element === number);

/** Whether a shift after the node can go into its bias. */
export function hasBias(linear: LinearNode): boolean {
  return linear.node.opType !== "MatMul";
}

/** Makes the node compute `scale · y + shift`. */
export function scaleOutputs(linear: LinearNode, scale: ChannelVector, shift: ChannelVector): void {
  const { node, outputChannels } = linear;
  if (!isAll(scale, 1)) {
    setWeight(linear, (outer, inner) => at(scale, linear.outputOf(outer, inner)));
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
  const { node, outputChannels, outer, inner, taps, weight } = linear;
  if (!isAll(shift, 0)) {
    const bias = biasNumbers(linear) ?? new Float64Array(outputChannels);
    const alpha = node.opType === "Gemm" ? node.float("alpha", 1) : 1;
    const weights = weight.float32Values();
    for (let m = 0, offset = 0; m < outer; m++) {
      for (let j = 0; j < inner; j++, offset += taps) {
        let sum = 0;
        for (let tap = 0; tap < taps; tap++) sum += weights[offset + tap] ?? 0;
        const output = linear.outputOf(m, j);
        bias[output] = (bias[output] ?? 0) + alpha * sum * at(shift, linear.inputOf(m, j));
      }
    }
    setBias(node, bias);
  }
  if (!isAll(scale, 1)) {
    setWeight(linear, (m, j) => at(scale, linear.inputOf(m, j)));
  }
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

function setWeight(
  { node, weight, outer, inner, taps }: LinearNode,
  factorOf: (outer: number, inner: number) => number,
): void {
  const weights = weight.float32Values();
  const fresh = new Float32Array(weights.length);
  for (let m = 0, offset = 0; m < outer; m++) {
    for (let j = 0; j < inner; j++) {
      const factor = factorOf(m, j);
      for (let tap = 0; tap < taps; tap++, offset++) {
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
