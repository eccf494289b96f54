import { elementCount, int, ints, type Node, type Value } from "@ocrslim/graph";
import type { Ops } from "../../ops/ops.ts";
import { convolutionWeightGradient } from "../convolution-weight.ts";
import { type GradientRule, outputGradient, requireInput } from "../gradient-rule.ts";
import { multiplyByTransposed } from "../matrix-products.ts";
import type { Window } from "../window.ts";

/**
 * y = convᵀ(x, w) + b. Conv with the same weight and window leads back from y to x, so that
 * dX = conv(dY, w), and dW is the weight gradient of that Conv, of input dY and output gradient x
 * (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", ch. 4).
 *
 * Where windows neither overlap nor leave gaps, dY is reordered to have a channel for each tap, and
 * both gradients are one matrix product. Compared on the CPU with two threads (x [1, 24, 160, 160],
 * w [24, 24, 2, 2], stride 2): dW is about 2.5 times as fast as with a slice of dY for each tap; both
 * gradients are up to twice as fast as with a Conv for dX, but dX alone is 3 times as fast as Conv.
 * Reordering in two steps is 2 to 3 times as fast as one six-dimensional Transpose.
 */
const convTranspose: GradientRule = (context) => {
  const { node, ops, needs } = context;
  const x = requireInput(context, 0);
  const w = requireInput(context, 1);
  const gradient = outputGradient(context);
  const bias = needs(2)
    ? ops.sum(
        gradient,
        [...ops.dims(gradient).keys()].filter((axis) => axis !== 1),
      )
    : undefined;
  if (!needs(0) && !needs(1)) return [undefined, undefined, bias];
  const { seen, window } = resolveReach(ops, node, gradient, x, w);
  const convGroups = node.int("group", 1);
  if (isTiling(window) && needs(1)) {
    const { dX, dW } = tilingGradients(ops, seen, x, w, convGroups);
    return [needs(0) ? dX() : undefined, dW(), bias];
  }
  const dX = (): Value =>
    ops.node("Conv", [seen, w], {
      kernel_shape: ints(window.kernel),
      strides: ints(window.strides),
      dilations: ints(window.dilations),
      pads: ints([...window.before, ...window.after]),
      group: int(convGroups),
    });
  const convolution = { window, convGroups, input: ops.dims(seen), weight: ops.dims(w) };
  return [
    needs(0) ? dX() : undefined,
    needs(1) ? convolutionWeightGradient(ops, x, seen, convolution) : undefined,
    bias,
  ];
};

/** The part of the gradient that windows reach, and the window of the Conv from there back to x. */
function resolveReach(
  ops: Ops,
  node: Node,
  gradient: Value,
  x: Value,
  w: Value,
): { readonly seen: Value; readonly window: Window } {
  const input = ops.dims(x).slice(2);
  const output = ops.dims(gradient).slice(2);
  const kernel = ops.dims(w).slice(2);
  const ones = kernel.map(() => 1);
  const strides = node.ints("strides") ?? ones;
  const dilations = node.ints("dilations") ?? ones;
  const reached = kernel.map(
    (size, axis) =>
      ((input[axis] ?? 1) - 1) * (strides[axis] ?? 1) + (size - 1) * (dilations[axis] ?? 1) + 1,
  );
  const before = padsBefore(node, reached, output);
  // What output_padding or a larger output_shape added at the end is out of reach.
  const after = reached.map((size, axis) => size - (before[axis] ?? 0) - (output[axis] ?? 0));
  const cuts = after.flatMap((count, axis) =>
    count < 0 ? [{ axis: axis + 2, start: 0, end: (output[axis] ?? 0) + count }] : [],
  );
  return {
    seen: cuts.length === 0 ? gradient : ops.slice(gradient, cuts),
    window: {
      kernel,
      strides,
      dilations,
      before,
      after: after.map((count) => Math.max(count, 0)),
    },
  };
}

/** What was cut off before each axis; given `output_shape` or SAME, as ONNX Runtime shares it out. */
function padsBefore(
  node: Node,
  reached: readonly number[],
  output: readonly number[],
): readonly number[] {
  const mode = node.string("auto_pad", "NOTSET") || "NOTSET";
  if (!mode.startsWith("SAME") && !node.ints("output_shape")) {
    const pads = mode === "NOTSET" ? node.ints("pads") : undefined;
    return reached.map((_, axis) => pads?.[axis] ?? 0);
  }
  const extra = node.ints("output_padding");
  return reached.map((size, axis) => {
    const total = Math.max(size + (extra?.[axis] ?? 0) - (output[axis] ?? 0), 0);
    return mode === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
  });
}

/** Whether windows stand side by side and cover the gradient. */
function isTiling({ kernel, strides, dilations, before, after }: Window): boolean {
  return kernel.every(
    (size, axis) =>
      size === strides[axis] &&
      (size === 1 || dilations[axis] === 1) &&
      before[axis] === 0 &&
      after[axis] === 0,
  );
}

function tilingGradients(
  ops: Ops,
  gradient: Value,
  x: Value,
  w: Value,
  convGroups: number,
): { readonly dX: () => Value; readonly dW: () => Value } {
  const input = ops.dims(x);
  const weight = ops.dims(w);
  const [batch = 1, channels = 1, ...sizes] = input;
  const taps = spaceToChannels(ops, gradient, weight.slice(2));
  const [, rows = 1, positions = 1] = ops.dims(taps);
  const perGroup = channels / convGroups;
  const grouped = ops.reshape(taps, [batch, convGroups, rows / convGroups, positions]);
  return {
    dX: () => {
      const product = ops.matMul(
        ops.reshape(w, [1, convGroups, perGroup, rows / convGroups]),
        grouped,
      );
      return ops.reshape(product, [batch, channels, ...sizes]);
    },
    dW: () => {
      const inputs = ops.reshape(x, [batch, convGroups, perGroup, positions]);
      const product = multiplyByTransposed(ops, inputs, grouped);
      return ops.reshape(batch === 1 ? product : ops.sum(product, [0]), weight);
    },
  };
}

/** [N, M, H · kh, W · kw] → [N, M · kh · kw, H · W], one axis after the other. */
function spaceToChannels(ops: Ops, value: Value, kernel: readonly number[]): Value {
  const [batch = 1, channels = 1, ...sizes] = ops.dims(value);
  let outer = batch * channels;
  let positions = 1;
  let inner = elementCount(sizes);
  let moved = value;
  kernel.forEach((taps, axis) => {
    const size = sizes[axis] ?? 1;
    positions *= size / taps;
    inner /= size;
    if (taps > 1) {
      moved = ops.transpose(ops.reshape(moved, [outer, positions, taps, inner]), [0, 2, 1, 3]);
    }
    outer *= taps;
  });
  return ops.reshape(moved, [batch, outer / batch, positions]);
}

export const convTransposeRules: ReadonlyMap<string, GradientRule> = new Map([
  ["ConvTranspose", convTranspose],
]);
