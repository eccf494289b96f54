import type { Node } from "../../ir/node.ts";
import { constantNumbers } from "./constants.ts";
import { constantAxes, sliceBounds } from "./partial-element-rules.ts";
import type { PartialDim, PartialRule, PartialShape } from "./partial-shapes.ts";

type ShapeRule = PartialRule<PartialShape>;

const sameAsInput: ShapeRule = (node, known) => known.shapeOf(node.input(0));

/** Numpy broadcasting; a symbol against 1 stays, against another symbol becomes unknown. */
export function broadcast(shapes: readonly PartialShape[]): PartialShape {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let result: PartialDim = 1;
    for (const shape of shapes) {
      const at = axis - (rank - shape.length);
      const dim = at < 0 ? 1 : shape[at];
      if (dim === 1 || dim === result) continue;
      if (result === 1) result = dim;
      else if (typeof dim === "number" && typeof result !== "number") result = dim;
      else if (typeof result !== "number") result = undefined;
    }
    return result;
  });
}

const broadcasting: ShapeRule = (node, known) => {
  const shapes = node.inputs.map((input) => known.shapeOf(input));
  return shapes.every((shape) => shape !== undefined) ? broadcast(shapes) : undefined;
};

/** Output size along one spatial axis of a convolution or pooling, if certain. */
function slid(node: Node, size: PartialDim, kernel: PartialDim, axis: number, rank: number) {
  const stride = node.ints("strides")?.[axis] ?? 1;
  const dilation = node.ints("dilations")?.[axis] ?? 1;
  const autoPad = node.string("auto_pad", "NOTSET");
  if (autoPad.startsWith("SAME")) {
    if (stride === 1) return size;
    return typeof size === "number" ? Math.ceil(size / stride) : undefined;
  }
  if (typeof kernel !== "number" || node.int("ceil_mode", 0) !== 0) return undefined;
  const pads = autoPad === "VALID" ? [] : (node.ints("pads") ?? []);
  const shrink = dilation * (kernel - 1) - (pads[axis] ?? 0) - (pads[axis + rank] ?? 0);
  if (stride === 1 && shrink === 0) return size;
  return typeof size === "number" ? Math.floor((size - shrink - 1) / stride) + 1 : undefined;
}

const convolution: ShapeRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  const weight = known.shapeOf(node.input(1));
  const rank = data?.length ?? weight?.length;
  if (rank === undefined || rank < 3) return undefined;
  return Array.from({ length: rank }, (_, axis) => {
    if (axis === 0) return data?.[0];
    if (axis === 1) return weight?.[0];
    return slid(node, data?.[axis], weight?.[axis], axis - 2, rank - 2);
  });
};

const transposedConvolution: ShapeRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  const weight = known.shapeOf(node.input(1));
  const rank = data?.length ?? weight?.length;
  if (rank === undefined) return undefined;
  const width = weight?.[1];
  const channels = typeof width === "number" ? width * node.int("group", 1) : undefined;
  return Array.from({ length: rank }, (_, axis) =>
    axis === 0 ? data?.[0] : axis === 1 ? channels : undefined,
  );
};

const pooling: ShapeRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  return data?.map((dim, axis) =>
    axis < 2
      ? dim
      : slid(node, dim, node.ints("kernel_shape")?.[axis - 2], axis - 2, data.length - 2),
  );
};

const globalPooling: ShapeRule = (node, known) =>
  known.shapeOf(node.input(0))?.map((dim, axis) => (axis < 2 ? dim : 1));

const concat: ShapeRule = (node, known) => {
  const shapes = node.inputs.map((input) => known.shapeOf(input));
  const first = shapes.find((shape) => shape !== undefined);
  if (!first) return undefined;
  const axis = wrap(node.int("axis", 1), first.length);
  return first.map((dim, at) => {
    if (at !== axis) return dim;
    let sum = 0;
    for (const shape of shapes) {
      const part = shape?.[axis];
      if (typeof part !== "number") return undefined;
      sum += part;
    }
    return sum;
  });
};

const transpose: ShapeRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  if (!data) return undefined;
  const permutation = node.ints("perm") ?? data.map((_, axis) => data.length - 1 - axis);
  return permutation.map((axis) => data[axis]);
};

/** Highest rank that is believed. */
const MAX_RANK = 64;

