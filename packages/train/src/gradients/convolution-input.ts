import { int, ints, type Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import type { Window } from "./window.ts";

/** A convolution as its gradients see it. */
export interface Convolution {
  readonly window: Window;
  readonly convGroups: number;
  /** Dims of the input, [N, C, …]. */
  readonly input: readonly number[];
  /** Dims of the weight, [M, C / group, …kernel]. */
  readonly weight: readonly number[];
}

/**
 * Gradient of a convolution with respect to its input, [N, C, …]. With stride 1 it is the convolution
 * of the gradient with the rotated weights; with larger strides, the transposed convolution (Dumoulin
 * and Visin, "A guide to convolution arithmetic for deep learning", ch. 4).
 */
export function convolutionInputGradient(
  ops: Ops,
  gradient: Value,
  weight: Value,
  convolution: Convolution,
): Value {
  const { window } = convolution;
  return window.strides.every((stride) => stride === 1)
    ? rotatedConvolution(ops, gradient, weight, convolution)
    : transposedConvolution(ops, gradient, weight, convolution);
}

function rotatedConvolution(
  ops: Ops,
  gradient: Value,
  weight: Value,
  convolution: Convolution,
): Value {
  const { window, convGroups } = convolution;
  const { kernel, dilations, before, after } = window;
  const reach = kernel.map((size, axis) => (size - 1) * (dilations[axis] ?? 1));
  const left = reach.map((size, axis) => size - (before[axis] ?? 0));
  const right = reach.map((size, axis) => size - (after[axis] ?? 0));
  // Padding beyond the kernel's reach saw nothing of the input: its gradient is cut off.
  const dims = ops.dims(gradient);
  const cuts = kernel.flatMap((_, axis) => {
    const start = Math.max(-(left[axis] ?? 0), 0);
    const size = dims[axis + 2] ?? 1;
    const end = size - Math.max(-(right[axis] ?? 0), 0);
    return start === 0 && end === size ? [] : [{ axis: axis + 2, start, end }];
  });
  return ops.node(
    "Conv",
    [
      cuts.length === 0 ? gradient : ops.slice(gradient, cuts),
      rotateWeight(ops, weight, convGroups),
    ],
    {
      kernel_shape: ints(kernel),
      dilations: ints(dilations),
      pads: ints([...left, ...right].map((size) => Math.max(size, 0))),
      group: int(convGroups),
    },
  );
}

/** [M, C / group, …] → [C, M / group, …], mirrored along the spatial axes. */
function rotateWeight(ops: Ops, weight: Value, convGroups: number): Value {
  const kernel = ops.dims(weight).slice(2);
  const spatial = kernel.map((_, axis) => axis);
  const turned = turnWeight(ops, weight, convGroups);
  const mirrored = spatial.filter((axis) => (kernel[axis] ?? 1) > 1);
  if (mirrored.length === 0) return turned;
  return ops.slice(
    turned,
    mirrored.map((axis) => ({
      axis: axis + 2,
      start: -1,
      end: -(kernel[axis] ?? 1) - 1,
      step: -1,
    })),
  );
}

/** [M, C / group, …] → [C, M / group, …]. */
function turnWeight(ops: Ops, weight: Value, convGroups: number): Value {
  const [outputs = 1, perGroup = 1, ...kernel] = ops.dims(weight);
  const perInput = outputs / convGroups;
  const turned = [convGroups * perGroup, perInput, ...kernel];
  if (perGroup === 1 && perInput === 1) return weight;
  if (perGroup === 1 || perInput === 1) return ops.reshape(weight, turned);
  const spatial = kernel.map((_, axis) => axis);
  if (convGroups === 1) {
    return ops.transpose(weight, [1, 0, ...spatial.map((axis) => axis + 2)]);
  }
  const grouped = ops.reshape(weight, [convGroups, perInput, perGroup, ...kernel]);
  return ops.reshape(ops.transpose(grouped, [0, 2, 1, ...spatial.map((axis) => axis + 3)]), turned);
}

function transposedConvolution(
  ops: Ops,
  gradient: Value,
  weight: Value,
  convolution: Convolution,
): Value {
  const { window, convGroups, input } = convolution;
  const { kernel, strides, dilations, before, after } = window;
  const output = ops.dims(gradient).slice(2);
  const outputPadding = kernel.map((size, axis) => {
    const reached =
      ((output[axis] ?? 1) - 1) * (strides[axis] ?? 1) + (size - 1) * (dilations[axis] ?? 1) + 1;
    return (input[axis + 2] ?? 1) - (reached - (before[axis] ?? 0) - (after[axis] ?? 0));
  });
  return ops.node("ConvTranspose", [gradient, weight], {
    kernel_shape: ints(kernel),
    strides: ints(strides),
    dilations: ints(dilations),
    pads: ints([...before, ...after]),
    output_padding: ints(outputPadding),
    group: int(convGroups),
  });
}
