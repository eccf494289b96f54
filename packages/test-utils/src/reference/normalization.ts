import { elementCount } from "@ocrslim/graph";
import {
  around,
  float64,
  positiveAxis,
  type ReferenceContext,
  type ReferenceKernel,
  type ReferenceKernels,
} from "./reference-kernel.ts";

interface Moments {
  readonly mean: number;
  /** Divided by the count, not by one less. */
  readonly variance: number;
}

function momentsOf(values: ArrayLike<number>): Moments {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  const mean = sum / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += ((values[i] ?? 0) - mean) ** 2;
  return { mean, variance: squares / values.length };
}

const batchNormalization: ReferenceKernel = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const x = context.numbers(0);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((index) => context.numbers(index));
  const epsilon = node.float("epsilon", 1e-5);
  const momentum = node.float("momentum", 0.9);
  const isTraining = node.int("training_mode", 0) !== 0;
  const channels = dims[1] ?? 1;
  const inner = elementCount(dims.slice(2));
  const out = new Float64Array(x.length);
  const runningMean = new Float64Array(channels);
  const runningVariance = new Float64Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    const own: number[] = [];
    for (let i = 0; i < x.length; i++)
      if (Math.floor(i / inner) % channels === channel) own.push(i);
    const given = { mean: mean?.[channel] ?? 0, variance: variance?.[channel] ?? 1 };
    const used = isTraining ? momentsOf(own.map((i) => x[i] ?? 0)) : given;
    const factor = (scale?.[channel] ?? 1) / Math.sqrt(used.variance + epsilon);
    for (const i of own) out[i] = ((x[i] ?? 0) - used.mean) * factor + (bias?.[channel] ?? 0);
    runningMean[channel] = momentum * given.mean + (1 - momentum) * used.mean;
    runningVariance[channel] = momentum * given.variance + (1 - momentum) * used.variance;
  }
  const result = float64(dims, out);
  return isTraining
    ? [result, float64([channels], runningMean), float64([channels], runningVariance)]
    : [result];
};

/** Normalizes rows of `size` elements that lie together; `affine` is told row and place. */
function normalizeRows(
  context: ReferenceContext,
  size: number,
  affine: (value: number, row: number, place: number) => number,
): { readonly out: Float64Array; readonly means: number[]; readonly inverses: number[] } {
  const x = context.numbers(0);
  const epsilon = context.node.float("epsilon", 1e-5);
  const out = new Float64Array(x.length);
  const means: number[] = [];
  const inverses: number[] = [];
  for (let row = 0; row * size < x.length; row++) {
    const { mean, variance } = momentsOf(x.subarray(row * size, (row + 1) * size));
    const inverse = 1 / Math.sqrt(variance + epsilon);
    means.push(mean);
    inverses.push(inverse);
    for (let place = 0; place < size; place++) {
      const at = row * size + place;
      out[at] = affine(((x[at] ?? 0) - mean) * inverse, row, place);
    }
  }
  return { out, means, inverses };
}

const layerNormalization: ReferenceKernel = (context) => {
  const dims = context.dims(0);
  const axis = positiveAxis(context.node.int("axis", -1), dims.length);
  const size = elementCount(dims.slice(axis));
  const scale = context.numbers(1);
  const bias = context.optional(2);
  const { out, means, inverses } = normalizeRows(
    context,
    size,
    (value, _, place) =>
      value * (scale[place % scale.length] ?? 1) + (bias?.[place % bias.length] ?? 0),
  );
  const reduced = dims.map((dim, at) => (at < axis ? dim : 1));
  return [float64(dims, out), float64(reduced, means), float64(reduced, inverses)];
};

const instanceNormalization: ReferenceKernel = (context) => {
  const dims = context.dims(0);
  const channels = dims[1] ?? 1;
  const scale = context.numbers(1);
  const bias = context.numbers(2);
  const { out } = normalizeRows(
    context,
    elementCount(dims.slice(2)),
    (value, row) => value * (scale[row % channels] ?? 1) + (bias[row % channels] ?? 0),
  );
  return [float64(dims, out)];
};

/** Scale and bias are per group in opset 18, per channel from 21 on. */
const groupNormalization: ReferenceKernel = (context) => {
  const { node, opset } = context;
  const dims = context.dims(0);
  const channels = dims[1] ?? 1;
  const groups = node.int("num_groups", 1);
  const perGroup = channels / groups;
  const inner = elementCount(dims.slice(2));
  const scale = context.numbers(1);
  const bias = context.numbers(2);
  const { out } = normalizeRows(context, perGroup * inner, (value, row, place) => {
    const group = row % groups;
    const at = opset < 21 ? group : group * perGroup + Math.floor(place / inner);
    return value * (scale[at] ?? 1) + (bias[at] ?? 0);
  });
  return [float64(dims, out)];
};

const lpNormalization: ReferenceKernel = (context) => {
  const { node } = context;
  const dims = context.dims(0);
  const x = context.numbers(0);
  const p = node.int("p", 2);
  const { outer, size, inner } = around(dims, positiveAxis(node.int("axis", -1), dims.length));
  const out = new Float64Array(x.length);
  for (let i = 0; i < outer; i++) {
    for (let k = 0; k < inner; k++) {
      const at = (j: number): number => (i * size + j) * inner + k;
      let norm = 0;
      for (let j = 0; j < size; j++) norm += Math.abs(x[at(j)] ?? 0) ** p;
      norm = p === 1 ? norm : Math.sqrt(norm);
      for (let j = 0; j < size; j++) out[at(j)] = norm === 0 ? 0 : (x[at(j)] ?? 0) / norm;
    }
  }
  return [float64(dims, out)];
};

/** Normalizations. */
export const normalizationKernels: ReferenceKernels = [
  ["BatchNormalization", batchNormalization],
  ["LayerNormalization", layerNormalization],
  ["InstanceNormalization", instanceNormalization],
  ["GroupNormalization", groupNormalization],
  ["LpNormalization", lpNormalization],
];