const reshape: ShapeRule = (node, known) => {
  const target = known.elementsOf(node.input(1));
  const data = known.shapeOf(node.input(0));
  if (!target) {
    const length = known.shapeOf(node.input(1))?.[0];
    const isRank = typeof length === "number" && length >= 0 && length <= MAX_RANK;
    return isRank ? Array.from({ length }, () => undefined) : undefined;
  }
  const zeroIsCopy = node.int("allowzero", 0) === 0;
  const dims = target.items.map((item, axis) =>
    item === 0 && zeroIsCopy ? data?.[axis] : item === -1 ? undefined : item,
  );
  const inferred = target.items.indexOf(-1);
  if (inferred >= 0 && data) dims[inferred] = inferredDim(data, dims, inferred);
  return dims;
};

/** The size that makes the element counts equal: known dims divide, equal symbols cancel. */
function inferredDim(data: PartialShape, dims: PartialShape, inferred: number): PartialDim {
  const rest = [...data];
  let divisor = 1;
  for (const [axis, dim] of dims.entries()) {
    if (axis === inferred) continue;
    if (dim === undefined) return undefined;
    if (typeof dim === "number") divisor *= dim;
    else {
      const at = rest.indexOf(dim);
      if (at < 0) return undefined;
      rest.splice(at, 1);
    }
  }
  let product = 1;
  const symbols = rest.filter((dim) => typeof dim !== "number");
  for (const dim of rest) if (typeof dim === "number") product *= dim;
  if (symbols.length === 0) return divisor > 0 ? product / divisor : undefined;
  return symbols.length === 1 && product === divisor ? symbols[0] : undefined;
}

const flatten: ShapeRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  if (!data) return [undefined, undefined];
  const axis = wrap(node.int("axis", 1), data.length);
  const product = (dims: PartialShape): PartialDim => {
    const sizes = dims.filter((dim) => dim !== 1);
    if (sizes.length === 1) return sizes[0];
    return sizes.every((dim) => typeof dim === "number")
      ? sizes.reduce<number>((total, dim) => total * Number(dim), 1)
      : undefined;
  };
  return [product(data.slice(0, axis)), product(data.slice(axis))];
};

const squeeze: ShapeRule = (node, known, opset) => {
  const data = known.shapeOf(node.input(0));
  const axes = constantAxes(node, opset, 13)?.axes;
  if (!data || !axes) return undefined;
  const dropped = new Set(axes.map((axis) => wrap(axis, data.length)));
  return data.filter((_, axis) => !dropped.has(axis));
};

const unsqueeze: ShapeRule = (node, known, opset) => {
  const data = known.shapeOf(node.input(0));
  const axes = constantAxes(node, opset, 13)?.axes;
  if (!data || !axes) return undefined;
  const rank = data.length + axes.length;
  const added = new Set(axes.map((axis) => wrap(axis, rank)));
  let at = 0;
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : data[at++]));
};

const gather: ShapeRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  const indices = known.shapeOf(node.input(1));
  if (!data || !indices) return undefined;
  const axis = wrap(node.int("axis", 0), data.length);
  return [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)];
};

const slice: ShapeRule = (node, known, opset) => {
  const data = known.shapeOf(node.input(0));
  if (!data) return undefined;
  const bounds = sliceBounds(node, opset);
  if (!bounds) return data.map(() => undefined);
  const dims = [...data];
  for (const { axis: given, start, end, step } of bounds) {
    const axis = wrap(given, data.length);
    const size = dims[axis];
    const whole = step === 1 && start === 0 && end >= 2 ** 31 - 1;
    if (whole) continue;
    if (typeof size !== "number" || step < 1) dims[axis] = undefined;
    else {
      const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
      dims[axis] = Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step));
    }
  }
  return dims;
};

const split: ShapeRule = (node, known, opset) => {
  const data = known.shapeOf(node.input(0));
  if (!data) return undefined;
  const axis = wrap(node.int("axis", 0), data.length);
  const sizes = opset < 13 ? node.ints("split") : constantNumbers(node.input(1));
  return data.map((dim, at) => (at === axis ? sizes?.[0] : dim));
};

