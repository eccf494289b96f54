/* Convolutions with constant weights over [N, C, H, W], read and made. */
import { int, ints } from "../../ir/attribute.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Node } from "../../ir/node.ts";
import { Tensor } from "../../ir/tensor.ts";
import type { Value } from "../../ir/value.ts";
import { constantTensor, readFloats } from "../support/constants.ts";
import { isOperator } from "../support/edit.ts";

/** Two numbers, for height and width. */
export type Pair = readonly [height: number, width: number];

/** Weights of a convolution, `[out, in ÷ group, height, width]`, row-major. */
export interface Kernel {
  readonly dims: readonly [out: number, inner: number, height: number, width: number];
  readonly data: ArrayLike<number>;
}

/** A convolution as it stands in a graph. */
export interface Convolution extends Kernel {
  readonly node: Node;
  readonly input: Value;
  readonly bias: Tensor | undefined;
  readonly group: number;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly begin: Pair;
  readonly end: Pair;
}

/** Reads a Conv whose weights are float32 constants and whose padding is spelled out. */
export function readConvolution(node: Node | undefined): Convolution | undefined {
  if (!isOperator(node, "Conv")) return undefined;
  const read = readWindow(node);
  if (!read) return undefined;
  const [out = 0, inner = 0, height = 0, width = 0] = read.weight.dims;
  return { ...read, node, dims: [out, inner, height, width], data: readFloats(read.weight) };
}

/** A transposed convolution that tiles: stride as large as the kernel, no padding, one group. */
export interface TilingConvolution {
  readonly node: Node;
  readonly input: Value;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly inner: number;
  readonly out: number;
  readonly factor: number;
}

/** Reads a ConvTranspose that puts one tile of `factor` × `factor` in the place of each pixel. */
export function readTiling(node: Node | undefined): TilingConvolution | undefined {
  if (!isOperator(node, "ConvTranspose")) return undefined;
  const read = readWindow(node);
  if (read?.group !== 1 || node.attribute("output_shape")) return undefined;
  const [inner = 0, out = 0, height = 0, width = 0] = read.weight.dims;
  const isTiling =
    height === width &&
    height > 1 &&
    isPair(read.strides, height) &&
    isPair(read.dilations, 1) &&
    isUnpadded(read) &&
    (node.ints("output_padding") ?? []).every((pad) => pad === 0);
  if (!isTiling) return undefined;
  return {
    node,
    input: read.input,
    weight: read.weight,
    bias: read.bias,
    inner,
    out,
    factor: height,
  };
}

interface Window {
  readonly input: Value;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly group: number;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly begin: Pair;
  readonly end: Pair;
}

function readWindow(node: Node): Window | undefined {
  const input = node.input(0);
  const weight = constantTensor(node.input(1));
  const biasInput = node.input(2);
  const bias = constantTensor(biasInput);
  if (!input || !isFloats(weight, 4) || (biasInput && !isFloats(bias, 1))) return undefined;
  const autoPad = node.string("auto_pad", "NOTSET");
  if (autoPad !== "NOTSET" && autoPad !== "VALID") return undefined;
  const [top = 0, left = 0, bottom = 0, right = 0] =
    autoPad === "VALID" ? [] : (node.ints("pads") ?? []);
  if (Math.min(top, left, bottom, right) < 0) return undefined;
  return {
    input,
    weight,
    bias,
    group: node.int("group", 1),
    strides: pairOf(node.ints("strides")),
    dilations: pairOf(node.ints("dilations")),
    begin: [top, left],
    end: [bottom, right],
  };
}

function isFloats(tensor: Tensor | undefined, rank: number): tensor is Tensor {
  return (
    tensor?.dtype === "float32" && tensor.dims.length === rank && tensor.storage.kind !== "external"
  );
}

const pairOf = ([height = 1, width = 1]: readonly number[] = []): Pair => [height, width];

export function isPair([height, width]: Pair, number: number): boolean {
  return height === number && width === number;
}

export function isUnpadded({ begin, end }: Pick<Convolution, "begin" | "end">): boolean {
  return isPair(begin, 0) && isPair(end, 0);
}

/** Whether each output position reads the input's one position below it. */
export function isPointwise(convolution: Convolution): boolean {
  const [, , height, width] = convolution.dims;
  return height === 1 && width === 1 && isUnpadded(convolution) && isPair(convolution.strides, 1);
}

/** Whether each channel goes by itself to the channel of the same number. */
export function isDepthwise({ dims: [out, inner], group }: Convolution): boolean {
  return inner === 1 && group === out;
}

/** A convolution to be made; strides, dilations and group are 1 and pads 0 unless given. */
export interface ConvolutionInit {
  readonly input: Value;
  /** Constant weights, or a value that already is in the graph. */
  readonly weight: Kernel | Value;
  readonly kernel: Pair;
  readonly bias?: Value | ArrayLike<number> | undefined;
  readonly strides?: Pair;
  readonly dilations?: Pair;
  readonly group?: number;
  readonly begin?: Pair;
  readonly end?: Pair;
  /** What new constants are called after. */
  readonly base: string;
}

/** Operator, inputs and attributes of a Conv, as `createNode` and `replaceNode` take them. */
export function convolutionNode(
  graph: Graph,
  init: ConvolutionInit,
): {
  readonly opType: "Conv";
  readonly inputs: readonly Value[];
  readonly attributes: Readonly<Record<string, ReturnType<typeof ints>>>;
} {
  const { input, weight, bias, base, begin = [0, 0], end = [0, 0] } = init;
  const inputs = [
    input,
    "data" in weight
      ? graph.addInitializer(`${base}_weight`, Tensor.float32(weight.dims, toFloats(weight.data)))
      : weight,
  ];
  if (bias !== undefined) inputs.push(biasValue(graph, bias, base));
  return {
    opType: "Conv",
    inputs,
    attributes: {
      kernel_shape: ints(init.kernel),
      strides: ints(init.strides ?? [1, 1]),
      dilations: ints(init.dilations ?? [1, 1]),
      pads: ints([...begin, ...end]),
      group: int(init.group ?? 1),
    },
  };
}

function biasValue(graph: Graph, bias: Value | ArrayLike<number>, base: string): Value {
  if ("graph" in bias) return bias;
  return graph.addInitializer(`${base}_bias`, Tensor.float32([bias.length], toFloats(bias)));
}

const toFloats = (data: ArrayLike<number>): Float32Array =>
  data instanceof Float32Array ? data : Float32Array.from(data);
