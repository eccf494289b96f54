import { elementCount, int, string, Tensor, type Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import { type AxisMap, type Tap, transposeAxisMaps } from "../axis-map.ts";
import {
  type GradientContext,
  type GradientRule,
  notCovered,
  outputGradient,
  requireInput,
} from "../gradient-rule.ts";
import { resolveWindow, type Window } from "../window.ts";

/**
 * The gradient goes to the element that won, the first one among equals. MaxPool is run again to say
 * which, and where windows overlap, what meets is added. The indices take about half of the time;
 * still, on ONNX Runtime's CPU, comparing slices of x with y, tap by tap, takes two to three times as
 * long (x [1, 64, 320, 320], 2×2 and 3×3, stride 2).
 */
const maxPool: GradientRule = (context) => {
  const { ops, needs } = context;
  if (!needs(0)) return [];
  const x = requireInput(context, 0);
  const gradient = outputGradient(context);
  const dims = ops.dims(x);
  const [batch = 1, channels = 1, ...sizes] = dims;
  const planes = batch * channels;
  const area = elementCount(sizes);
  const positions = elementCount(ops.dims(gradient).slice(2));
  const places = ops.sub(
    ops.reshape(findIndices(context, x), [planes, positions]),
    // Indices count through the whole tensor.
    ops.constant(
      Tensor.int64(
        Array.from({ length: planes }, (_, plane) => plane * area),
        [planes, 1],
      ),
    ),
  );
  const scattered = ops.node(
    "ScatterElements",
    [
      ops.expand(ops.scalar(0, ops.dtype(gradient)), [planes, area]),
      places,
      ops.reshape(gradient, [planes, positions]),
    ],
    { axis: int(1), reduction: string("add") },
  );
  return [ops.reshape(scattered, dims)];
};

/** Row-major indices of the winners. */
function findIndices({ node, ops }: GradientContext, x: Value): Value {
  const isRowMajor = node.int("storage_order", 0) === 0;
  const own = node.outputs[1];
  if (own && isRowMajor) return own;
  const attributes = node.attributes.filter(({ name }) => name !== "storage_order");
  const [, indices] = ops.nodes(
    "MaxPool",
    [x],
    2,
    Object.fromEntries(attributes.map((attribute) => [attribute.name, attribute])),
  );
  return indices as Value;
}

/**
 * Each element of a window gets an equal part. Where windows stand side by side, these parts are
 * repeated, by Resize: Expand of a reshaped dY [1, 96, 80, 80], 2×2, takes 7 to 50 times as long. Other
 * windows are separable, with their counts, also at borders: dX = A_hᵀ · dY · A_w.
 */
const averagePool: GradientRule = (context) => {
  const { node, ops, needs } = context;
  if (!needs(0)) return [];
  const { input, window, gradient } = readPool(context);
  const { kernel, strides, dilations, before } = window;
  const output = ops.dims(gradient).slice(2);
  const isTiling = kernel.every(
    (size, axis) =>
      size === strides[axis] &&
      (size === 1 || dilations[axis] === 1) &&
      before[axis] === 0 &&
      (output[axis] ?? 1) * size <= (input[axis] ?? 1),
  );
  if (isTiling) return [repeat(ops, ops.mul(gradient, 1 / elementCount(kernel)), kernel, input)];
  const countsPads = node.int("count_include_pad", 0) !== 0;
  const maps = mapWindows(window, input, output, (inside, padded) =>
    countsPads ? 1 / padded : 1 / inside,
  );
  return [transposeAxisMaps(ops, gradient, maps)];
};

/**
 * y = (Σ |x|ᵖ)^(1/p): dX = sign(x) · |x|ᵖ⁻¹ times the sum of dY · y¹⁻ᵖ over the windows of x; the slope
 * at a window of zeros is taken as 0.
 */
const lpPool: GradientRule = (context) => {
  const { ops, needs } = context;
  if (!needs(0)) return [];
  const { input, window, gradient } = readPool(context);
  const output = ops.dims(gradient).slice(2);
  const maps = mapWindows(window, input, output, () => 1);
  return [lpGradient(context, (share) => transposeAxisMaps(ops, share, maps))];
};

/** `spread` sums over the windows that each element of x lies in, or broadcasts. */
function lpGradient(context: GradientContext, spread: (share: Value) => Value): Value {
  const { node, ops } = context;
  const x = requireInput(context, 0);
  const gradient = outputGradient(context);
  const p = node.int("p", 2);
  if (p === 1) return ops.mul(ops.sign(x), spread(gradient));
  const y = node.output;
  const power = p === 2 ? y : ops.pow(y, p - 1);
  const share = ops.where(ops.greater(power, 0), ops.div(gradient, power), 0);
  const factor = p === 2 ? x : ops.mul(ops.sign(x), ops.pow(ops.abs(x), p - 1));
  return ops.mul(factor, spread(share));
}

const globalAveragePool: GradientRule = (context) => {
  const { ops, needs } = context;
  if (!needs(0)) return [];
  const dims = ops.dims(requireInput(context, 0));
  const area = elementCount(dims.slice(2));
  return [ops.mul(outputGradient(context), 1 / area)];
};

/** Equal maxima share evenly, as of ReduceMax. */
const globalMaxPool: GradientRule = (context) => {
  const { node, ops, needs } = context;
  if (!needs(0)) return [];
  const x = requireInput(context, 0);
  const gradient = outputGradient(context);
  const isMaximum = ops.equal(x, node.output);
  const axes = [...ops.dims(x).keys()].slice(2);
  const count = ops.sum(ops.cast(isMaximum, ops.dtype(gradient)), axes, true);
  return [ops.where(isMaximum, ops.div(gradient, count), 0)];
};

const globalLpPool: GradientRule = (context) =>
  context.needs(0) ? [lpGradient(context, (share) => share)] : [];

interface Pool {
  /** Spatial dims of the input. */
  readonly input: readonly number[];
  readonly window: Window;
  readonly gradient: Value;
}

function readPool(context: GradientContext): Pool {
  const { node, ops } = context;
  const gradient = outputGradient(context);
  const input = ops.dims(requireInput(context, 0)).slice(2);
  const kernel = node.ints("kernel_shape");
  if (!kernel) throw notCovered(node, "it has no kernel_shape");
  const window = resolveWindow(node, kernel, input, ops.dims(gradient).slice(2));
  return { input, window, gradient };
}

/** The windows of a pool along each axis; `weigh` gets the taps inside the input, and with padding. */
function mapWindows(
  { kernel, strides, dilations, before, after }: Window,
  input: readonly number[],
  output: readonly number[],
  weigh: (inside: number, padded: number) => number,
): readonly AxisMap[] {
  return input.map((size, axis) => {
    const start = before[axis] ?? 0;
    const end = size + (after[axis] ?? 0);
    const taps = Array.from({ length: output[axis] ?? 0 }, (_, at): readonly Tap[] => {
      // With ceil_mode, the last window may reach beyond the padding.
      const places = Array.from(
        { length: kernel[axis] ?? 1 },
        (_, tap) => at * (strides[axis] ?? 1) + tap * (dilations[axis] ?? 1) - start,
      ).filter((place) => place < end);
      const inside = places.filter((place) => place >= 0 && place < size);
      const weight = weigh(inside.length, places.length);
      return inside.map((place) => [place, weight]);
    });
    return { axis: axis + 2, size, taps };
  });
}

/** Repeats each element in blocks; zeros where they do not reach. */
function repeat(
  ops: Ops,
  value: Value,
  counts: readonly number[],
  sizes: readonly number[],
): Value {
  const scales = [1, 1, ...counts];
  const repeated = counts.every((count) => count === 1)
    ? value
    : ops.node(
        "Resize",
        [value, undefined, ops.constant(Tensor.float32([scales.length], scales))],
        {
          mode: string("nearest"),
          coordinate_transformation_mode: string("asymmetric"),
          nearest_mode: string("floor"),
        },
      );
  const reached = ops.dims(repeated);
  const missing = sizes.map((size, axis) => size - (reached[axis + 2] ?? 0));
  return ops.pad(repeated, [0, 0, ...sizes.map(() => 0)], [0, 0, ...missing]);
}

export const poolingRules: ReadonlyMap<string, GradientRule> = new Map([
  ["MaxPool", maxPool],
  ["AveragePool", averagePool],
  ["LpPool", lpPool],
  ["GlobalAveragePool", globalAveragePool],
  ["GlobalMaxPool", globalMaxPool],
  ["GlobalLpPool", globalLpPool],
]);