/** Since when each reduction takes its axes as an input. */
const reduction =
  (since: number): ShapeRule =>
  (node, known, opset) => {
    const data = known.shapeOf(node.input(0));
    const found = constantAxes(node, opset, since);
    if (!data || !found) return undefined;
    if (!found.axes && node.int("noop_with_empty_axes", 0) !== 0) return undefined;
    const axes = new Set(
      (found.axes ?? data.map((_, axis) => axis)).map((axis) => wrap(axis, data.length)),
    );
    const keep = node.int("keepdims", 1) !== 0;
    return keep
      ? data.map((dim, axis) => (axes.has(axis) ? 1 : dim))
      : data.filter((_, axis) => !axes.has(axis));
  };

const matMul: ShapeRule = (node, known) => {
  const a = known.shapeOf(node.input(0));
  const b = known.shapeOf(node.input(1));
  if (!a || !b || a.length < 2 || b.length < 2) return undefined;
  return [...broadcast([a.slice(0, -2), b.slice(0, -2)]), a.at(-2), b.at(-1)];
};

const gemm: ShapeRule = (node, known) => {
  const a = known.shapeOf(node.input(0));
  const b = known.shapeOf(node.input(1));
  return [a?.[node.int("transA", 0) ? 1 : 0], b?.[node.int("transB", 0) ? 0 : 1]];
};

const resize: ShapeRule = (node, known, opset) => {
  const data = known.shapeOf(node.input(0));
  if (!data || node.attribute("axes")) return data?.map(() => undefined);
  const scales =
    node.opType === "Upsample" && opset < 9
      ? node.floats("scales")
      : constantNumbers(node.input(opset < 11 ? 1 : 2));
  const sizes = opset < 11 ? undefined : known.elementsOf(node.input(3));
  return data.map((dim, axis) => {
    const scale = scales?.[axis];
    if (scale === undefined) return sizes?.items[axis];
    if (scale === 1) return dim;
    return typeof dim === "number" ? Math.floor(dim * scale) : undefined;
  });
};

const pad: ShapeRule = (node, known, opset) => {
  const data = known.shapeOf(node.input(0));
  const pads = opset < 11 ? node.ints("pads") : constantNumbers(node.input(1));
  if (!data || node.input(3)) return data?.map(() => undefined);
  return data.map((dim, axis) => {
    const added = pads && (pads[axis] ?? 0) + (pads[axis + data.length] ?? 0);
    if (added === 0) return dim;
    return typeof dim === "number" && added !== undefined ? dim + added : undefined;
  });
};

const expand: ShapeRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  const target = known.elementsOf(node.input(1));
  return data && target ? broadcast([data, target.items]) : undefined;
};

const ofElements: ShapeRule = (node, known) => known.elementsOf(node.input(0))?.items;

const shape: ShapeRule = (node, known) => {
  const data = known.shapeOf(node.input(0));
  return data && [data.slice(node.int("start", 0), node.int("end", data.length)).length];
};

const wrap = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

const SAME_SHAPE =
  "Abs BatchNormalization Cast Ceil Celu Clip CumSum Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Hardmax Identity InstanceNormalization GroupNormalization LRN LayerNormalization LeakyRelu Log LogSoftmax Mish Neg Not PRelu Reciprocal Relu Round Selu Sigmoid Sign Softmax Softplus Softsign Sqrt Sin Cos Tanh ThresholdedRelu";
const BROADCASTING =
  "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum Where Xor";

const every = (names: string, rule: ShapeRule): readonly [string, ShapeRule][] =>
  names.split(" ").map((name) => [name, rule]);

export const shapeRules: ReadonlyMap<string, ShapeRule> = new Map<string, ShapeRule>([
  ...every(SAME_SHAPE, sameAsInput),
  ...every(BROADCASTING, broadcasting),
  ...every("MaxPool AveragePool LpPool", pooling),
  ...every("GlobalAveragePool GlobalMaxPool GlobalLpPool", globalPooling),
  ...every("Resize Upsample", resize),
  ...every("ReduceSum", reduction(13)),
  ...every(
    "ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp",
    reduction(18),
  ),
  ["Conv", convolution],
  ["ConvTranspose", transposedConvolution],
  ["Concat", concat],
  ["Transpose", transpose],
  ["Reshape", reshape],
  ["Flatten", flatten],
  ["Squeeze", squeeze],
  ["Unsqueeze", unsqueeze],
  ["Gather", gather],
  ["Slice", slice],
  ["Split", split],
  ["MatMul", matMul],
  ["Gemm", gemm],
  ["Pad", pad],
  ["Expand", expand],
  ["ConstantOfShape", ofElements],
  ["Shape", shape],
]);
