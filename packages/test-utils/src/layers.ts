import { float, type Graph, int, ints, type Value } from "@ocrslim/graph";
import { addNode, dimOf, intConstant, opsetOf, randomWeight, shapeOf } from "./test-graph.ts";

/** Options of {@link conv} and {@link convTranspose}. */
export interface ConvOptions {
  /** Output channels. */
  readonly out: number;
  /** Default: 3 (conv), 2 (convTranspose). */
  readonly kernel?: number;
  /** Default: 1 (conv), 2 (convTranspose). */
  readonly stride?: number;
  /** Padding on every side. Default: half the kernel (conv), 0 (convTranspose). */
  readonly pad?: number;
  /** Default: 1. */
  readonly dilation?: number;
  /** Convolution groups. Default: 1. */
  readonly group?: number;
  /** Default: true. */
  readonly bias?: boolean;
}

/** Weights of a layer that keep the size of its values about the same. */
function layerWeight(graph: Graph, name: string, dims: readonly number[], fanIn: number): Value {
  const bound = Math.sqrt(3 / Math.max(1, fanIn));
  return randomWeight(graph, name, dims, -bound, bound);
}

/** Conv over [N, C, H, W]. */
export function conv(graph: Graph, x: Value, options: ConvOptions): Value {
  const { out, kernel = 3, stride = 1, dilation = 1, group = 1, bias = true } = options;
  const pad = options.pad ?? Math.floor((dilation * (kernel - 1)) / 2);
  const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
  const inner = channels / group;
  const weight = layerWeight(
    graph,
    "conv_w",
    [out, inner, kernel, kernel],
    inner * kernel * kernel,
  );
  const size = (dim: number): number =>
    Math.floor((dim + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1;
  return addNode(
    graph,
    "Conv",
    [x, weight, bias ? randomWeight(graph, "conv_b", [out], -0.5, 0.5) : undefined].slice(
      0,
      bias ? 3 : 2,
    ),
    [batch, out, size(height), size(width)],
    {
      kernel_shape: ints([kernel, kernel]),
      strides: ints([stride, stride]),
      pads: ints([pad, pad, pad, pad]),
      dilations: ints([dilation, dilation]),
      group: int(group),
    },
  );
}

/** Conv with a group for each input channel; `multiplier` output channels each (default 1). */
export function depthwise(
  graph: Graph,
  x: Value,
  options: Omit<ConvOptions, "out" | "group"> & { readonly multiplier?: number } = {},
): Value {
  const channels = dimOf(x, 1);
  const { multiplier = 1, ...rest } = options;
  return conv(graph, x, { ...rest, out: channels * multiplier, group: channels });
}

/** ConvTranspose over [N, C, H, W]; by default it doubles the size. */
export function convTranspose(graph: Graph, x: Value, options: ConvOptions): Value {
  const { out, kernel = 2, stride = 2, pad = 0, group = 1, dilation = 1, bias = true } = options;
  const [batch = 1, channels = 1, height = 1, width = 1] = shapeOf(x);
  const weight = layerWeight(
    graph,
    "deconv_w",
    [channels, out / group, kernel, kernel],
    (channels / group) * Math.max(1, (kernel * kernel) / (stride * stride)),
  );
  const size = (dim: number): number => stride * (dim - 1) + dilation * (kernel - 1) + 1 - 2 * pad;
  const inputs = bias
    ? [x, weight, randomWeight(graph, "deconv_b", [out], -0.5, 0.5)]
    : [x, weight];
  return addNode(graph, "ConvTranspose", inputs, [batch, out, size(height), size(width)], {
    kernel_shape: ints([kernel, kernel]),
    strides: ints([stride, stride]),
    pads: ints([pad, pad, pad, pad]),
    dilations: ints([dilation, dilation]),
    group: int(group),
  });
}

/** Gemm over [N, K]; the weight is [out, K] unless `transB` is false. */
export function gemm(
  graph: Graph,
  x: Value,
  options: { readonly out: number; readonly transB?: boolean; readonly bias?: boolean },
): Value {
  const { out, transB = true, bias = true } = options;
  const [batch = 1, inner = 1] = shapeOf(x);
  const weight = layerWeight(graph, "gemm_w", transB ? [out, inner] : [inner, out], inner);
  const inputs = bias ? [x, weight, randomWeight(graph, "gemm_b", [out], -0.5, 0.5)] : [x, weight];
  return addNode(graph, "Gemm", inputs, [batch, out], { transB: int(transB ? 1 : 0) });
}

/** MatMul with a weight over the last axis. */
export function matMul(graph: Graph, x: Value, options: { readonly out: number }): Value {
  const shape = shapeOf(x);
  const inner = dimOf(x, shape.length - 1);
  const weight = layerWeight(graph, "matmul_w", [inner, options.out], inner);
  return addNode(graph, "MatMul", [x, weight], [...shape.slice(0, -1), options.out]);
}

/** BatchNormalization in inference form, with statistics that are not trivial. */
export function batchNormalization(graph: Graph, x: Value): Value {
  const channels = [dimOf(x, 1)];
  return addNode(
    graph,
    "BatchNormalization",
    [
      x,
      randomWeight(graph, "bn_scale", channels, 0.5, 1.5),
      randomWeight(graph, "bn_bias", channels, -0.5, 0.5),
      randomWeight(graph, "bn_mean", channels, -0.5, 0.5),
      randomWeight(graph, "bn_var", channels, 0.5, 1.5),
    ],
    shapeOf(x),
    { epsilon: float(1e-5) },
  );
}

/** InstanceNormalization. */
export function instanceNormalization(graph: Graph, x: Value): Value {
  const channels = [dimOf(x, 1)];
  return addNode(
    graph,
    "InstanceNormalization",
    [
      x,
      randomWeight(graph, "in_scale", channels, 0.5, 1.5),
      randomWeight(graph, "in_bias", channels, -0.5, 0.5),
    ],
    shapeOf(x),
    { epsilon: float(1e-3) },
  );
}

/** GroupNormalization with scale and bias per channel, as opset 21 defines it. */
export function groupNormalization(
  graph: Graph,
  x: Value,
  options: { readonly groups: number },
): Value {
  if (opsetOf(graph) < 21) throw new RangeError("groupNormalization: needs opset 21");
  const channels = [dimOf(x, 1)];
  return addNode(
    graph,
    "GroupNormalization",
    [
      x,
      randomWeight(graph, "gn_scale", channels, 0.5, 1.5),
      randomWeight(graph, "gn_bias", channels, -0.5, 0.5),
    ],
    shapeOf(x),
    { num_groups: int(options.groups), epsilon: float(1e-3) },
  );
}

/** PRelu with a slope for each channel of [N, C, …], or one for all. */
export function prelu(graph: Graph, x: Value, options: { readonly shared?: boolean } = {}): Value {
  const spatial = shapeOf(x)
    .slice(2)
    .map(() => 1);
  const dims = options.shared ? [1] : [dimOf(x, 1), ...spatial];
  return addNode(graph, "PRelu", [x, randomWeight(graph, "slope", dims, 0.1, 0.5)], shapeOf(x));
}

/** Mul and Add with constants: one number each, or one for each channel of [N, C, H, W]. */
export function affine(
  graph: Graph,
  x: Value,
  options: { readonly perChannel?: boolean } = {},
): Value {
  const dims = options.perChannel ? [1, dimOf(x, 1), 1, 1] : [1];
  const scaled = addNode(
    graph,
    "Mul",
    [x, randomWeight(graph, "factor", dims, 0.5, 1.5)],
    shapeOf(x),
  );
  return addNode(
    graph,
    "Add",
    [scaled, randomWeight(graph, "summand", dims, -0.5, 0.5)],
    shapeOf(x),
  );
}

/** An operator of one input and no attributes, such as Relu, Sigmoid, HardSwish. */
export function unary(graph: Graph, opType: string, x: Value): Value {
  return addNode(graph, opType, [x], shapeOf(x));
}

/** ReduceMean, with the axes where the opset wants them. */
export function reduceMean(
  graph: Graph,
  x: Value,
  options: { readonly axes: readonly number[]; readonly keepDims?: boolean },
): Value {
  const { axes, keepDims = true } = options;
  const shape = shapeOf(x).flatMap((dim, axis) =>
    axes.includes(axis) ? (keepDims ? [1] : []) : [dim],
  );
  const keepdims = int(keepDims ? 1 : 0);
  return opsetOf(graph) >= 18
    ? addNode(graph, "ReduceMean", [x, intConstant(graph, "axes", axes)], shape, { keepdims })
    : addNode(graph, "ReduceMean", [x], shape, { axes: ints(axes), keepdims });
}
