import { constantTensor, type Model, type Node, type ShapeInference } from "@ocrslim/graph";

/** A node that computes a linear function of windows of its input, plus a bias. */
export interface LinearLayer {
  /** First output name of the node. */
  readonly key: string;
  /** `other`: a convolution whose weights least squares can't refit here; its channels can be scaled. */
  readonly kind: "convolution" | "transposed" | "matrix" | "other";
  /** Names of the input that carries data, and of the weight. */
  readonly data: string;
  readonly weight: string;
  /** The output, with the bias in it; of a MatMul, that of the Add behind it. */
  readonly output: string;
  /** Whether there is a bias or a place for one: a MatMul has none without an Add behind it. */
  readonly hasBias: boolean;
  /** Kernel, strides, dilations and pads, each [vertical, horizontal]. */
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Rows and columns of zeros before the first ones, and after the last. */
  readonly pads: readonly [number, number];
  readonly padsAfter: readonly [number, number];
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
 * The layers of a model that can be refitted, in the order in which they run. By least squares:
 * two-dimensional convolutions with explicit padding, transposed convolutions whose windows do not
 * overlap, Gemm and MatMul with a constant right operand. All other convolutions are of kind `other`.
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
    weight: weight.name,
    output: node.output.name,
    hasBias: true,
    kernel: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0],
    padsAfter: [0, 0],
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
      return tensor.dims.length === 2
        ? describeProduct(node, base, tensor.dims[1] ?? 0)
        : undefined;
    default:
      return undefined;
  }
}

/** A MatMul, with the Add of a constant vector behind it as its bias. */
function describeProduct(
  node: Node,
  base: Omit<LinearLayer, "kind">,
  targets: number,
): LinearLayer {
  const sum = findBiasSum(node, targets);
  return { ...base, kind: "matrix", hasBias: sum !== undefined, output: (sum ?? node).output.name };
}

/** The Add of a constant vector behind a MatMul, if nothing else reads the product. */
export function findBiasSum(node: Node, targets: number): Node | undefined {
  const [use] = node.output.uses;
  if (!use || node.output.uses.length !== 1 || node.output.isGraphOutput) return undefined;
  const sum = use.node;
  const bias = sum.input(1 - use.index);
  const tensor =
    sum.domain === "" && sum.opType === "Add" && bias ? constantTensor(bias) : undefined;
  const isVector = tensor?.size === targets && tensor.dims[tensor.dims.length - 1] === targets;
  return tensor?.dtype === "float32" && isVector ? sum : undefined;
}

function describeConvolution(
  node: Node,
  base: Omit<LinearLayer, "kind">,
  weightDims: readonly number[],
  shape: readonly number[],
): LinearLayer {
  if (weightDims.length !== 4 || node.string("auto_pad", "NOTSET") !== "NOTSET")
    return { ...base, kind: "other", convGroups: node.int("group", 1) };
  const layer = {
    ...base,
    kernel: [weightDims[2] ?? 1, weightDims[3] ?? 1],
    strides: pair(node.ints("strides"), 1),
    dilations: pair(node.ints("dilations"), 1),
    pads: pair(node.ints("pads"), 0),
    padsAfter: pair(node.ints("pads")?.slice(2), 0),
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
  return { ...layer, kind: isSeparate ? "transposed" : "other" };
}
