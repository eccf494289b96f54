import type { Model } from "@ocrslim/graph";
import { findLayerNode, readLayer, writeLayer } from "./layer-weights.ts";
import { meanDiagonal, solveSymmetric } from "./linear-algebra.ts";
import type { LinearLayer } from "./linear-layer.ts";
import { createMoments, type MomentSummer, type Moments } from "./moments.ts";
import { outputTapsOf } from "./row-sampler.ts";
import type { Rows } from "./rows.ts";
import type { LinearFunction } from "./solve-layer.ts";

/** What one image says about an output layer: its inputs, and the wanted probabilities. */
export interface ImageRows {
  readonly inputs: Rows;
  readonly targets: Rows;
}

/**
 * One step of Newton's method on Σ KL(p ‖ σ(W'x + b)): the Hessian is Σ q(1−q)·[x; 1][x; 1]' for each
 * target, the gradient Σ (p − q)·[x; 1]. Targets that share a bias are solved together.
 */
export async function takeNewtonStep(
  model: Model,
  layer: LinearLayer,
  images: readonly ImageRows[],
  summer: MomentSummer,
  damping: number,
): Promise<void> {
  const node = findLayerNode(model, layer);
  const old = node && readLayer(node, layer);
  if (!node || !old) return;
  const targets = old.bias.length;
  const features = old.weight.length / targets;
  const channels = targets / outputTapsOf(layer);
  const sums = Array.from({ length: targets }, () => createMoments(features + 1, 1));
  for (const { inputs, targets: wanted } of images) {
    for (const [target, moments] of sums.entries()) {
      const { x, y } = weigh(inputs, wanted, old, target);
      await summer.add(moments, x, y);
    }
  }
  const step = solveShared(sums, features, channels, damping);
  if (!step) return;
  // A full step can overshoot where the curvature changes: halved until the divergence falls.
  const before = divergenceOf(images, old);
  for (let scale = 1; scale > SMALLEST_STEP; scale /= 2) {
    const moved = {
      weight: old.weight.map((value, index) => value + scale * (step.weight[index] as number)),
      bias: old.bias.map(
        (value, target) => value + scale * (step.bias[target % channels] as number),
      ),
    };
    if (divergenceOf(images, moved) >= before) continue;
    writeLayer(node, layer, { weight: moved.weight, bias: moved.bias.slice(0, channels) });
    return;
  }
}

const SMALLEST_STEP = 1 / 64;

/** Σ over rows and targets of −p log q − (1 − p) log(1 − q), which is KL(p ‖ q) but for a constant. */
function divergenceOf(images: readonly ImageRows[], current: LinearFunction): number {
  let sum = 0;
  for (const { inputs, targets } of images) {
    for (let target = 0; target < current.bias.length; target++) {
      const logits = logitsOf(inputs, current, target);
      const from = target * inputs.count;
      // log(1 + eᶻ) − p·z, without overflow.
      logits.forEach((z, row) => {
        const softplus = Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
        sum += softplus - (targets.data[from + row] as number) * z;
      });
    }
  }
  return sum;
}

function logitsOf(
  { count, width, data }: Rows,
  { weight, bias }: LinearFunction,
  target: number,
): Float64Array {
  const logits = new Float64Array(count).fill(bias[target] as number);
  for (let feature = 0; feature < width; feature++) {
    const scale = weight[feature * bias.length + target] as number;
    for (let row = 0; row < count; row++)
      logits[row] = (logits[row] as number) + scale * (data[feature * count + row] as number);
  }
  return logits;
}

/** Rows [x; 1]·√w and (p − q)/√w with w = q(1 − q), whose moments are Hessian and gradient. */
function weigh(
  inputs: Rows,
  wanted: Rows,
  current: LinearFunction,
  target: number,
): { readonly x: Rows; readonly y: Rows } {
  const { count, width } = inputs;
  const logits = logitsOf(inputs, current, target);
  const x = new Float32Array((width + 1) * count);
  const y = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    const q = 1 / (1 + Math.exp(-(logits[row] as number)));
    const root = Math.sqrt(Math.max(q * (1 - q), 1e-4));
    y[row] = ((wanted.data[target * count + row] as number) - q) / root;
    x[width * count + row] = root;
    for (let feature = 0; feature < width; feature++) {
      const at = feature * count + row;
      x[at] = (inputs.data[at] as number) * root;
    }
  }
  return { x: { width: width + 1, count, data: x }, y: { width: 1, count, data: y } };
}

/** Solves for the steps of all targets' weights and of the biases that they share. */
function solveShared(
  sums: readonly Moments[],
  features: number,
  channels: number,
  damping: number,
): LinearFunction | undefined {
  const targets = sums.length;
  const size = targets * features + channels;
  const matrix = new Float64Array(size * size);
  const right = new Float64Array(size);
  for (const [target, { sumXX, sumXY, features: own }] of sums.entries()) {
    const indexOf = (feature: number): number =>
      feature < features ? target * features + feature : targets * features + (target % channels);
    for (let row = 0; row < own; row++) {
      const to = indexOf(row);
      right[to] = (right[to] as number) + (sumXY[row] as number);
      for (let column = 0; column < own; column++) {
        const at = to * size + indexOf(column);
        matrix[at] = (matrix[at] as number) + (sumXX[row * own + column] as number);
      }
    }
  }
  const pull = damping * meanDiagonal(matrix, size);
  if (!(pull > 0)) return undefined;
  for (let index = 0; index < size; index++)
    matrix[index * size + index] = (matrix[index * size + index] as number) + pull;
  const solution = solveSymmetric(matrix, size, right, 1);
  if (!solution?.every(Number.isFinite)) return undefined;
  const weight = new Float64Array(features * targets);
  for (let target = 0; target < targets; target++) {
    for (let feature = 0; feature < features; feature++)
      weight[feature * targets + target] = solution[target * features + feature] as number;
  }
  return { weight, bias: solution.slice(targets * features) };
}
