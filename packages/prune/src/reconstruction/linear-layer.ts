import { constantTensor, type Model, type Node, type ShapeInference } from "@ocrslim/graph";

/** A node that computes a linear function of windows of its input, plus a bias. */
export interface LinearLayer {
  /** First output name of the node. */
  readonly key: string;
  readonly kind: "convolution" | "transposed" | "matrix";
  /** Names of the input that carries data, of the output, and of the weight. */
  readonly data: string;
  readonly output: string;
  readonly weight: string;
  /** Kernel, strides, dilations and pads, each [vertical, horizontal]; pads before the first row. */
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pads: readonly [number, number];
  readonly convGroups: number;
  /** Whether the weight of a `matrix` is [out, in] rather than [in, out]. */
  readonly isTransposed: boolean;
  /** Whether the output has one position only, as in squeeze-and-excitation gates. */
  readonly isGlobal: boolean;
}

const pair = (
  values: readonly number[] | undefined,
  fallback: number,
): readonly [number, number] => [values?.[0] ?? fallback, values?.[1] ?? fallback];

/**
 * The layers of a model that a least-squares refit can work on, in the order in which they run.
 * Two-dimensional convolutions with explicit padding; transposed convolutions whose windows do not
 * overlap; Gemm and MatMul with a constant right operand.
 */
export function listLinearLayers(model: Model, shapes: ShapeInference): readonly LinearLayer[] {
  const layers: LinearLayer[] = [];
  for (const node of model.graph.nodes) {
    const layer = describeLayer(node, shapes);
    if (layer) layers.push(layer);
  }
  return layers;
}

function describeLayer(node: Node, shapes: ShapeInference): LinearLayer | undefined {
  const [data, weight] = node.inputs;
  if (node.domain !== "" || !data || !weight) return undefined;
  const tensor = constantTensor(weight);
  const shape = shapes.shapeOf(node.output);
  if (tensor?.dtype !== "float32" || !shape) return undefined;
  const base = {
    key: node.key,
    data: data.name,
    output: node.output.name,
    weight: weight.name,
    kernel: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0],
    convGroups: 1,
    isTransposed: false,
    isGlobal: false,
  } as const;
  switch (node.opType) {
    case "Conv":
    case "ConvTranspose":
      return describeConvolution(node, base, tensor.dims, shape);
    case "Gemm":
      if (node.int("transA", 0) || node.float("alpha", 1) !== 1 || node.float("beta", 1) !== 1)
        return undefined;
      return { ...base, kind: "matrix", isTransposed: node.int("transB", 0) === 1 };
    case "MatMul":
      return tensor.dims.length === 2 ? { ...base, kind: "matrix" } : undefined;
    default:
      return undefined;
  }
}

function describeConvolution(
  node: Node,
  base: Omit<LinearLayer, "kind">,
  weightDims: readonly number[],
  shape: readonly number[],
): LinearLayer | undefined {
  if (weightDims.length !== 4 || node.string("auto_pad", "NOTSET") !== "NOTSET") return undefined;
  const layer = {
    ...base,
    kernel: [weightDims[2] ?? 1, weightDims[3] ?? 1],
    strides: pair(node.ints("strides"), 1),
    dilations: pair(node.ints("dilations"), 1),
    pads: pair(node.ints("pads"), 0),
    convGroups: node.int("group", 1),
    isGlobal: shape[2] === 1 && shape[3] === 1,
  } as const;
  if (node.opType === "Conv") return { ...layer, kind: "convolution" };
  const isSeparate =
    layer.kernel[0] === layer.strides[0] &&
    layer.kernel[1] === layer.strides[1] &&
    layer.dilations.every((dilation) => dilation === 1) &&
    (node.ints("pads") ?? []).every((pad) => pad === 0) &&
    (node.ints("output_padding") ?? []).every((pad) => pad === 0) &&
    !node.attribute("output_shape") &&
    layer.convGroups === 1;
  return isSeparate ? { ...layer, kind: "transposed" } : undefined;
}
